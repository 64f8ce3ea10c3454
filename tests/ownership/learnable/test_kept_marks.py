"""Marks of earlier versions are read by this one, and still drawn alike: a change that breaks one is a new id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from watermarking.keys import Key
from watermarking.ownership.learnable import LearnableMark

FOLDER = Path(__file__).parents[2] / "golden" / "ownership"
KEY = Key.from_passphrase("learnable", salt="golden")


def picture(name: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(FOLDER / f"{name}.png"))


@pytest.mark.parametrize("kind", ["colour", "grey"])
def test_it_is_read(kind: str) -> None:
    own, marked = picture(f"{kind}-own"), picture(f"{kind}-marked")
    assert own.ndim == (3 if kind == "colour" else 2)
    assert LearnableMark().verify([marked], [own], key=KEY).is_present(1e-9)
    assert not LearnableMark().verify([marked], [own], key=Key(bytes(16))).is_present(1e-3)


@pytest.mark.parametrize("kind", ["colour", "grey"])
def test_it_is_drawn_alike(kind: str) -> None:
    """But for a few values that round the other way where sums are taken in another order."""
    own, marked = picture(f"{kind}-own"), picture(f"{kind}-marked")
    differing = np.abs(LearnableMark().mark(own, key=KEY).astype(int) - marked)
    assert differing.max() <= 1
    assert differing.mean() < 1e-2
