"""Refine a coarse alignment: the phases of all blocks together say how far each is off."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from watermarking.sync.template import PERIOD, Template
from watermarking.sync.warp import Region, Warp, rectify, region_of
from watermarking.sync.whitening import whitened

__all__ = ["FLAT", "SHIFT_ALONE", "refine"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Parameters: TypeAlias = tuple[int, ...]
"""Which coefficients of the displacement are fitted: an even number is one of the rows', the next the columns'; by twos
they are those of 1, r, c, r^2, r c and c^2."""
Rounds: TypeAlias = tuple[tuple[float, float, Parameters], ...]

_SHIFT, _AFFINE, _BENT = (0, 1), tuple(range(6)), tuple(range(12))
_ROUNDS: Final[Rounds] = ((6.0, 0.5, _AFFINE), (3.0, 0.25, _BENT))
"""Of each round: largest displacement looked at and its step, working pixels, and what is fitted."""
FLAT: Final[Rounds] = ((6.0, 0.5, _AFFINE), (2.0, 0.25, _AFFINE))
"""The same for what neither lens nor paper has bent."""
SHIFT_ALONE: Final[Rounds] = ((3.0, 0.25, _SHIFT),)
"""The same where the linear part is known: of faint waves, more parameters than needed fit the noise."""
_BLOCKS: Final = 8
_SMALLEST_BLOCK: Final = 24


def refine(plane: F32, template: Template, coarse: Warp, rounds: Rounds = _ROUNDS) -> tuple[Warp, float]:
    """Return the warp that lines the waves up best, and their coherent sum in standard deviations.

    Parameters
    ----------
    plane : (h, w) float32, the plane at hand
    template : Template
    coarse : Warp, right to a few working pixels everywhere
    rounds : of each, the largest displacement looked at, its step, and which parameters are fitted
    """
    warp, score = coarse, 0.0
    for reach, step, parameters in rounds:
        region = region_of(warp, (plane.shape[0], plane.shape[1]))
        if region is None:
            return warp, 0.0
        warp, score = _improve(plane, template, warp, region, reach, step, parameters)
    return warp, score


def _improve(
    plane: F32, template: Template, warp: Warp, region: Region, reach: float, step: float, parameters: Parameters
) -> tuple[Warp, float]:
    side = max(_SMALLEST_BLOCK, max(region.rows, region.cols) // _BLOCKS)
    shape = (region.rows // side, region.cols // side)
    if not shape[0] * shape[1]:
        return warp, 0.0
    rectified, inside = rectify(plane, warp, region, smooth=False)
    clean = whitened(rectified) * inside
    phasors = _block_phasors(clean, region, side, template)
    energy = float(np.square(clean[: shape[0] * side, : shape[1] * side], dtype=np.float64).sum())
    surfaces, grid = _surfaces(phasors, template, reach, step)
    middle = np.array([region.row, region.col]) + np.array([region.rows, region.cols]) / 2
    extent = max(region.rows, region.cols) / 2
    row, col = np.mgrid[: shape[0], : shape[1]].reshape(2, -1)
    at = (np.stack([region.row + (row + 0.5) * side, region.col + (col + 0.5) * side], 1) - middle) / extent
    terms = np.stack([np.ones(len(at)), at[:, 0], at[:, 1], at[:, 0] ** 2, at[:, 0] * at[:, 1], at[:, 1] ** 2], 1)
    found, total = _climb(surfaces, grid, terms, parameters)
    noise = np.sqrt(energy * len(template.waves) / 2)
    return _apply(warp, found, middle, extent), float(total / noise) if noise > 0 else 0.0


def _block_phasors(clean: F32, region: Region, side: int, template: Template) -> npt.NDArray[np.complex128]:
    """Correlate every block with every wave, (n_blocks, n_waves): a product along columns, then rows."""
    rows, cols = clean.shape[0] // side, clean.shape[1] // side
    v, u = template.waves.T
    turn = -2 * np.pi / PERIOD
    within = turn * (np.arange(side)[:, None] * u)
    table = np.concatenate([np.cos(within), np.sin(within)], 1).astype(np.float32)
    blocks = np.ascontiguousarray(clean[: rows * side, : cols * side]).reshape(-1, side) @ table
    along = (blocks[:, : u.size] + 1j * blocks[:, u.size :]).reshape(rows, side, cols, u.size)
    down = np.exp(1j * turn * ((region.row + np.arange(rows * side))[:, None] * v)).reshape(rows, side, v.size)
    start = np.exp(1j * turn * ((region.col + side * np.arange(cols))[:, None] * u))
    phasors = np.einsum("rsck,rsk->rck", along, down, optimize=True) * start
    return np.asarray(phasors.reshape(rows * cols, u.size), np.complex128)


def _surfaces(
    phasors: npt.NDArray[np.complex128], template: Template, reach: float, step: float
) -> tuple[npt.NDArray[np.float64], F64]:
    """Return every block's coherent sum for displacements on a grid, (n_blocks, m, m), and the grid (m,)."""
    grid = np.arange(-reach, reach + step / 2, step)
    values = phasors * np.exp(-1j * template.phases)
    along = [np.exp(2j * np.pi * template.frequencies[:, i, None] * grid) for i in range(2)]
    surfaces = np.einsum("bk,ki,kj->bij", values, along[0], along[1], optimize=True).real
    return surfaces, grid


