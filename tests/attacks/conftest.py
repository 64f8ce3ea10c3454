from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watermarking.testing.covers import smooth_picture

if TYPE_CHECKING:
    import numpy as np

__all__ = ["smooth_picture"]


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    made = smooth_picture((120, 161, 3))
    made.flags.writeable = False
    return made
