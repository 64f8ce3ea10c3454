"""Pictures that were moved alike: the scale that all of them share, and where each lies at that scale.

A copy of a data set is scaled as a whole. In one small picture the waves are too faint to be found among all scales,
angles and offsets; but the power that they have at a scale adds up over pictures, whatever was cut off each, and once
the scale is known, a picture has its offset alone to hide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.sync.align import Alignment, put_back
from watermarking.sync.refine import SHIFT_ALONE, refine
from watermarking.sync.search import offsets_of
from watermarking.sync.template import template
from watermarking.sync.upright import SCALES, STEP
from watermarking.sync.warp import Warp

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.sync.spectrum import Spectrum

__all__ = ["at_scale", "common_scales"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_APART: Final = 20  # steps between two scales that are not the same peak: those of small pictures are wide
_NEAR: Final = 75  # steps to each side that say what is usual
_STANDS_OUT: Final = 4.0  # robust standard deviations of the sum
_OFFSETS: Final = 3
_ASIDE: Final = 2.0  # pixels between two alignments that are not the same


def common_scales(total: F32, count: int) -> list[float]:
    """Return at most ``count`` scales that stand out from those near them in the sum over pictures, best first."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(total, _NEAR, mode="reflect"), 2 * _NEAR + 1)
    level = np.median(windows, axis=1)
    total = total - level
    spread = 1.4826 * float(np.median(np.abs(total)))
    found: list[int] = []
    for place in np.argsort(-total, kind="stable"):
        if spread <= 0 or total[place] < _STANDS_OUT * spread or len(found) == count:
            break
        if all(abs(place - other) > _APART for other in found):
            found.append(int(place))
    return [_between(total, place) for place in found]


def _between(total: F32, place: int) -> float:
    """Return the scale of the parabola's top through a peak and its neighbours."""
    if not 0 < place < len(SCALES) - 1:
        return float(SCALES[place])
    before, at, after = (float(value) for value in total[place - 1 : place + 2])
    bend = before - 2 * at + after
    return float(SCALES[place] * np.exp(STEP * 0.5 * (before - after) / bend)) if bend < 0 else float(SCALES[place])


def at_scale(plane: F32, spectrum: Spectrum, key: Key, scale: float) -> list[Alignment]:
    """Put an upright picture of known scale back into place.

    Returns
    -------
    list of Alignment
        The picture taken for uncut, then at the offsets that its waves speak for, the most credible first; at most
        four, none twice.
    """
    waves = template(key)
    middle = (scale - 1) / 2  # pixels are counted from their centres
    uncut = np.array([[scale, 0, middle], [0, scale, middle]])
    cut = [one.matrix for one in offsets_of(spectrum, waves, np.eye(2) / scale, _OFFSETS)]
    found: list[Alignment] = []
    for matrix in (uncut, *cut):
        warp, score = refine(plane, waves, Warp(matrix, np.zeros((2, 3))), SHIFT_ALONE)
        if all(np.abs(warp.matrix[:, 2] - one.warp.matrix[:, 2]).max() > _ASIDE for one in found):
            found += list(put_back(plane, warp, score))
    return found[:1] + sorted(found[1:], key=lambda one: -one.score)
