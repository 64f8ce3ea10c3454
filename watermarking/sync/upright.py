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
    from watermarking.sync.spectrum import Spectrum
    from watermarking.sync.template import Template

__all__ = ["SCALES", "STEP", "scale_scores", "scales_that_stand_out", "stretches_that_stand_out"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

STEP: Final = 0.002
SCALES: Final[F64] = np.exp(np.arange(np.log(0.25), np.log(1.7), STEP))
"""Pixels at hand to a marked one. Twice as fine as the waves of a plane 1200 pixels long can tell apart."""
_ASPECTS: Final[F64] = np.exp(np.arange(-0.6, 0.6, 0.005))
"""Columns' scale by rows', from 0.55 to 1.82."""
_COARSE: Final = 2  # steps of scale at once where aspects are tried too
_NEAR: Final = 151  # steps that say what is usual
_PEAK: Final = 12  # steps to each side that belong to one peak


def scale_scores(spectrum: Spectrum, template: Template) -> F32:
    """Return the waves' power in an upright picture at each of ``SCALES``, (n,) float32, to be added over pictures.

    Of about unit variance by chance; the mean drifts with the scale, as the picture's own spectrum does.
    """
    waves = template.frequencies
    totals = np.empty(len(SCALES), np.float32)
    score_maps(spectrum.power, waves, np.eye(2)[None] / SCALES[:, None, None], totals)
    return totals / np.float32(np.sqrt(len(waves)))


def scales_that_stand_out(
    spectrum: Spectrum, template: Template, count: int, least: float
) -> list[tuple[float, float]]:
    """Return at most ``count`` scales whose power stands out from those near them, and by how much, most first.

    Parameters
    ----------
    least : float, standard deviations above what is usual near it
    """
    power = _beyond_usual(scale_scores(spectrum, template)[None], _NEAR)
    return [(float(SCALES[place]), power[0, place]) for _, place in _peaks(power, count, least)]


def stretches_that_stand_out(
    spectrum: Spectrum, template: Template, count: int, least: float
) -> list[tuple[F64, float]]:
    """Return at most ``count`` frequency maps (2, 2) of upright pictures with edges scaled apart, as above."""
    scales = SCALES[::_COARSE]
    rows, cols = scales / np.sqrt(_ASPECTS[:, None]), scales * np.sqrt(_ASPECTS[:, None])
    maps = np.zeros((rows.size, 2, 2))
    maps[:, 0, 0], maps[:, 1, 1] = 1 / rows.ravel(), 1 / cols.ravel()
    totals = np.empty(len(maps), np.float32)
    score_maps(spectrum.power, template.frequencies, maps, totals)
    power = _beyond_usual(totals.reshape(rows.shape), _NEAR // _COARSE)
    return [(np.diag([1 / rows[place], 1 / cols[place]]), float(power[place])) for place in _peaks(power, count, least)]


def _beyond_usual(scores: F32, near: int) -> F32:
    """Return by how many standard deviations scores (aspects, scales) exceed what is usual at scales near by."""
    rest = scores - uniform_filter1d(scores, near, axis=1, mode="reflect")
    return np.asarray(rest / max(float(rest.std()), 1e-12), np.float32)


def _peaks(power: F32, count: int, least: float) -> list[tuple[int, int]]:
    """Return at most ``count`` places that stand out, most first, none beside another."""
    high = np.argwhere(power > least)
    order = np.argsort(-power[tuple(high.T)], kind="stable")
    found: list[tuple[int, int]] = []
    for row, col in high[order].tolist():
        if len(found) == count:
            break
        if all(max(abs(row - other[0]), abs(col - other[1])) > _PEAK for other in found):
            found.append((row, col))
    return found
