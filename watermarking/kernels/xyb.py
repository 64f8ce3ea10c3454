"""Samples to linear light to libjxl's XYB, rounding for rounding: what SSIMULACRA2 sees.

Planes are (3, rows, width) float32. The transfer function is libjxl's rational approximation of sRGB's (relative error
5e-7), the cube root its Newton iteration: nearly equal pictures differ by less than such errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.kernels.fused import fma
from watermarking.kernels.jit import ieee_kernel, kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]

__all__ = ["copy", "halve", "linear_from_table", "linear_rows", "xyb_rows"]

f32 = np.float32
_STRIP: Final = 128  # columns that stay in the first cache through all steps
_KNEE, _SLOPE = f32(0.04045), f32(1 / 12.92)
_P0, _P1, _P2, _P3, _P4 = (f32(v) for v in (2.200248328e-4, 1.043637593e-2, 0.1624820318, 0.7961564959, 0.8210152774))
_Q0, _Q1, _Q2, _Q3, _Q4 = (f32(v) for v in (0.263184697, 1.076976492, 0.498752835, -0.05512498495, 6.521209011e-3))
_ONE, _HALF, _QUARTER = f32(1), f32(0.5), f32(0.25)

# The opsin matrix, each row adding up to one, and its bias.
_RED0, _BLUE0, _RED1, _BLUE1 = f32(0.3), f32(0.078), f32(0.23), f32(0.078)
_RED2, _GREEN2 = f32(0.24342268924547819), f32(0.20476744424496821)
_GREEN0, _GREEN1, _BLUE2 = _ONE - _BLUE0 - _RED0, _ONE - _BLUE1 - _RED1, _ONE - _RED2 - _GREEN2
_BIAS = f32(0.0037930732552754493)
_MINUS_ROOT_OF_BIAS = -f32(np.cbrt(_BIAS))

# The ranges that SSIMULACRA2 gives to X, Y and B - Y, about 0..1.
_X_SCALE, _X_SHIFT, _Y_SHIFT, _B_SHIFT = f32(14), f32(0.42), f32(0.01), f32(0.55)

_THIRD, _FOUR_THIRDS, _ZERO = f32(1 / 3), f32(4 / 3), f32(0)
_EXPONENT, _EXPONENT_STEP, _MANTISSA_BITS = np.int32(0x54800000), np.int32(0x002AAAAA), np.int32(23)


@kernel
def copy(source: F32, out: F32) -> None:
    """Copy samples; compiling an assignment of slices takes a second, for the error that it might raise."""
    for j in range(out.size):
        out[j] = source[j]


@ieee_kernel
def _transfer(v: np.float32) -> np.float32:
    """Return the linear light of an sRGB value in [0, 1]."""
    top = fma(fma(fma(fma(_P4, v, _P3), v, _P2), v, _P1), v, _P0)
    bottom = fma(fma(fma(fma(_Q4, v, _Q3), v, _Q2), v, _Q1), v, _Q0)
    bent, straight = top / bottom, v * _SLOPE  # both, so that the choice is no branch
    return bent if v > _KNEE else straight


@ieee_kernel
def linear_rows(rows: F32, background: float, out: F32) -> None:
    """Write the linear light of samples in [0, 1].

    Parameters
    ----------
    rows : (n, width * channels) float32 of grey (1 channel), RGB (3) or RGBA (4)
    background : sRGB grey in [0, 1] that shows through where alpha, if any, is below 1
    out : (3, n, width) float32
    """
    n, width = out.shape[1], out.shape[2]
    channels = rows.shape[1] // width
    ground = f32(background)
    for i in range(n):
        for c in range(3):
            row, to = rows[i], out[c, i]
            first = c if channels > 1 else 0
            for j in range(width):
                to[j] = row[j * channels + first]
            if channels == 4:
                for j in range(width):
                    alpha = row[j * channels + 3]
                    to[j] = alpha * to[j] + (_ONE - alpha) * ground
            for j in range(width):
                to[j] = _transfer(to[j])


@kernel
def linear_from_table(rows: Any, table: F32, out: F32) -> None:
    """Write the linear light of whole-numbered samples: rows (n, width * channels) grey or RGB, out (3, n, width)."""
    n, width = out.shape[1], out.shape[2]
    channels = rows.shape[1] // width
    for i in range(n):
        row, red, green, blue = rows[i], out[0, i], out[1, i], out[2, i]
        if channels == 1:
            for j in range(width):
                red[j] = table[row[j]]
            copy(red, green)
            copy(red, blue)
        else:
            for j in range(width):
                red[j] = table[row[3 * j]]
                green[j] = table[row[3 * j + 1]]
                blue[j] = table[row[3 * j + 2]]


@kernel
def _cube_root(x: np.float32) -> np.float32:
    """Return x^(1/3) less that of the bias, for x > 0: Newton's method on r = x^(-1/3), started from x's exponent."""
    third = _THIRD * x
    exponent = np.int32(f32(x).view(np.int32) >> _MANTISSA_BITS)
    r = np.int32(_EXPONENT - exponent * _EXPONENT_STEP).view(np.float32)
    for _ in range(3):
        square = r * r
        r = fma(-third, square * square, _FOUR_THIRDS * r)
    square = r * r
    r = fma(_THIRD, fma(-x, square * square, r), r)
    return fma(r * r, x, _MINUS_ROOT_OF_BIAS)


@kernel
def _mixed(
    red: np.float32, green: np.float32, blue: np.float32, r: np.float32, g: np.float32, b: np.float32
) -> np.float32:
    return _cube_root(max(_ZERO, fma(red, r, fma(green, g, fma(blue, b, _BIAS)))))


@kernel
def xyb_rows(linear: F32, first: int, out: F32, start: int, n: int) -> None:
    """Write X, Y and B - Y in SSIMULACRA2's ranges of n rows, from row ``first`` on, to row ``start`` of ``out``."""
    width = out.shape[2]
    buffer = np.empty(3 * _STRIP, np.float32)  # of one array, the compiler knows which values are apart
    for i in range(n):
        for left in range(0, width, _STRIP):
            size = min(_STRIP, width - left)
            for c in range(3):
                copy(linear[c, first + i, left : left + size], buffer[c * _STRIP : c * _STRIP + size])
            for j in range(size):
                r, g, b = buffer[j], buffer[j + _STRIP], buffer[j + 2 * _STRIP]
                long = _mixed(_RED0, _GREEN0, _BLUE0, r, g, b)
                medium = _mixed(_RED1, _GREEN1, _BLUE1, r, g, b)
                y = _HALF * (long + medium)
                buffer[j] = _HALF * (long - medium) * _X_SCALE + _X_SHIFT
                buffer[j + _STRIP] = y + _Y_SHIFT
                buffer[j + 2 * _STRIP] = (_mixed(_RED2, _GREEN2, _BLUE2, r, g, b) - y) + _B_SHIFT
            for c in range(3):
                copy(buffer[c * _STRIP : c * _STRIP + size], out[c, start + i, left : left + size])


@kernel
def halve(planes: F32, out: F32, start: int) -> None:
    """Write the means of 2 x 2 squares, from row ``start`` of ``out`` on; an odd last row or column counts twice.

    planes (3, h, w); out (3, at least start + (h + 1) // 2, (w + 1) // 2).
    """
    height, width = planes.shape[1], planes.shape[2]
    for c in range(3):
        for i in range((height + 1) // 2):
            upper, lower, to = planes[c, 2 * i], planes[c, min(2 * i + 1, height - 1)], out[c, start + i]
            for x in range(width // 2):
                to[x] = (((upper[2 * x] + upper[2 * x + 1]) + lower[2 * x]) + lower[2 * x + 1]) * _QUARTER
            if width % 2:
                x = width - 1
                to[width // 2] = (((upper[x] + upper[x]) + lower[x]) + lower[x]) * _QUARTER
