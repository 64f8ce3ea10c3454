"""Pictures that were moved alike: the scale that all of them share, and where each lies at that scale.

A copy of a data set is scaled as a whole. In one small picture the waves are too faint to be found among all scales,
angles and offsets; but the power that they have at a scale adds up over pictures, whatever was cut off each, and once
the scale is known, a picture has its offset alone to hide. Of twenty-four pictures of 384x512 pixels, cut to half
their area, scaled to 0.7 and saved as JPEG 60, the search of each by itself puts one in ten back into place, this one
three in four.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.sync import score_maps
from watermarking.sync.align import Alignment, put_back
from watermarking.sync.refine import refine
from watermarking.sync.search import Spectrum, offsets_of
from watermarking.sync.template import template
from watermarking.sync.warp import Warp

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["SCALES", "at_scale", "common_scales", "scale_scores"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

SCALES: Final[F64] = np.exp(np.arange(np.log(0.25), np.log(1.7), 0.002))
"""Pixels at hand to a marked one. Twice as fine as the waves of a plane 1200 pixels long can tell apart."""
_APART: Final = 5  # steps between two scales that are not the same peak
_STANDS_OUT: Final = 4.5  # robust standard deviations of the sum; the best of all scales has 3.5 by chance
_OFFSETS: Final = 3


def scale_scores(spectrum: Spectrum, key: Key) -> F32:
    """Return how far the waves' power in an upright picture exceeds chance at each of ``SCALES``, (n,) float32.

    Of unit variance by chance, so that those of several pictures can be added.
    """
    maps = np.eye(2)[None] / SCALES[:, None, None]
    totals = np.empty(len(SCALES), np.float32)
    score_maps(spectrum.power, spectrum.width, template(key).frequencies, maps, totals)
    totals -= np.median(totals)
    spread = 1.4826 * float(np.median(np.abs(totals)))
    return totals / np.float32(spread) if spread > 0 else np.zeros_like(totals)


def common_scales(total: F32, count: int) -> list[float]:
    """Return at most ``count`` scales that stand out in the sum of the scores of several pictures, best first."""
    level = float(np.median(total))
    spread = 1.4826 * float(np.median(np.abs(total - level)))
    found: list[int] = []
    for place in np.argsort(-total, kind="stable"):
        if spread <= 0 or total[place] - level < _STANDS_OUT * spread or len(found) == count:
            break
        if all(abs(place - other) > _APART for other in found):
            found.append(int(place))
    return [float(SCALES[place]) for place in found]


def at_scale(plane: F32, spectrum: Spectrum, key: Key, scale: float) -> list[Alignment]:
    """Put an upright picture of known scale back into place: whole, and at the offsets that its waves speak for.

    Returns
    -------
    list of Alignment
        The most credible first; at most four.
    """
    waves = template(key)
    middle = (scale - 1) / 2  # pixels are counted from their centres
    guesses = [np.array([[scale, 0, middle], [0, scale, middle]])]
    guesses += [one.matrix for one in offsets_of(spectrum, waves, np.eye(2) / scale, _OFFSETS)]
    found = []
    for matrix in guesses:
        warp, score = refine(plane, waves, Warp(matrix, np.zeros((2, 3))))
        found += list(put_back(plane, warp, score))
    return sorted(found, key=lambda one: -one.score)
