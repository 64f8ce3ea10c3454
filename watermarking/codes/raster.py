"""Bits as a picture of black and white modules, and back to soft values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.errors import CapacityError

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Bits

__all__ = ["from_raster", "to_raster"]


def to_raster(bits: Bits, shape: tuple[int, int] = (64, 64)) -> npt.NDArray[np.uint8]:
    """Draw bits as square modules, 255 for a one, row by row.

    Modules are as large as the picture allows. Those left over carry the bits again, every second time inverted, so
    that the picture stays balanced and the reader has more to add up. Rows and columns that are no full module
    prolong the last one.

    Parameters
    ----------
    bits : (n,) bool
    shape : (rows, columns)

    Returns
    -------
    (rows, columns) uint8, 0 or 255

    Raises
    ------
    CapacityError
        If there are no bits, or more bits than pixels.

    Examples
    --------
    >>> to_raster(np.array([True, False, False]), (4, 4)).tolist()
    [[255, 255, 0, 0], [255, 255, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    """
    module, flips = _modules(bits.size, shape)
    return np.where(bits[module % bits.size] ^ flips, np.uint8(255), np.uint8(0))


def from_raster(picture: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
    """Read soft values from a picture of modules, however faint or noisy.

    Parameters
    ----------
    picture : (rows, columns) numbers, in any one scale; what is not finite counts as the mean
    n : int, bits that were drawn

    Returns
    -------
    (n,) float32, positive for a one: sums over each bit's pixels, the picture's mean removed
    """
    module, flips = _modules(n, picture.shape)
    finite = np.isfinite(picture)
    values = np.where(finite, picture, 0).astype(np.float64)
    values -= values.sum() / max(1, finite.sum())
    signed = np.where(flips, -values, values) * finite
    return np.bincount((module % n).ravel(), signed.ravel(), minlength=n).astype(np.float32)


def _modules(n: int, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], Bits]:
    """Return each pixel's module, counted row by row, and whether it is inverted."""
    rows, columns = shape
    if not 1 <= n <= rows * columns:
        raise CapacityError(f"{n} bits do not fit in {rows}x{columns} modules: use 1 to {rows * columns}")
    side = math.isqrt(rows * columns // n)
    while (rows // side) * (columns // side) < n:
        side -= 1
    down = np.minimum(np.arange(rows) // side, rows // side - 1)
    across = np.minimum(np.arange(columns) // side, columns // side - 1)
    module = down[:, None] * (columns // side) + across[None, :]
    return module, (module // n) % 2 == 1
