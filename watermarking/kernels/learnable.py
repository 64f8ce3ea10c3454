"""Kernels of the marks made to be learnt: planes at half size, the keyed functions of their features, the change.

Pictures are (H, W, channels) uint8; planes and fields lie at half size, ``h = ceil(H / 2)``, ``w = ceil(W / 2)``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from watermarking.kernels.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]

__all__ = ["add_field", "half_planes", "limited_products"]


@kernel
def half_planes(picture: U8, matrix: F32, out: F32) -> None:
    """Average boxes of 2 x 2 pixels and turn their colours; at odd edges the last pixel counts twice.

    Parameters
    ----------
    picture : (H, W, channels) uint8
    matrix : (planes, channels) float32
    out : (planes, ceil(H / 2), ceil(W / 2)) float32
    """
    height, width, channels = picture.shape
    quarter = np.float32(0.25)
    mean = np.empty(channels, np.float32)
    for i in range(out.shape[1]):
        upper, lower = 2 * i, min(2 * i + 1, height - 1)
        for j in range(out.shape[2]):
            left, right = 2 * j, min(2 * j + 1, width - 1)
            for c in range(channels):
                four = np.int32(picture[upper, left, c]) + np.int32(picture[upper, right, c])
                four += np.int32(picture[lower, left, c]) + np.int32(picture[lower, right, c])
                mean[c] = quarter * np.float32(four)
            for p in range(out.shape[0]):
                value = np.float32(0)
                for c in range(channels):
                    value += matrix[p, c] * mean[c]
                out[p, i, j] = value


@kernel
def limited_products(first: F32, second: F32, out: F32) -> None:
    """Write ``t / sqrt(1 + t^2)`` of the products t of two arrays of one shape (rows, n)."""
    one = np.float32(1)
    for j in range(out.shape[0]):
        x, y, to = first[j], second[j], out[j]
        for i in range(to.size):
            t = x[i] * y[i]
            to[i] = t / np.float32(math.sqrt(one + t * t))


@kernel
def add_field(picture: U8, field: F32, matrix: F32, out: U8) -> float:
    """Add a field of half size, interpolated linearly between its centres; round halves upwards and clip.

    Parameters
    ----------
    picture, out : (H, W, channels) uint8
    field : (carriers, ceil(H / 2), ceil(W / 2)) float32
    matrix : (channels, carriers) float32
        What a unit of each carrier adds to each channel, in grey levels.

    Returns
    -------
    float
        The sum of the squared changes that were really made.
    """
    height, width, channels = picture.shape
    carriers, h, w = field.shape
    near, far, half = np.float32(0.75), np.float32(0.25), np.float32(0.5)
    row = np.empty((carriers, w), np.float32)
    energy = 0.0
    for y in range(height):
        i = y // 2
        other = min(i + 1, h - 1) if y % 2 else max(i - 1, 0)
        for k in range(carriers):
            for j in range(w):
                row[k, j] = near * field[k, i, j] + far * field[k, other, j]
        total = np.int64(0)
        for x in range(width):
            j = x // 2
            beside = min(j + 1, w - 1) if x % 2 else max(j - 1, 0)
            for c in range(channels):
                value = np.float32(picture[y, x, c]) + half
                for k in range(carriers):
                    value += matrix[c, k] * (near * row[k, j] + far * row[k, beside])
                new = np.int64(math.floor(min(max(value, np.float32(0)), np.float32(255))))
                out[y, x, c] = np.uint8(new)
                change = new - np.int64(picture[y, x, c])
                total += change * change
        energy += total
    return energy
