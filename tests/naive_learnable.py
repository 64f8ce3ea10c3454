"""What the kernels of the marks made to be learnt do, in plain loops and double precision."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]


def half_planes(picture: Array, matrix: Array) -> Array:
    """Average 2 x 2 boxes (the last row and column twice where they are odd), then turn the colours."""
    height, width, channels = picture.shape
    out = np.zeros((len(matrix), -(-height // 2), -(-width // 2)))
    for p, i, j in np.ndindex(*out.shape):
        for y in (2 * i, min(2 * i + 1, height - 1)):
            for x in (2 * j, min(2 * j + 1, width - 1)):
                for c in range(channels):
                    out[p, i, j] += float(matrix[p, c]) * float(picture[y, x, c]) / 4
    return out


def limited_products(first: Array, second: Array) -> Array:
    """Multiply and limit softly to -1..1."""
    out = np.zeros(first.shape)
    for place in np.ndindex(*first.shape):
        t = float(first[place]) * float(second[place])
        out[place] = t / math.sqrt(1 + t * t)
    return out


def add_field(picture: Array, field: Array, matrix: Array) -> tuple[Array, float]:
    """Interpolate the field linearly between the centres of its places (clamped), add, round halves up, clip."""
    out, energy = np.zeros_like(picture), 0.0
    for y, x, c in np.ndindex(*picture.shape):
        change = 0.0
        for k, plane in enumerate(field):
            change += float(matrix[c, k]) * _between(plane, (y + 0.5) / 2 - 0.5, (x + 0.5) / 2 - 0.5)
        new = math.floor(min(max(float(picture[y, x, c]) + change + 0.5, 0), 255))
        out[y, x, c] = new
        energy += (new - float(picture[y, x, c])) ** 2
    return out, energy


def _between(plane: Array, row: float, column: float) -> float:
    top, left = math.floor(row), math.floor(column)
    value = 0.0
    for i, v in ((top, top + 1 - row), (top + 1, row - top)):
        for j, u in ((left, left + 1 - column), (left + 1, column - left)):
            inside = min(max(i, 0), plane.shape[0] - 1), min(max(j, 0), plane.shape[1] - 1)
            value += v * u * float(plane[inside])
    return value