def _climb(surfaces: F64, grid: F64, terms: F64, parameters: Parameters) -> tuple[F64, float]:
    """Maximise the sum of all blocks' surfaces over displacement fields that are polynomials of the place.

    Returns
    -------
    coefficients : (2, 6), displacement in working pixels
    total : float
    """
    coefficients = np.zeros((2, 6))
    best = _total(surfaces, grid, coefficients[None] @ terms.T)[0]
    moves = np.zeros((2 * len(parameters), 2, 6))
    for i, parameter in enumerate(parameters):
        moves[2 * i, parameter % 2, parameter // 2], moves[2 * i + 1, parameter % 2, parameter // 2] = 1, -1
    step = grid[-1] / 2
    while step > 0.03:
        tried = coefficients + step * moves
        totals = _total(surfaces, grid, tried @ terms.T)
        if totals.max() > best:
            coefficients, best = tried[totals.argmax()], totals.max()
        else:
            step /= 2
    return coefficients, float(best)


def _total(surfaces: F64, grid: F64, fields: F64) -> F64:
    """Sum the surfaces at displacements (m, 2, n_blocks), interpolated linearly; nothing beyond the grid."""
    place = (fields - grid[0]) / (grid[1] - grid[0])
    outside = ((place < 0) | (place > len(grid) - 1.001)).any(1)
    place = np.clip(place, 0, len(grid) - 1.001)
    low = place.astype(int)
    t = place - low
    block = np.arange(surfaces.shape[0])
    value = np.zeros(outside.shape)
    for i in (0, 1):
        for j in (0, 1):
            weight = (t[:, 0] if i else 1 - t[:, 0]) * (t[:, 1] if j else 1 - t[:, 1])
            value += weight * surfaces[block, low[:, 0] + i, low[:, 1] + j]
    return np.asarray(np.where(outside, 0, value).sum(1), np.float64)


def _apply(warp: Warp, found: F64, middle: F64, extent: float) -> Warp:
    """Put a displacement before a warp: the marked point x is at warp(x - displacement(x))."""
    linear = np.eye(2) + found[:, 1:3] / extent
    shift = found[:, 0] - found[:, 1:3] @ middle / extent
    matrix = np.column_stack([warp.matrix[:, :2] @ linear, warp.matrix[:, :2] @ shift + warp.matrix[:, 2]])
    bend = found[:, 3:] if found[:, 3:].any() else warp.bend
    return replace(warp, matrix=matrix, bend=bend, centre=(float(middle[0]), float(middle[1])), reach=extent)
