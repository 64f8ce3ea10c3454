"""The errors of a tile as Butteraugli sees them: bands of frequency, their differences, and what masks them.

Constants are those of libjxl 0.7 (:mod:`watermarking.metrics.butteraugli` names the sources).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.kernels import butteraugli as differences
from watermarking.kernels import opsin
from watermarking.kernels.lines import MARGIN, PITCH, add_fine_lines, add_sparse_lines
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]

__all__ = ["MOST", "REACH", "tile_errors"]

MOST: Final = PITCH - 2 * MARGIN
"""Columns that a tile has room for."""
REACH: Final = 40
"""As far away, nothing decides on an error: 37 samples do, by blurs of 2, 16, 7, 3 and 6 and the erosion's 3."""

_AROUND, _LOW, _MIDDLE, _HIGH, _MASK = 1.2, 7.15593339443, 3.22489901262, 1.56416327805, 2.7

_ASYMMETRY: Final = 0.8  # what is lost shows a little less than what is added
_FINE_LINES, _SPARSE_LINES = 0.39905817637, 0.611612573796
_LINE_LENGTH: Final = 2 * 3.75 + 1
_BOTH, _ONE_SIDED = 0.5, 0.33


def tile_errors(first: F32, second: F32, nits: float) -> F32:
    """Return the error of each sample of a tile (h, w), at most MOST wide, as if it were a picture.

    Parameters
    ----------
    first, second : (3, h, w) float32, linear light
    nits : luminance of white
    """
    return _errors(_bands(first, nits), _bands(second, nits))


@dataclass(frozen=True, slots=True)
class _Bands:
    """A picture's bands of frequency, planes (h, w): X, Y, B; X, Y, B; X, Y; X, Y."""

    low: list[F32]
    middle: list[F32]
    high: list[F32]
    fine: list[F32]


def _bands(linear: F32, nits: float) -> _Bands:
    """Take a picture's linear light (3, h, w) apart."""
    seen = np.empty_like(linear)
    opsin.opsin(linear, np.stack([_blurred_around(plane) for plane in linear]), nits, seen)
    low = [_blurred(plane, _LOW) for plane in seen]
    for plane, smooth in zip(seen, low, strict=True):
        plane -= smooth
    fine = [seen[0], seen[1]]
    middle = [_blurred(plane, _MIDDLE) for plane in seen]
    opsin.middle_x(fine[0], middle[0])
    opsin.middle_y(fine[1], middle[1])
    opsin.suppress(*fine)
    high = [_blurred(plane, _HIGH) for plane in fine]
    opsin.high_x(fine[0], high[0])
    opsin.high_y(fine[1], high[1])
    opsin.low(*low)
    return _Bands(low, middle, high, fine)


def _errors(first: _Bands, second: _Bands) -> F32:
    """Return the error of each sample of a tile."""
    shape = first.low[0].shape
    ac, dc = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    padded = np.zeros((shape[0] + 2 * MARGIN) * PITCH, dtype=np.float32)
    x, y, b = 0, 1, 2
    _add_lines(first.fine[y], second.fine[y], 1.10039032555, 71.7800275169, _ASYMMETRY, True, padded, ac)
    _add_lines(first.fine[x], second.fine[x], 173.5, 5.0, _ASYMMETRY, True, padded, ac)
    root = math.sqrt(_ASYMMETRY)
    _add_lines(first.high[y], second.high[y], 18.7237414387, 4498534.45232, root, False, padded, ac)
    _add_lines(first.high[x], second.high[x], 6923.99476109, 8051.15833247, root, False, padded, ac)
    _add_lines(first.middle[y], second.middle[y], 37.0819870399, 130262059.556, 1.0, False, padded, ac)
    _add_lines(first.middle[x], second.middle[x], 8246.75321353, 1009002.70582, 1.0, False, padded, ac)
    for band, weight in ((x, 400.0), (y, 1.50815703118)):
        both, one_sided = weight * _ASYMMETRY, weight / _ASYMMETRY
        differences.add_one_sided(first.high[band], second.high[band], both, one_sided, ac)
    for band, weight in ((x, 2150.0), (y, 10.6195433239), (b, 16.2176043152)):
        differences.add_squares(first.middle[band], second.middle[band], weight, ac)
    for band, weight in ((x, 29.2353797994), (y, 0.844626970982), (b, 0.703646627719)):
        differences.add_squares(first.low[band], second.low[band], weight, dc)
    busy, other = _activity(first), _activity(second)
    padded[:] = np.inf
    _inside(padded, shape)[:] = busy
    mask, out = np.empty_like(ac), np.empty_like(ac)
    differences.erode(padded, mask)
    differences.combine(mask, busy, other, ac, dc, out)
    return out


def _add_lines(
    first: F32, second: F32, weight: float, level: float, asymmetry: float, fine: bool, padded: F32, ac: F32
) -> None:
    """Add the errors of a band, gathered along short lines, for the eye follows lines."""
    scale = (_FINE_LINES if fine else _SPARSE_LINES) / _LINE_LENGTH * level
    both = scale * math.sqrt(_BOTH * weight * asymmetry)
    one_sided = scale * math.sqrt(_ONE_SIDED * weight / asymmetry)
    differences.weighted_difference(first, second, level, both, one_sided, padded)
    (add_fine_lines if fine else add_sparse_lines)(padded, ac)


def _inside(padded: F32, shape: tuple[int, ...]) -> F32:
    """Return the view (h, w) of a flat array that its margin surrounds."""
    return padded.reshape(-1, PITCH)[MARGIN : MARGIN + shape[0], MARGIN : MARGIN + shape[1]]


def _activity(bands: _Bands) -> F32:
    out = np.empty_like(bands.fine[0])
    differences.activity(bands.fine[0], bands.high[0], bands.fine[1], bands.high[1], out)
    return _blurred(out, _MASK)


@functools.cache
def _taps(sigma: float) -> F32:
    """Return a Gaussian cut off at 2.25 standard deviations, of sum 1."""
    radius = int(2.25 * sigma)
    taps = np.exp(-np.square(np.arange(-radius, radius + 1)) / (2 * sigma * sigma))
    return np.asarray(taps / taps.sum(), dtype=np.float32)


def _blurred_around(plane: F32) -> F32:
    """Blur a little, the borders mirrored."""
    cv2 = cv2_module()
    taps = _taps(_AROUND)
    return np.asarray(cv2.sepFilter2D(plane, cv2.CV_32F, taps, taps, borderType=cv2.BORDER_REFLECT))


def _blurred(plane: F32, sigma: float) -> F32:
    """Blur with the taps that lie inside, made to add up to 1."""
    cv2 = cv2_module()
    taps = _taps(sigma)
    out = np.asarray(cv2.sepFilter2D(plane, cv2.CV_32F, taps, taps, borderType=cv2.BORDER_CONSTANT))
    for axis in (0, 1):
        along = np.moveaxis(out, axis, -1)
        whole, length = np.cumsum(np.concatenate([[0.0], taps])), along.shape[-1]
        reach = len(taps) // 2
        places = np.unique(np.concatenate([np.arange(min(reach, length)), np.arange(max(0, length - reach), length)]))
        inside = whole[np.minimum(len(taps), length - places + reach)] - whole[np.maximum(0, reach - places)]
        along[..., places] /= inside.astype(np.float32)
    return out
