"""Butteraugli's view of a picture: the response of the cones to light, and its bands of frequency.

Formulas and constants are those of libjxl 0.7 (Alakuijala, Obryk, Stoliarchuk, Szabadka, Vandevenne and Wassenberg,
"Guetzli: perceptually guided JPEG encoder", arXiv:1703.04421, 2017, describe the model). Planes are (h, w) float32;
all but the first kernel change them in place. X is red against green, Y their sum, B blue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.kernels.jit import ieee_kernel, kernel
from watermarking.kernels.xyb import copy

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]

__all__ = ["high_x", "high_y", "low", "middle_x", "middle_y", "opsin", "suppress"]

f32 = np.float32
_STRIP: Final = 128
_ZERO, _ONE, _TWO, _TINY = f32(0), f32(1), f32(2), f32(1e-4)

_RED_LONG, _GREEN_LONG, _BLUE_LONG = f32(0.29956550340058319), f32(0.63373087833825936), f32(0.077705617820981968)
_RED_MEDIUM, _GREEN_MEDIUM, _BLUE_MEDIUM = f32(0.22158691104574774), f32(0.69391388044116142), f32(0.0987313588422)
_RED_SHORT, _GREEN_SHORT, _BLUE_SHORT = f32(0.02), f32(0.02), f32(0.20480129041026129)
_REST, _REST_SHORT = f32(1.7557483643287353), f32(12.226454707163354)
_GAIN, _BIAS, _SHIFT = f32(19.245013259874995), f32(9.9710635769299145), f32(-23.16046239805755)

_LN2, _ROOT_HALF = f32(0.6931471805599453), np.int32(0x3F3504F3)
_MANTISSA_BITS = np.int32(23)
_THIRD, _FIFTH, _SEVENTH, _NINTH = f32(1 / 3), f32(1 / 5), f32(1 / 7), f32(1 / 9)

_MIDDLE_X_DEAD, _MIDDLE_Y_BOOST = f32(0.29), f32(0.1)
_HIGH_X_DEAD, _FINE_X_DEAD = f32(1.5), f32(0.04)
_HIGH_Y_LIMIT, _FINE_Y_LIMIT, _BEYOND = f32(28.4691806922), f32(5.19175294647), f32(0.724216145665)
_HIGH_Y_GAIN, _FINE_Y_GAIN, _HIGH_Y_BOOST = f32(2.155), f32(2.69313763794), f32(0.132)
_SUPPRESSED, _KEPT = f32(46), f32(0.653020556257)
_LOW_X_GAIN, _LOW_Y_GAIN, _LOW_B_GAIN, _Y_IN_B = (
    f32(v) for v in (32.2217497012, 13.7697791434, 47.504615728, -0.362267051518)
)


@ieee_kernel
def _log(x: np.float32) -> np.float32:
    """Return ln x for x > 0: the series of artanh after the power of two nearest to x; relative error 2e-7."""
    bits = f32(x).view(np.int32)
    power = np.int32(bits - _ROOT_HALF) >> _MANTISSA_BITS
    rest = np.int32(bits - np.int32(power << _MANTISSA_BITS)).view(np.float32)
    t = (rest - _ONE) / (rest + _ONE)
    s = t * t
    return f32(power) * _LN2 + _TWO * t * (_ONE + s * (_THIRD + s * (_FIFTH + s * (_SEVENTH + s * _NINTH))))


@ieee_kernel
def _sensitivity(response: np.float32, rest: np.float32) -> np.float32:
    """Return the logarithmic response over the response itself."""
    seen = max(response, rest)
    return max((_GAIN * _log(seen + _BIAS) + _SHIFT) / seen, _TINY)


@kernel
def _long(r: np.float32, g: np.float32, b: np.float32) -> np.float32:
    return _RED_LONG * r + _GREEN_LONG * g + _BLUE_LONG * b + _REST


@kernel
def _medium(r: np.float32, g: np.float32, b: np.float32) -> np.float32:
    return _RED_MEDIUM * r + _GREEN_MEDIUM * g + _BLUE_MEDIUM * b + _REST


@kernel
def _short(r: np.float32, g: np.float32, b: np.float32) -> np.float32:
    return _RED_SHORT * r + _GREEN_SHORT * g + _BLUE_SHORT * b + _REST_SHORT


@ieee_kernel
def opsin(linear: F32, blurred: F32, nits: float, out: F32) -> None:
    """Write X, Y and B, the sensitivity being that of the blurred light around; all (3, h, w) float32.

    nits is the luminance of white.
    """
    white = f32(nits)
    light = np.empty(6 * _STRIP, np.float32)  # of one array, the compiler knows which values are apart
    for i in range(out.shape[1]):
        for left in range(0, out.shape[2], _STRIP):
            size = min(_STRIP, out.shape[2] - left)
            for c in range(3):
                copy(linear[c, i, left : left + size], light[c * _STRIP : c * _STRIP + size])
                copy(blurred[c, i, left : left + size], light[(c + 3) * _STRIP : (c + 3) * _STRIP + size])
            for j in range(size):
                r, g, b = light[j] * white, light[j + _STRIP] * white, light[j + 2 * _STRIP] * white
                p, q, s = light[j + 3 * _STRIP] * white, light[j + 4 * _STRIP] * white, light[j + 5 * _STRIP] * white
                long = max(_long(r, g, b) * _sensitivity(_long(p, q, s), _REST), _REST)
                medium = max(_medium(r, g, b) * _sensitivity(_medium(p, q, s), _REST), _REST)
                short = max(_short(r, g, b) * _sensitivity(_short(p, q, s), _REST_SHORT), _REST_SHORT)
                light[j], light[j + _STRIP], light[j + 2 * _STRIP] = long - medium, long + medium, short
            for c in range(3):
                copy(light[c * _STRIP : c * _STRIP + size], out[c, i, left : left + size])


@kernel
def _without(v: np.float32, dead: np.float32) -> np.float32:
    """Take a range around zero out, and let the rest close up."""
    return max(v - dead, _ZERO) + min(v + dead, _ZERO)


@kernel
def _boosted(v: np.float32, boost: np.float32) -> np.float32:
    """Double what is small, and move the rest outwards to meet it."""
    return v + min(max(v, -boost), boost)


@kernel
def _limited(v: np.float32, limit: np.float32) -> np.float32:
    """Compress what is beyond a limit."""
    inside = min(max(v, -limit), limit)
    return inside + _BEYOND * (v - inside)


@kernel
def middle_x(rest: F32, smooth: F32) -> None:
    """Part what the low band left of X into high (``rest``) and middle frequencies (``smooth``, its blur)."""
    for i in range(rest.shape[0]):
        high, middle = rest[i], smooth[i]
        for j in range(high.size):
            high[j] -= middle[j]
            middle[j] = _without(middle[j], _MIDDLE_X_DEAD)


@kernel
def middle_y(rest: F32, smooth: F32) -> None:
    """Do the same for Y."""
    for i in range(rest.shape[0]):
        high, middle = rest[i], smooth[i]
        for j in range(high.size):
            high[j] -= middle[j]
            middle[j] = _boosted(middle[j], _MIDDLE_Y_BOOST)


@ieee_kernel
def suppress(x: F32, y: F32) -> None:
    """Weaken X where Y changes."""
    for i in range(x.shape[0]):
        row, by = x[i], y[i]
        for j in range(row.size):
            row[j] *= _KEPT + (_ONE - _KEPT) * (_SUPPRESSED / (by[j] * by[j] + _SUPPRESSED))


@kernel
def high_x(rest: F32, smooth: F32) -> None:
    """Part the high frequencies of X into finest (``rest``) and high ones (``smooth``, its blur)."""
    for i in range(rest.shape[0]):
        fine, high = rest[i], smooth[i]
        for j in range(fine.size):
            fine[j] = _without(fine[j] - high[j], _FINE_X_DEAD)
            high[j] = _without(high[j], _HIGH_X_DEAD)


@kernel
def high_y(rest: F32, smooth: F32) -> None:
    """Do the same for Y."""
    for i in range(rest.shape[0]):
        fine, high = rest[i], smooth[i]
        for j in range(fine.size):
            limited = _limited(high[j], _HIGH_Y_LIMIT)
            fine[j] = _limited(fine[j] - limited, _FINE_Y_LIMIT) * _FINE_Y_GAIN
            high[j] = _boosted(limited * _HIGH_Y_GAIN, _HIGH_Y_BOOST)


@kernel
def low(x: F32, y: F32, b: F32) -> None:
    """Weight the low band, so that squared differences add up to a visible error."""
    for i in range(x.shape[0]):
        red, yellow, blue = x[i], y[i], b[i]
        for j in range(red.size):
            blue[j] = (blue[j] + _Y_IN_B * yellow[j]) * _LOW_B_GAIN
            red[j] *= _LOW_X_GAIN
            yellow[j] *= _LOW_Y_GAIN
