"""Chips: one coefficient a square of working pixels, the square's mean against its surroundings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import kernel

__all__ = ["box_mean", "subtract_surroundings"]

F32 = npt.NDArray[np.float32]


@kernel
def box_mean(plane: F32, side: int, out: F32) -> None:
    """Write the mean of each side x side square."""
    rows, cols = out.shape
    norm = np.float32(1.0 / (side * side))
    for r in range(rows):
        for c in range(cols):
            value = np.float32(0)
            for y in range(side * r, side * (r + 1)):
                for x in range(side * c, side * (c + 1)):
                    value += plane[y, x]
            out[r, c] = value * norm


@kernel
def subtract_surroundings(source: F32, taps: F32, half: F32, out: F32) -> None:
    """Write ``source`` minus itself smoothed by a separable symmetric filter, edges repeated.

    taps (2 m + 1,) sum to one; ``half`` is scratch like ``source``.
    """
    rows, cols = source.shape
    reach = taps.shape[0] // 2
    for r in range(rows):
        half[r] = 0
        for k in range(-reach, reach + 1):
            row = source[min(max(r + k, 0), rows - 1)]
            for c in range(cols):
                half[r, c] += taps[k + reach] * row[c]
    for r in range(rows):
        for c in range(cols):
            value = np.float32(0)
            for k in range(-reach, reach + 1):
                value += taps[k + reach] * half[r, min(max(c + k, 0), cols - 1)]
            out[r, c] = source[r, c] - value
