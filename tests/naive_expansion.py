"""What the kernels of ``expansion`` do, in plain loops and Python's own whole numbers: the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]


class Treatment(NamedTuple):
    """How one layer is treated; ``how`` as the kernels take it, the others by class."""

    how: Array
    ladder: Array
    begin: Array
    width: Array


def squares(work: Array, skip: Array, how: Array) -> Iterator[tuple[int, int]]:
    """Yield the places of a layer, row by row."""
    for i in range(work.shape[0]):
        for j in range(work.shape[1]):
            if (i + j) % 2 == how[1] and not (int(skip[i, j]) >> how[0]) % 2:
                yield i, j


def context(work: Array, i: int, j: int, how: Array, ladder: Array) -> tuple[int, int]:
    """Predict a sample from the mean of its neighbours, and say how rough the squares around it are."""
    channel, helper, weight = how[0], how[2], int(how[3])
    # NumPy's own mirror about the outermost sample
    padded = np.pad(work.astype(np.int64), ((2, 2), (2, 2), (0, 0)), mode="reflect")[i : i + 5, j : j + 5]
    own = [[int(value) for value in row] for row in padded[..., channel]]
    u, d, left, right = own[1][2], own[3][2], own[2][1], own[2][3]
    rough = abs(u - left) + abs(u - right) + abs(d - left) + abs(d - right) + 2 * abs(u - d) + 2 * abs(left - right)
    for near, far in (((1, 2), (1, 0)), ((1, 2), (1, 4)), ((3, 2), (3, 0)), ((3, 2), (3, 4))):
        rough += abs(own[near[0]][near[1]] - own[far[0]][far[1]])
        rough += abs(own[near[1]][near[0]] - own[far[1]][far[0]])
    sixteenths = 4 * (u + d + left + right) * 4
    if helper >= 0:
        other = padded[..., helper]
        sixteenths += weight * int(4 * other[2, 2] - other[1, 2] - other[3, 2] - other[2, 1] - other[2, 3])
    predicted = (sixteenths + 32) // 64  # halves upwards
    return min(max(predicted, 0), int(how[5])), int(ladder[min(rough // 2 ** int(how[4]), len(ladder) - 1)])


def error(value: int, predicted: int, peak: int) -> tuple[int, int]:
    """Return the error's size and the way it grows; 0 belongs to the way that leads to the middle."""
    if value == predicted:
        return 0, -1 if 2 * predicted > peak else 1
    size = abs(value - predicted)
    towards_middle = (value < predicted) == (2 * predicted > peak)
    return size if towards_middle else size - 1, 1 if value > predicted else -1


def in_doubt(value: int, way: int, width: int, peak: int) -> bool:
    """Say whether a value may be one that stayed because it could not move."""
    return not 0 <= value + way * width <= peak


def expand(work: Array, skip: Array, one: Treatment, bits: list[int]) -> tuple[Array, list[int], int, int]:
    """Write bits until they end; return the result, who of the doubtful moved, bits written, samples looked at."""
    out, moved, n, seen, peak = work.copy(), [], 0, 0, int(one.how[5])
    for i, j in squares(work, skip, one.how):
        if n == len(bits):
            break
        seen += 1
        predicted, kind = context(work, i, j, one.how, one.ladder)
        value, width = int(work[i, j, one.how[0]]), int(one.width[kind])
        size, way = error(value, predicted, peak)
        beyond = size - int(one.begin[kind])
        if width == 0 or beyond < 0:
            continue
        if in_doubt(value, way, width, peak):
            moved.append(0)
            continue
        if beyond < width and not in_doubt(value + way * (beyond + 1), way, width, peak):
            out[i, j, one.how[0]] = value + way * (beyond + bits[n])
            n += 1
            continue
        out[i, j, one.how[0]] = value + way * width
        if in_doubt(value + way * width, way, width, peak):
            moved.append(1)
    return out, moved, n, seen
