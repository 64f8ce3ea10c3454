"""Butteraugli's differences between bands of two pictures, their masking, and the map that comes of them (libjxl 0.7).

Planes are (h, w) float32 of a tile; flat arrays with margins are those of :mod:`watermarking.kernels.lines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.kernels.jit import ieee_kernel, kernel
from watermarking.kernels.lines import MARGIN, PITCH

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = [
    "activity",
    "add_one_sided",
    "add_squares",
    "combine",
    "erode",
    "measure",
    "mix",
    "weighted_difference",
]

f32 = np.float32
_CENTRE: Final = MARGIN * PITCH + MARGIN
_ZERO, _ONE, _TWO = f32(0), f32(1), f32(2)

_HALF, _TOO_SMALL, _TOO_BIG = f32(0.5), f32(0.55), f32(1.05)
_L2_SMALL, _L2_SHARE = f32(0.4), f32(0.8)

_X_ACTIVITY, _Y_ACTIVITY = f32(2.5), f32(0.4)
_ROOT_GAIN, _ROOT_BIAS = f32(6.19424080439), f32(6.19424080439 * 12.61050594197)
_ROOT_REST = f32(np.sqrt(6.19424080439 * 12.61050594197))
_LEAST, _SECOND, _THIRD = f32(0.45), f32(0.3), f32(0.25)
_STEP: Final = 3  # of the erosion

_SCALE = f32(1 / (17.8 * 0.79079917404))
_AC_OFFSET, _AC_SLOPE, _AC_GAIN = f32(0.829591754942), f32(0.451936922203), f32(2.5485944793)
_DC_OFFSET, _DC_SLOPE, _DC_GAIN = f32(0.20025578522), f32(3.87449418804), f32(0.505054525019)
_MASK_ERROR = f32(10)
_COARSE, _FINE = f32(0.5), f32(1 - 0.3 * 0.5)


@ieee_kernel
def weighted_difference(first: F32, second: F32, level: float, both: float, one_sided: float, out: F32) -> None:
    """Write the difference of a band, relative to ``level`` and the band's own strength, into a flat array with margin.

    ``both`` weighs it in any case, ``one_sided`` once more what falls below 0.55 or rises above 1.05 times the first.
    """
    floor, weight, extra = f32(level), f32(both), f32(one_sided)
    for i in range(first.shape[0]):
        start = _CENTRE + i * PITCH
        one, two, to = first[i], second[i], out[start : start + first.shape[1]]
        for j in range(one.size):
            a, b = one[j], two[j]
            size = abs(a)
            along = b if a >= _ZERO else -b  # the second, as if the first were positive
            share = _ONE / (floor + _HALF * (size + abs(b)))
            excess = max(_TOO_SMALL * size - along, _ZERO) + max(along - _TOO_BIG * size, _ZERO)
            impact = extra * share * excess
            to[j] = weight * share * (a - b) + (-impact if a < b else impact)


@kernel
def add_squares(first: F32, second: F32, weight: float, out: F32) -> None:
    """Add the weighted squared difference."""
    factor = f32(weight)
    for i in range(out.shape[0]):
        one, two, to = first[i], second[i], out[i]
        for j in range(to.size):
            d = one[j] - two[j]
            to[j] += factor * d * d


@kernel
def add_one_sided(first: F32, second: F32, both: float, one_sided: float, out: F32) -> None:
    """Add the weighted squared difference, and once more that to the range from 0.4 to 1 times the first."""
    weight, extra = _L2_SHARE * f32(both), _L2_SHARE * f32(one_sided)
    for i in range(out.shape[0]):
        one, two, to = first[i], second[i], out[i]
        for j in range(to.size):
            a, b = one[j], two[j]
            size = abs(a)
            along = b if a >= _ZERO else -b
            excess = max(_L2_SMALL * size - along, _ZERO) + max(along - size, _ZERO)
            to[j] += weight * (a - b) * (a - b) + extra * excess * excess


@kernel
def activity(fine_x: F32, high_x: F32, fine_y: F32, high_y: F32, out: F32) -> None:
    """Write how busy a picture is, as a root, so that much masks little more than some."""
    for i in range(out.shape[0]):
        a, b, c, d, to = fine_x[i], high_x[i], fine_y[i], high_y[i], out[i]
        for j in range(to.size):
            x, y = _X_ACTIVITY * (a[j] + b[j]), _Y_ACTIVITY * (c[j] + d[j])
            to[j] = np.sqrt(_ROOT_GAIN * np.sqrt(x * x + y * y) + _ROOT_BIAS) - _ROOT_REST


@kernel
def erode(padded: F32, out: F32) -> None:
    """Write a mean of the three least among a sample, twice itself twice, and its eight neighbours three away.

    padded has infinity in its margin.
    """
    for i in range(out.shape[0]):
        v, to = padded[i * PITCH : (i + 2 * MARGIN + 1) * PITCH], out[i]
        for j in range(to.size):
            least = v[_CENTRE + j]
            second = _TWO * least
            third = second
            for dy in (-_STEP * PITCH, 0, _STEP * PITCH):
                for dx in (-_STEP, 0, _STEP):
                    if dy != 0 or dx != 0:
                        w = v[_CENTRE + j + dy + dx]
                        third = min(third, max(second, w))
                        second = min(second, max(least, w))
                        least = min(least, w)
            to[j] = _LEAST * least + _SECOND * second + _THIRD * third


@ieee_kernel
def combine(mask: F32, first: F32, second: F32, ac: F32, dc: F32, out: F32) -> None:
    """Write the map: errors of the higher bands and of the low one, each behind its mask.

    mask is the eroded activity; first and second are the blurred activities, whose difference is an error too.
    """
    for i in range(out.shape[0]):
        m, one, two, high, steady, to = mask[i], first[i], second[i], ac[i], dc[i], out[i]
        for j in range(to.size):
            seen = _SCALE * (_ONE + _AC_GAIN / (_AC_SLOPE * m[j] + _AC_OFFSET))
            seen_low = _SCALE * (_ONE + _DC_GAIN / (_DC_SLOPE * m[j] + _DC_OFFSET))
            change = one[j] - two[j]
            error = (high[j] + _MASK_ERROR * change * change) * (seen * seen) + steady[j] * (seen_low * seen_low)
            to[j] = np.sqrt(error)


@kernel
def mix(fine: F32, coarse: F32) -> None:
    """Mix the map of the halved picture, ((h + 1) // 2, (w + 1) // 2), into that of the picture itself (h, w)."""
    for i in range(fine.shape[0]):
        row, below = fine[i], coarse[i // 2]
        for j in range(row.size // 2):
            value = _COARSE * below[j]
            row[2 * j] = _FINE * row[2 * j] + value
            row[2 * j + 1] = _FINE * row[2 * j + 1] + value
        if row.size % 2:
            row[row.size - 1] = _FINE * row[row.size - 1] + _COARSE * below[row.size // 2]


@kernel
def measure(errors: F32, out: F64) -> None:
    """Write the greatest error of a map (h, w) and the sums of the 3rd, 6th and 12th powers into out (4,) float64."""
    greatest = _ZERO
    cubes, sixths, twelfths = 0.0, 0.0, 0.0
    for i in range(errors.shape[0]):
        row = errors[i]
        for j in range(row.size):
            greatest = max(greatest, row[j])
            cube = np.float64(row[j]) * row[j] * row[j]
            cubes += cube
            sixths += cube * cube
            twelfths += (cube * cube) * (cube * cube)
    out[0], out[1], out[2], out[3] = greatest, cubes, sixths, twelfths
