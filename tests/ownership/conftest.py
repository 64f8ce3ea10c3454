"""Pictures, a key and small models that ownership is tested with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from watermarking.keys import Key

Pixels = npt.NDArray[np.uint8]
KEY = Key(bytes(range(32)))
OTHER = Key(bytes(range(1, 33)))
_TILES = Path(__file__).parents[1] / "data/tiles"


def tiles(n: int, side: int = 256) -> list[Pixels]:
    """Return n photographs, (side, side, 3) uint8."""
    paths = sorted(_TILES.glob("*.jpg"))
    found = []
    for i in range(n):
        with Image.open(paths[i % len(paths)]) as opened:
            picture = np.asarray(opened.convert("RGB"))
        found.append(np.ascontiguousarray(np.roll(picture, 17 * (i // len(paths)), 1)[:side, :side]))
    return found


@pytest.fixture
def photographs() -> list[Pixels]:
    return tiles(6)
