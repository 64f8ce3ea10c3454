"""Refine a coarse alignment: the phases of all blocks together say how far each is off."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from watermarking.kernels.sync import sum_surfaces
from watermarking.sync.phasors import block_phasors
from watermarking.sync.warp import Region, Warp, rectify, region_of
from watermarking.sync.whitening import whitened

if TYPE_CHECKING:
    from watermarking.sync.template import Template

__all__ = ["CURVED", "FLAT", "SHIFT_ALONE", "evidence", "refine"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Parameters: TypeAlias = tuple[int, ...]
"""Which coefficients of the displacement are fitted: an even number is one of the rows', the next the columns'; by twos
they are those of 1, r, c, r^2, r c, c^2, r^3, r^2 c, r c^2 and c^3."""
Rounds: TypeAlias = tuple[tuple[float, float, Parameters], ...]

_SHIFT, _AFFINE, _BENT, _CURVED = (0, 1), tuple(range(6)), tuple(range(12)), tuple(range(20))
_ROUNDS: Final[Rounds] = ((6.0, 0.5, _AFFINE), (3.0, 0.25, _BENT))
"""Of each round: largest displacement looked at and its step, working pixels, and what is fitted."""
CURVED: Final[Rounds] = ((12.0, 0.5, _CURVED), (12.0, 0.5, _CURVED), (4.0, 0.25, _CURVED), (2.0, 0.125, _CURVED))
"""More, for what was found beyond doubt. Strong perspective lines up in one part at first, and the rest follows."""
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


def evidence(clean: F32, template: Template, warp: Warp) -> float:
    """Return the coherent sum of the waves in a plane under the best affine warp near one, in standard deviations.

    What :func:`refine` finds in its first round, but in the plane's own pixels: nothing is resampled. That takes a
    quarter of the time, or a twentieth where the picture is shown small, and tells where refining is worth its time.

    Parameters
    ----------
    clean : (h, w) float32, the plane at hand, whitened
    template : Template
    warp : Warp, its bend is left out
    """
    reach, step, parameters = _ROUNDS[0]
    frequencies, phases = template.seen_through(warp.matrix)
    side = max(_SMALLEST_BLOCK, max(clean.shape) // _BLOCKS)
    middles = _middles((clean.shape[0] // side, clean.shape[1] // side), side)
    there = np.linalg.solve(warp.matrix[:, :2], (middles - warp.matrix[:, 2]).T)
    shown = (there > 0).all(0)
    if not shown.any():
        return 0.0
    phasors = block_phasors(clean, side, frequencies).reshape(len(middles), -1)[shown]
    values = phasors * np.exp(-1j * phases) / np.sqrt(np.square(np.abs(phasors)).mean(0) + 1e-20)
    surfaces, grid = _surfaces(values, frequencies, reach * warp.scale, step * warp.scale)
    middle = np.array(clean.shape) / 2
    _, total = _climb(surfaces, grid, (middles[shown] - middle) / middle.max(), parameters)
    return total / math.sqrt(values.size / 2)


def _improve(
    plane: F32, template: Template, warp: Warp, region: Region, reach: float, step: float, parameters: Parameters
) -> tuple[Warp, float]:
    side = max(_SMALLEST_BLOCK, max(region.rows, region.cols) // _BLOCKS)
    shape = (region.rows // side, region.cols // side)
    if not shape[0] * shape[1]:
        return warp, 0.0
    rectified, inside = rectify(plane, warp, region, smooth=False)
    clean = whitened(rectified) * inside
    origin = np.array([region.row, region.col], np.float64)
    phases = template.phases + 2 * np.pi * (template.frequencies @ origin)
    values = block_phasors(clean, side, template.frequencies).reshape(-1, len(phases)) * np.exp(-1j * phases)
    surfaces, grid = _surfaces(values, template.frequencies, reach, step)
    middle, extent = origin + np.array([region.rows, region.cols]) / 2, max(region.rows, region.cols) / 2
    if warp.bend.any():  # what is found is added to it
        middle, extent = np.array(warp.centre), warp.reach
    at = (origin + _middles(shape, side) - middle) / extent
    found, total = _climb(surfaces, grid, at, parameters)
    return _apply(warp, found, middle, extent), total / _noise(clean, side, len(phases))


def _middles(shape: tuple[int, int], side: int) -> F64:
    """Return the middle (row, col) of each block, (n_blocks, 2)."""
    return np.asarray((np.mgrid[: shape[0], : shape[1]].reshape(2, -1).T + 0.5) * side, np.float64)


def _noise(clean: F32, side: int, n_waves: int) -> float:
    """Return the standard deviation of the coherent sum over all blocks of what is not waves; infinite if flat."""
    rows, cols = clean.shape[0] // side * side, clean.shape[1] // side * side
    return math.sqrt(float(np.square(clean[:rows, :cols], dtype=np.float64).sum()) * n_waves / 2) or math.inf


def _surfaces(values: npt.NDArray[np.complex128], frequencies: F64, reach: float, step: float) -> tuple[F64, F64]:
    """Return coherent sums of each block's waves (n, k) for displacements on a grid, (n, m, m), and the grid (m,)."""
    grid = np.arange(-reach, reach + step / 2, step)
    along = [np.exp(2j * np.pi * frequencies[:, i, None] * grid) for i in range(2)]
    surfaces = np.einsum("bk,ki,kj->bij", values, along[0], along[1], optimize=True).real
    return np.ascontiguousarray(surfaces), grid


def _climb(surfaces: F64, grid: F64, at: F64, parameters: Parameters) -> tuple[F64, float]:
    """Maximise the sum of all blocks' surfaces over displacement fields that are polynomials of the place (n, 2).

    Returns
    -------
    coefficients : (2, 10), displacement in pixels
    total : float
    """
    r, c = at.T
    terms = np.stack([np.ones_like(r), r, c, r * r, r * c, c * c, r**3, r * r * c, r * c * c, c**3], 1)
    coefficients = np.zeros((2, 10))
    best = _total(surfaces, grid, coefficients[None] @ terms.T)[0]
    moves = np.zeros((2 * len(parameters), 2, 10))
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
    """Sum the surfaces at displacements (k, 2, n_blocks); (k,)."""
    totals = np.empty(len(fields))
    sum_surfaces(surfaces, grid[0], grid[1] - grid[0], fields, totals)
    return totals


def _apply(warp: Warp, found: F64, middle: F64, extent: float) -> Warp:
    """Put a displacement before a warp: the marked point x is at warp(x - displacement(x))."""
    linear = np.eye(2) + found[:, 1:3] / extent
    shift = found[:, 0] - found[:, 1:3] @ middle / extent
    matrix = np.column_stack([warp.matrix[:, :2] @ linear, warp.matrix[:, :2] @ shift + warp.matrix[:, 2]])
    bend = found[:, 3:].copy()
    bend[:, : warp.bend.shape[1]] += warp.bend
    return replace(warp, matrix=matrix, bend=bend, centre=(float(middle[0]), float(middle[1])), reach=extent)
