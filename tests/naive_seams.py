"""Plain-loop twin of watermarking/kernels/seams.py: every seam is tried."""

from __future__ import annotations

import itertools
from typing import Any


def cost_of(plane: Any, seam: tuple[int, ...]) -> float:
    """Return the new edges that removing a seam makes, one column a row."""
    width, total = len(plane[0]), 0.0
    for y, x in enumerate(seam):
        left, right = plane[y][max(x - 1, 0)], plane[y][min(x + 1, width - 1)]
        total += abs(right - left)
        if y and seam[y - 1] < x:
            total += abs(plane[y - 1][x] - left)
        if y and seam[y - 1] > x:
            total += abs(plane[y - 1][x] - right)
    return total


def least_cost(plane: Any) -> float:
    """Return the cost of the cheapest of all seams."""
    width = len(plane[0])
    ways = itertools.product(range(width), repeat=len(plane))
    return min(cost_of(plane, way) for way in ways if all(abs(a - b) <= 1 for a, b in itertools.pairwise(way)))
