"""Where in a picture its mark is: what was pasted in, painted over or made up does not carry the word."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from watermarking.embedders.locating import agreement_of
from watermarking.embedders.spread_spectrum import SpreadSpectrum
from watermarking.messages.carrier import code_word
from watermarking.pictures.arrays import to_array
from watermarking.pictures.opencv import cv2_module
from watermarking.pictures.ranges import sample_peak
from watermarking.sync.bounds import largest_sum

if TYPE_CHECKING:
    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key
    from watermarking.messages.carrier import Attempt
    from watermarking.pictures.arrays import Pictorial

__all__ = ["Presence", "has_maps", "presence_of"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

ERROR_RATE: Final = 1e-2
_SIGMA: Final = 4.0  # cells: places are judged by what is round them
_SPREAD: Final = 1.4826  # standard deviations in a median absolute one
_LEAST_SPREAD: Final = 0.2
_PART: Final = 0.6  # of what was aligned: a picture that covers less lies in something else
_FLAT: Final = 1e-3  # of the variance that busy cells have: below it a cell is flat ground
_SHOWN: Final = 0.5  # of a window, for anything to be said
_LEFT: Final = 0.6
"""Of the mark's usual strength: a place is said to lack it only where less is left than this."""


@dataclass(frozen=True, eq=False)
class Presence:
    """How strongly each place carries the message that was read.

    Attributes
    ----------
    share : (rows, cols) float32
        Of the strength that the mark has over the picture, 1 where it is as strong as elsewhere, 0 where it is gone;
        drawn towards 1 where a place is too smooth to say much.
    missing : (rows, cols) bool, where the mark is missing
    unsure : (rows, cols) bool, where it could not be seen to be missing
    error_rate : float
        Chance at most that a place that carries at least 0.6 of the mark's strength is in ``missing``.
    matrix : (2, 3) float64
        Maps (row, col, 1) of these arrays to (row, col) in pixels of the picture.
    """

    share: F32
    missing: npt.NDArray[np.bool_]
    unsure: npt.NDArray[np.bool_]
    error_rate: float
    matrix: F64

    def on(self, values: npt.NDArray[np.generic], shape: tuple[int, ...]) -> F32:
        """Return one of the arrays over a picture of this shape, (H, W) float32; NaN where no mark was looked for."""
        cv2 = cv2_module()
        swapped = self.matrix[::-1][:, [1, 0, 2]]  # OpenCV counts columns first
        size = (shape[1], shape[0])
        there = cv2.warpAffine(
            np.asarray(values, np.float32), swapped, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
            borderValue=float("nan"),
        )  # fmt: skip
        return np.asarray(there, np.float32)

    def heat_map(self, image: Pictorial) -> npt.NDArray[np.uint8]:
        """Return the picture, (H, W, 3) uint8, red where the mark is missing, blue where nothing can be said.

        Parameters
        ----------
        image : ndarray or PIL image, the one that was read
        """
        array, _ = to_array(image)
        grey = _as_grey(array)
        shown = np.repeat(0.75 * grey[..., None] + 48, 3, axis=2)
        for flagged, colour in ((self.unsure, (70.0, 110.0, 220.0)), (self.missing, (235.0, 40.0, 30.0))):
            # What was not looked at cannot be said, either.
            there = np.nan_to_num(self.on(flagged, array.shape), nan=float(flagged is self.unsure))
            weight = there[..., None] * 0.6
            shown = (1 - weight) * shown + weight * np.array(colour)
        return np.asarray(np.clip(np.rint(shown), 0, 255), np.uint8)


def has_maps(scheme: type[Scheme]) -> bool:
    """Say whether a scheme spreads its word over places, so that it can be said where it is."""
    return issubclass(scheme, SpreadSpectrum)


def presence_of(
    scheme: Scheme, attempt: Attempt, message: bytes, key: Key, shape: tuple[int, ...], error_rate: float = ERROR_RATE
) -> Presence | None:
    """Say where a message is that an attempt was read from; None of schemes that spread no word over places.

    Of a window of cells, the agreed sum less half of what the mark adds there is compared with its spread. The strength
    is the median of windows that say much, and the spread at most that of a sum with random signs: the embedder took
    much of the picture's own part out, so that it is measured, too, as the median deviation over all windows.
    """
    if not isinstance(scheme, SpreadSpectrum) or attempt.seen is None:
        return None
    seen = attempt.seen
    word = code_word(scheme, message, key, shape)
    plane = -seen.plane if seen.negative else seen.plane
    found = agreement_of(scheme, plane, word, key=key, origin=seen.origin, inside=seen.inside)
    agreed, expected = _smooth(found.agreed, _SIGMA), _smooth(found.expected, _SIGMA)
    # Squares of a Gaussian are a narrower one: what a window's sum varies by.
    deviation = np.sqrt(_smooth(found.variance, _SIGMA / math.sqrt(2)) / (4 * math.pi * _SIGMA**2)) + 1e-12
    shown = _smooth((found.variance > 0).astype(np.float32), _SIGMA) > _SHOWN
    if seen.origin != (0, 0) or seen.inside is not None:
        # What rounding leaves of flat ground would stand out most, against next to no variance.
        busy = found.variance > _FLAT * np.quantile(found.variance, 0.98)
        shown &= _extent(np.where(_smooth(busy.astype(np.float32), _SIGMA) > _SHOWN, agreed / deviation, 0.0))
    if not shown.any():
        return None
    reliable = np.square(expected / deviation)
    usual = float(np.median(reliable[shown])) + 1e-12
    telling = shown & (reliable >= usual)
    strength = float(np.median(agreed[telling] / np.maximum(expected[telling], 1e-12)))
    if strength <= 0:
        return None
    expected *= strength
    off = ((agreed - expected) / deviation)[shown]
    deviation *= float(np.clip(_SPREAD * np.median(np.abs(off - np.median(off))), _LEAST_SPREAD, 1.0))
    share = 1 + (agreed / np.maximum(expected, 1e-12) - 1) * reliable / (reliable + usual)
    limit = float(-ndtri(error_rate)) * deviation
    missing = shown & (agreed < _LEFT * expected - limit)
    unsure = ~missing & (~shown | (_LEFT * expected < limit))
    cell, pixels = scheme.cell, seen.matrix
    corner = np.array(seen.origin, np.float64) * cell + (cell - 1) / 2
    matrix = np.column_stack([pixels[:, :2] * cell, pixels[:, :2] @ corner + pixels[:, 2]])
    return Presence(np.asarray(share, np.float32), missing, unsure, error_rate, matrix)


def _extent(seen: F64) -> npt.NDArray[np.bool_]:
    """Return where a picture lies that may be a part of what was aligned, (rows, cols) bool: all, unless it is small.

    ``seen`` is in standard deviations. Of all rectangles, that whose cells exceed a third of the strongest by most.
    """
    level = float(np.quantile(seen, 0.98)) / 3
    top, bottom, left, right = largest_sum(seen - level)
    found = np.zeros(seen.shape, np.bool_)
    found[top : bottom + 1, left : right + 1] = True
    return found if found.mean() < _PART else np.ones(seen.shape, np.bool_)


def _smooth(values: F32, sigma: float) -> F64:
    cv2 = cv2_module()
    smoothed = cv2.GaussianBlur(values.astype(np.float64), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(smoothed, np.float64)


def _as_grey(array: Image) -> F64:
    colours = array[..., :3].mean(2) if array.ndim == 3 else array
    return np.asarray(colours, np.float64) * (255 / sample_peak(array))
