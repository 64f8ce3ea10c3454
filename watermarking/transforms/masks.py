"""Perceptual masks on the working plane."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.masks import busyness
from watermarking.kernels.pixels import interpolate

__all__ = ["busyness_mask"]

F32 = npt.NDArray[np.float32]

_SIDE: Final = 8
_FLOOR: Final = 2.0
_EXPONENT: Final = 0.3


def busyness_mask(plane: F32) -> F32:
    """Return how much change a place hides, (h, w) float32, in arbitrary units.

    (2 + a)^0.3, a the mean magnitude of the differences between neighbours in squares of 8x8 working pixels, averaged
    over 3x3 squares and interpolated linearly.
    """
    cells = np.empty((max(1, plane.shape[0] // _SIDE), max(1, plane.shape[1] // _SIDE)), np.float32)
    busyness(np.ascontiguousarray(plane), _SIDE, cells)
    mask = np.empty(plane.shape, np.float32)
    interpolate(np.power(cells + np.float32(_FLOOR), np.float32(_EXPONENT)), _SIDE, mask)
    return mask
