"""Pictures that stand upright: of the linear part the scale alone is sought, and stands out where nothing else does.

Over all scales, angles and reflections, the waves of a small or smooth picture are lost among what chance gives. Along
the scales alone there are a thousand places to be, and what the picture's own spectrum adds at one it adds at the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

from watermarking.kernels.sync import score_maps

if TYPE_CHECKING:
    from watermarking.sync.search import Spectrum
    from watermarking.sync.template import Template

__all__ = ["SCALES", "STEP", "scale_scores", "scales_that_stand_out"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

STEP: Final = 0.002
SCALES: Final[F64] = np.exp(np.arange(np.log(0.25), np.log(1.7), STEP))
"""Pixels at hand to a marked one. Twice as fine as the waves of a plane 1200 pixels long can tell apart."""
_NEAR: Final = 151  # steps that say what is usual
_PEAK: Final = 12  # steps to each side that belong to one peak


def scale_scores(spectrum: Spectrum, template: Template) -> F32:
    """Return the waves' power in an upright picture at each of ``SCALES``, (n,) float32, to be added over pictures.

    Of about unit variance by chance; the mean drifts with the scale, as the picture's own spectrum does.
    """
    waves = template.frequencies
    totals = np.empty(len(SCALES), np.float32)
    score_maps(spectrum.power, spectrum.width, waves, np.eye(2)[None] / SCALES[:, None, None], totals)
    return totals / np.float32(np.sqrt(len(waves)))


def scales_that_stand_out(
    spectrum: Spectrum, template: Template, count: int, least: float
) -> list[tuple[float, float]]:
    """Return at most ``count`` scales whose power stands out from those near them, and by how much, most first.

    Parameters
    ----------
    least : float, standard deviations above what is usual near it
    """
    scores = scale_scores(spectrum, template)
    rest = scores - uniform_filter1d(scores, _NEAR, mode="reflect")
    spread = float(rest.std())
    found: list[int] = []
    for place in np.argsort(-rest, kind="stable"):
        if len(found) == count or not rest[place] > least * spread:
            break
        if all(abs(place - other) > _PEAK for other in found):
            found.append(int(place))
    return [(float(SCALES[place]), float(rest[place]) / spread) for place in found]
