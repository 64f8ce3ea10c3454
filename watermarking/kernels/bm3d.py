"""BM3D: alike blocks are stacked, and what a transform of the stack does not stand out with is taken for noise.

Dabov, Foi, Katkovnik and Egiazarian, "Image denoising by sparse 3-D transform-domain collaborative filtering", IEEE
Trans. Image Processing 16(8), 2007. Blocks are 8x8; the transform is the DCT inside blocks and Walsh-Hadamard across
them, in both stages. Colours follow section VI: stacks are made from the first plane and used for all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import reduction

__all__ = ["SIDE", "STACK", "empirical_wiener", "hard_threshold"]

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

SIDE = 8
STACK = 16
"""The most blocks in a stack; a power of two."""


@reduction
def _distance(plane: F32, y: int, x: int, v: int, u: int, limit: np.float32) -> np.float32:
    """Return the sum of squared differences of two blocks, or some sum above the limit."""
    total = np.float32(0)
    for i in range(SIDE):
        for j in range(SIDE):
            d = plane[y + i, x + j] - plane[v + i, u + j]
            total += d * d
        if total > limit:
            break
    return total


@reduction
def _match(plane: F32, y: int, x: int, radius: int, limit: np.float32, places: I64, found: F32) -> int:
    """Fill the places of the blocks that are most like the one at (y, x), itself first; return a power of two."""
    places[0, 0], places[0, 1], found[0] = y, x, np.float32(0)
    n = 1
    for v in range(max(0, y - radius), min(plane.shape[0] - SIDE, y + radius) + 1):
        for u in range(max(0, x - radius), min(plane.shape[1] - SIDE, x + radius) + 1):
            if v == y and u == x:
                continue
            worst = limit if n < STACK else found[STACK - 1]
            d = _distance(plane, y, x, v, u, worst)
            if d >= worst:
                continue
            k = n if n < STACK else STACK - 1
            while k > 1 and found[k - 1] > d:
                found[k], places[k, 0], places[k, 1] = found[k - 1], places[k - 1, 0], places[k - 1, 1]
                k -= 1
            found[k], places[k, 0], places[k, 1] = d, v, u
            n = min(n + 1, STACK)
    power = 1
    while 2 * power <= n:
        power *= 2
    return power


@reduction
def _dct(block: F32, basis: F32, work: F32) -> None:
    """Replace an 8x8 block by basis @ block @ basis.T."""
    for i in range(SIDE):
        for j in range(SIDE):
            total = np.float32(0)
            for k in range(SIDE):
                total += block[i, k] * basis[j, k]
            work[i, j] = total
    for i in range(SIDE):
        for j in range(SIDE):
            block[i, j] = np.float32(0)
        for k in range(SIDE):
            b = basis[i, k]
            for j in range(SIDE):
                block[i, j] += b * work[k, j]


@reduction
def _across(stack: F32, n: int) -> None:
    """Take the orthonormal Walsh-Hadamard transform, its own inverse, across the first n blocks."""
    step = 1
    while step < n:
        for first in range(0, n, 2 * step):
            for b in range(first, first + step):
                for i in range(SIDE):
                    for j in range(SIDE):
                        p, q = stack[b, i, j], stack[b + step, i, j]
                        stack[b, i, j], stack[b + step, i, j] = p + q, p - q
        step *= 2
    scale = np.float32(1) / np.sqrt(np.float32(n))
    for b in range(n):
        for i in range(SIDE):
            for j in range(SIDE):
                stack[b, i, j] *= scale


@reduction
def _collect(plane: F32, places: I64, n: int, basis: F32, work: F32, stack: F32) -> None:
    """Fill the stack's transform."""
    for b in range(n):
        for i in range(SIDE):
            for j in range(SIDE):
                stack[b, i, j] = plane[places[b, 0] + i, places[b, 1] + j]
        _dct(stack[b], basis, work)
    _across(stack, n)


