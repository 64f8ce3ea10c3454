"""Sums along short lines in 16 directions through every sample of a tile: Butteraugli's errors add up along edges.

A tile is a flat array with rows of ``PITCH`` samples and a margin of ``MARGIN`` on all sides, zeros outside of the
picture: so the compiler knows all distances between samples. Every line is the same seen from its other end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.kernels.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]

__all__ = ["MARGIN", "PITCH", "add_fine_lines", "add_sparse_lines"]

MARGIN: Final = 4
PITCH: Final = 608  # no power of two, so that the samples of a column fall into different sets of the cache
_CENTRE: Final = MARGIN * PITCH + MARGIN
# Distances along a row and down a column; as bare literals they would have the callees compiled once for each.
_X1, _X2, _X3, _X4 = np.int64(1), np.int64(2), np.int64(3), np.int64(4)
_R1, _R2, _R3, _R4 = np.int64(PITCH), np.int64(2 * PITCH), np.int64(3 * PITCH), np.int64(4 * PITCH)


@kernel
def _pair(window: F32, j: int, distance: np.int64) -> np.float32:
    """Return the sum of two samples opposite each other about sample j of a window's middle row."""
    before: np.float32 = window[_CENTRE + j - distance]
    after: np.float32 = window[_CENTRE + j + distance]
    return before + after


@kernel
def _ended(start: np.float32, window: F32, j: int, distance: np.int64) -> np.float32:
    """Return the square of a line's sum: its inner samples and the two at its ends."""
    line = start + _pair(window, j, distance)
    return line * line


@kernel
def add_fine_lines(differences: F32, out: F32) -> None:
    """Add the squares of the sums over 16 lines, nine or seven samples long, to out (h, w).

    Four of them bend twice, and are counted twice.
    """
    for i in range(out.shape[0]):
        v, to = differences[i * PITCH : (i + 2 * MARGIN + 1) * PITCH], out[i]
        for j in range(to.size):
            c = v[_CENTRE + j]
            across, down = c + _pair(v, j, _X1), c + _pair(v, j, _R1)
            falling, rising = c + _pair(v, j, _R1 + _X1), c + _pair(v, j, _R1 - _X1)
            total = _ended(across + _pair(v, j, _X2) + _pair(v, j, _X3), v, j, _X4)
            total += _ended(down + _pair(v, j, _R2) + _pair(v, j, _R3), v, j, _R4)
            total += _ended(falling + _pair(v, j, _R2 + _X2), v, j, _R3 + _X3)
            total += _ended(rising + _pair(v, j, _R2 - _X2), v, j, _R3 - _X3)
            total += _ended(falling + _pair(v, j, _R2 + _X1), v, j, _R3 + _X2)
            total += _ended(rising + _pair(v, j, _R2 - _X1), v, j, _R3 - _X2)
            total += _ended(falling + _pair(v, j, _R1 + _X2), v, j, _R2 + _X3)
            total += _ended(rising + _pair(v, j, _R1 - _X2), v, j, _R2 - _X3)
            bent = _ended(down + _pair(v, j, _R2 - _X1) + _pair(v, j, _R3 - _X1), v, j, _R4 - _X1)
            bent += _ended(down + _pair(v, j, _R2 + _X1) + _pair(v, j, _R3 + _X1), v, j, _R4 + _X1)
            bent += _ended(across + _pair(v, j, _R1 + _X2) + _pair(v, j, _R1 + _X3), v, j, _R1 + _X4)
            bent += _ended(across + _pair(v, j, _R1 - _X2) + _pair(v, j, _R1 - _X3), v, j, _R1 - _X4)
            to[j] += total + bent + bent


@kernel
def add_sparse_lines(differences: F32, out: F32) -> None:
    """Add the squares of the sums over 16 lines of five samples, one or two samples apart, to out (h, w)."""
    for i in range(out.shape[0]):
        v, to = differences[i * PITCH : (i + 2 * MARGIN + 1) * PITCH], out[i]
        for j in range(to.size):
            c = v[_CENTRE + j]
            steep, steep_back = c + _pair(v, j, _R2 + _X1), c + _pair(v, j, _R2 - _X1)
            flat, flat_back = c + _pair(v, j, _R1 + _X2), c + _pair(v, j, _R1 - _X2)
            total = _ended(c + _pair(v, j, _X2), v, j, _X4) + _ended(c + _pair(v, j, _R2), v, j, _R4)
            total += _ended(c + _pair(v, j, _R2 + _X2), v, j, _R3 + _X3)
            total += _ended(c + _pair(v, j, _R2 - _X2), v, j, _R3 - _X3)
            total += _ended(steep, v, j, _R4 + _X1) + _ended(steep, v, j, _R3 + _X2) + _ended(steep, v, j, _R4 + _X2)
            total += _ended(steep_back, v, j, _R4 - _X1) + _ended(steep_back, v, j, _R3 - _X2)
            total += _ended(steep_back, v, j, _R4 - _X2)
            total += _ended(flat, v, j, _R1 + _X4) + _ended(flat, v, j, _R2 + _X3) + _ended(flat, v, j, _R2 + _X4)
            total += _ended(flat_back, v, j, _R1 - _X4) + _ended(flat_back, v, j, _R2 - _X3)
            total += _ended(flat_back, v, j, _R2 - _X4)
            to[j] += total
