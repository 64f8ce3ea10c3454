"""Seams: ways from the first row to the last that a picture can do without.

Avidan and Shamir, "Seam carving for content-aware image resizing", ACM SIGGRAPH 2007, with the forward energy of
Rubinstein, Shamir and Avidan, "Improved seam carving for video retargeting", 2008: the cheapest seam is the one whose
removal makes the fewest new edges.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import kernel

__all__ = ["remove_seams"]

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int8]


@kernel
def _cumulate(plane: F32, width: int, cost: F32, came: I8) -> None:
    """Fill the least cost of a seam from the first row to each place, and from which column it came (-1, 0, 1).

    Straight down goes first among equals, then from the left.
    """
    for y in range(plane.shape[0]):
        for x in range(width):
            left = plane[y, max(x - 1, 0)]
            right = plane[y, min(x + 1, width - 1)]
            joined = abs(right - left)
            if y == 0:
                cost[y, x], came[y, x] = joined, 0
                continue
            above = plane[y - 1, x]
            best, way = cost[y - 1, x] + joined, 0
            if x > 0:
                other = cost[y - 1, x - 1] + joined + abs(above - left)
                if other < best:
                    best, way = other, -1
            if x < width - 1:
                other = cost[y - 1, x + 1] + joined + abs(above - right)
                if other < best:
                    best, way = other, 1
            cost[y, x], came[y, x] = best, way


@kernel
def remove_seams(plane: F32, kept: I32, n: int, cost: F32, came: I8) -> None:
    """Remove the cheapest vertical seam n times; the leftmost among equals.

    Parameters
    ----------
    plane : (H, W) float32; the first W - n columns are what is left
    kept : (H, W) int32, what moves with the plane: column numbers, say
    n : less than W
    cost, came : (H, W) float32 and int8, work space
    """
    height, width = plane.shape
    for _ in range(n):
        _cumulate(plane, width, cost, came)
        x = 0
        for candidate in range(1, width):
            if cost[height - 1, candidate] < cost[height - 1, x]:
                x = candidate
        for y in range(height - 1, -1, -1):
            way = int(came[y, x])
            for after in range(x, width - 1):
                plane[y, after] = plane[y, after + 1]
                kept[y, after] = kept[y, after + 1]
            x += way
        width -= 1
