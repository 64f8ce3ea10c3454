"""A few training tiles on disk, and networks small enough for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TILES = Path(__file__).parents[1] / "data" / "tiles"


@pytest.fixture(scope="session")
def tiles() -> Path:
    """Return the folder of permissive training tiles."""
    return TILES


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """Return an evaluation photograph, 512 x 512 RGB."""
    path = Path(__file__).parents[2] / "benchmarks" / "photographs" / "chelsea.png"
    return np.asarray(Image.open(path).convert("RGB").resize((512, 512)))
