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
    height, width = min(rows * side, plane.shape[0]), min(cols * side, plane.shape[1])
    change = np.zeros(cols * side, np.float32)
    for r in range(height):
        row, below = plane[r], plane[min(r + 1, plane.shape[0] - 1)]
        change[width - 1] = abs(below[width - 1] - row[width - 1])
        for c in range(width - 1):
            change[c] = abs(row[c + 1] - row[c]) + abs(below[c] - row[c])
        if width < plane.shape[1]:
            change[width - 1] += abs(row[width] - row[width - 1])
        for c in range(cols):
            value = np.float32(0)
            for x in range(c * side, (c + 1) * side):
                value += change[x]
            own[r // side, c] += value
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
