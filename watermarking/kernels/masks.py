"""How busy the squares of a plane are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import kernel

__all__ = ["busyness"]

F32 = npt.NDArray[np.float32]


@kernel
def busyness(plane: F32, side: int, out: F32) -> None:
    """Write the mean magnitude of horizontal and vertical differences in squares, averaged over 3x3 squares."""
    rows, cols = out.shape
    own = np.zeros((rows, cols), np.float32)
    for r in range(min(rows * side, plane.shape[0])):
        for c in range(min(cols * side, plane.shape[1])):
            value = np.float32(0)
            if c + 1 < plane.shape[1]:
                value += abs(plane[r, c + 1] - plane[r, c])
            if r + 1 < plane.shape[0]:
                value += abs(plane[r + 1, c] - plane[r, c])
            own[r // side, c // side] += value
    norm = np.float32(0.5 / (side * side))
    for r in range(rows):
        for c in range(cols):
            total = np.float32(0)
            n = 0
            for y in range(max(r - 1, 0), min(r + 2, rows)):
                for x in range(max(c - 1, 0), min(c + 2, cols)):
                    total += own[y, x]
                    n += 1
            out[r, c] = total * norm / n
