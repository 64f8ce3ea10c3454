"""Perceptual masks on the working plane."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.masks import busyness
from watermarking.kernels.pixels import interpolate

__all__ = ["busyness_mask", "is_page"]

F32 = npt.NDArray[np.float32]

_SIDE: Final = 8
_FLOOR: Final = 2.0
_EXPONENT: Final = 0.3
_EQUAL: Final = 0.05  # grey levels
_PAGE_SHARE: Final = 0.55
"""Share of equal neighbours that makes a page or a drawing: photographs have a tenth of them, one of 27 four tenths."""


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


def is_page(plane: F32, shown: npt.NDArray[np.bool_] | None = None) -> bool:
    """Say whether a plane (h, w) shows a page, a drawing or a screenshot: most neighbours are equal.

    ``shown`` (h, w) is False where the picture is clear, which counts for nothing.

    Examples
    --------
    >>> is_page(np.full((64, 64), 250, np.float32)), is_page(np.add.outer(np.arange(64), np.arange(64)) * np.float32(2))
    (True, False)
    """
    equal = np.abs(np.diff(plane)) < _EQUAL
    if shown is None:
        return float(equal.mean()) > _PAGE_SHARE
    seen = shown[:, 1:] & shown[:, :-1]
    return bool(seen.any()) and float(equal[seen].mean()) > _PAGE_SHARE
