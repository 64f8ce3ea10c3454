"""The error maps of SSIMULACRA2 over one plane of two pictures, added up as rows go by: no map is ever stored.

Rows are filtered in blocks of ``LANES``, transposed so that all lanes take each step together, and kept in a ring of
two blocks; from there the filter runs down the columns, strip by strip, and the errors of each row are added up at
once. Both filters start at the first column and row and run on to the last, because their rounding errors do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.kernels.gaussian import AFTER, BEFORE, LANES, RADIUS, STRIP, along_columns, along_rows
from watermarking.kernels.jit import ieee_kernel, kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.kernels.gaussian import Sections

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["plane_errors"]

f32 = np.float32
_FIRST, _FIRST_SQUARED, _SECOND, _SECOND_SQUARED, _PRODUCT = 0, 1, 2, 3, 4
_N_MOMENTS: Final = 5
_RING: Final = 2 * LANES
_ZERO, _ONE, _TWO = f32(0), f32(1), f32(2)
_C2 = f32(0.0009)
"""What keeps the quotient of variances finite."""


@kernel
def _transposed(plane: F32, top: int, tile: F32) -> None:
    """Lay rows top..top + LANES - 1 into a tile, zeros where the plane has no more rows."""
    height, width = plane.shape
    tile[:] = _ZERO
    for i in range(min(LANES, height - top)):
        row = plane[top + i]
        for x in range(width):
            tile[(BEFORE + x) * LANES + i] = row[x]


@kernel
def _filter_block(
    first: F32, second: F32, moment: int, sections: Sections, product: F32, filtered: F32, state: F32, rows: F32
) -> None:
    """Filter one moment of two tiles along rows, into LANES rows (LANES, width)."""
    width = rows.shape[1]
    if moment in (_FIRST, _SECOND):
        along_rows(first if moment == _FIRST else second, width, sections, state, filtered)
    else:
        one = second if moment == _SECOND_SQUARED else first
        two = first if moment == _FIRST_SQUARED else second
        for k in range(product.size):
            product[k] = one[k] * two[k]
        along_rows(product, width, sections, state, filtered)
    for i in range(LANES):
        row = rows[i]
        for x in range(width):
            row[x] = filtered[x * LANES + i]


@ieee_kernel
def _add_errors(first: F32, second: F32, smooth: F32, sums: F32) -> None:
    """Add the errors of a strip of one row to the sums of each column.

    smooth (5 * STRIP,) are the filtered moments; sums (6 * STRIP,) those of the structural error, of edges that the
    second picture adds and of edges that it lacks, each followed by its fourth power.
    """
    for j in range(first.size):
        mean, other = smooth[j], smooth[j + 2 * STRIP]
        squared, other_squared, product = mean * mean, other * other, mean * other
        similar = _TWO * (smooth[j + 4 * STRIP] - product) + _C2
        spread = (smooth[j + STRIP] - squared) + (smooth[j + 3 * STRIP] - other_squared) + _C2
        light = _ONE - (mean - other) * (mean - other)
        error = max(_ONE - light * similar / spread, _ZERO)
        edge = (_ONE + abs(second[j] - other)) / (_ONE + abs(first[j] - mean)) - _ONE
        added, lacking = max(edge, _ZERO), max(-edge, _ZERO)
        sums[j] += error
        sums[j + STRIP] += (error * error) * (error * error)
        sums[j + 2 * STRIP] += added
        sums[j + 3 * STRIP] += (added * added) * (added * added)
        sums[j + 4 * STRIP] += lacking
        sums[j + 5 * STRIP] += (lacking * lacking) * (lacking * lacking)


@kernel
def _fill(first: F32, second: F32, top: int, sections: Sections, ring: F32) -> None:
    """Filter the next LANES rows of all moments into their place in the ring (5, RING, width)."""
    padded = (BEFORE + first.shape[1] + AFTER) * LANES
    one, two, product = np.empty(padded, f32), np.empty(padded, f32), np.empty(padded, f32)
    filtered, state = np.empty(first.shape[1] * LANES, f32), np.empty(6 * LANES, f32)
    _transposed(first, top, one)
    _transposed(second, top, two)
    place = top % _RING
    for moment in range(_N_MOMENTS):
        rows = ring[moment, place : place + LANES]
        _filter_block(one, two, moment, sections, product, filtered, state, rows)


@kernel
def _descend(ring: F32, n: int, left: int, size: int, sections: Sections, state: F32, smooth: F32) -> None:
    """Take the filtered moments of a strip to row n."""
    for moment in range(_N_MOMENTS):
        upper = ring[moment, (n - RADIUS - 1) % _RING, left : left + size]
        lower = ring[moment, (n + RADIUS - 1) % _RING, left : left + size]
        along_columns(upper, lower, sections, state[moment], smooth[moment * STRIP : (moment + 1) * STRIP])


@kernel
def plane_errors(first: F32, second: F32, sections: Sections, out: F64) -> None:
    """Write the sums of the three errors over a plane and of their fourth powers.

    Parameters
    ----------
    first, second : (h, w) float32, h and w at least 1
    out : (6,) float64, in the order of the errors, each followed by its fourth power: structure that differs, edges
        that the second picture adds, and edges that it lacks
    """
    height, width = first.shape
    ring = np.zeros((_N_MOMENTS, _RING, width), f32)
    state = np.zeros((-(-width // STRIP), _N_MOMENTS, 6 * STRIP), f32)
    smooth, sums = np.empty(_N_MOMENTS * STRIP, f32), np.empty(6 * STRIP, f32)
    out[:] = 0
    for top in range(0, height + RADIUS - 1, LANES):
        _fill(first, second, top, sections, ring)
        for left in range(0, width, STRIP):
            size = min(STRIP, width - left)
            sums[:] = _ZERO  # of 16 rows at most: more of them would cost float32 its last digits
            for n in range(top - RADIUS + 1, min(top - RADIUS + 1 + LANES, height)):
                _descend(ring, n, left, size, sections, state[left // STRIP], smooth)
                if n >= 0:
                    _add_errors(first[n, left : left + size], second[n, left : left + size], smooth, sums)
            for k in range(6):
                total = 0.0
                for j in range(size):
                    total += sums[k * STRIP + j]
                out[k] += total
