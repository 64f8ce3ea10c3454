"""What pictures are put beside: textures that are nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import round_pixels
from watermarking.attacks.resampling import resample

if TYPE_CHECKING:
    from watermarking.attacks.attack import Pixels

__all__ = ["texture"]


def texture(shape: tuple[int, ...], rng: np.random.Generator) -> Pixels:
    """Return a picture with the falling spectrum of photographs: random grids of several sizes, added up."""
    total = np.zeros(shape, dtype=np.float32)
    for cells in (2, 4, 8, 16, 32, 64, 128):
        grid = rng.integers(0, 256, (min(cells, shape[0]), min(cells, shape[1]), *shape[2:]), dtype=np.uint8)
        total += (resample(grid, (shape[0], shape[1]), "cubic").astype(np.float32) - 128) / np.sqrt(np.float32(cells))
    texture = round_pixels(128 + 0.7 * total)
    if len(shape) == 3 and shape[2] == 4:
        texture[..., 3] = 255
    return texture