@reduction
def _spread(
    stack: F32, places: I64, n: int, back: F32, work: F32, window: F32, weight: np.float32, sums: F32, weights: F32
) -> None:
    """Undo the transform and add the blocks, weighted, to where they came from."""
    _across(stack, n)
    for b in range(n):
        _dct(stack[b], back, work)
        for i in range(SIDE):
            for j in range(SIDE):
                w = weight * window[i, j]
                sums[places[b, 0] + i, places[b, 1] + j] += w * stack[b, i, j]
                weights[places[b, 0] + i, places[b, 1] + j] += w


@reduction
def hard_threshold(
    planes: F32, sigmas: F32, rows: I64, columns: I64, radius: int, limit: float, basis: F32, window: F32, out: F32
) -> None:
    """Take the first stage: coefficients of a stack below 2.7 sigma are noise.

    Parameters
    ----------
    planes : (C, H, W) float32, H and W at least ``SIDE``; blocks are compared in the first
    sigmas : (C,) float32, above 0: the noise's standard deviation in each plane
    rows, columns : (m,) and (n,) int64, where the stacks' first blocks lie; together they cover the planes
    radius : how far alike blocks are sought, in pixels
    limit : mean squared difference from which on blocks are not alike
    basis : (8, 8) float32, the orthonormal DCT
    window : (8, 8) float32, above 0: weights inside a block
    out : (2 C, H, W) float32, zeros: sums, then weights; what is found is one over the other
    """
    n_planes = planes.shape[0]
    places, found = np.empty((STACK, 2), np.int64), np.empty(STACK, np.float32)
    stack, work = np.empty((STACK, SIDE, SIDE), np.float32), np.empty((SIDE, SIDE), np.float32)
    back = basis.T.copy()
    for y in rows:
        for x in columns:
            n = _match(planes[0], y, x, radius, np.float32(limit * SIDE * SIDE), places, found)
            for c in range(n_planes):
                _collect(planes[c], places, n, basis, work, stack)
                least, kept = np.float32(2.7) * sigmas[c], 0
                for b in range(n):
                    for i in range(SIDE):
                        for j in range(SIDE):
                            if abs(stack[b, i, j]) < least:
                                stack[b, i, j] = np.float32(0)
                            else:
                                kept += 1
                weight = np.float32(1) / (sigmas[c] * sigmas[c] * max(1, kept))
                _spread(stack, places, n, back, work, window, weight, out[c], out[n_planes + c])


@reduction
def empirical_wiener(
    planes: F32,
    pilots: F32,
    sigmas: F32,
    rows: I64,
    columns: I64,
    radius: int,
    limit: float,
    basis: F32,
    window: F32,
    out: F32,
) -> None:
    """Take the second stage: coefficients shrink as the first stage's result, ``pilots``, says; all else as there."""
    n_planes = planes.shape[0]
    places, found = np.empty((STACK, 2), np.int64), np.empty(STACK, np.float32)
    stack, guide = np.empty((STACK, SIDE, SIDE), np.float32), np.empty((STACK, SIDE, SIDE), np.float32)
    work, back = np.empty((SIDE, SIDE), np.float32), basis.T.copy()
    for y in rows:
        for x in columns:
            n = _match(pilots[0], y, x, radius, np.float32(limit * SIDE * SIDE), places, found)
            for c in range(n_planes):
                _collect(planes[c], places, n, basis, work, stack)
                _collect(pilots[c], places, n, basis, work, guide)
                power, total = sigmas[c] * sigmas[c], np.float32(0)
                for b in range(n):
                    for i in range(SIDE):
                        for j in range(SIDE):
                            known = guide[b, i, j] * guide[b, i, j]
                            share = known / (known + power)
                            stack[b, i, j] *= share
                            total += share * share
                weight = np.float32(1) / (power * max(total, np.float32(1e-3)))
                _spread(stack, places, n, back, work, window, weight, out[c], out[n_planes + c])
