"""The linear part of how a picture was moved: where the power of all waves together stands out.

Families of maps are gone through as a whole: similarities; upright pictures with small changes of aspect and shear; and
those with a change of aspect that were turned by a few degrees, before or after it. The best of all are improved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.sync import score_maps, score_similarities, score_turned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.sync.spectrum import Spectrum
    from watermarking.sync.template import Template

__all__ = ["LARGEST_SCALE", "climb", "linear_candidates"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

LARGEST_SCALE: Final = 1.7
"""Pixels at hand to a marked one; whitening takes longer waves for the picture."""
_N_LINEAR: Final = 120
"""Maps that are improved; the right one need not be the first, for its neighbours by chance have more power."""
_N_COHERENT: Final = 16
"""Different maps that are returned. In trials the one that led to a message was the first in four of five pictures, and
anywhere among the others in the fifth."""
_NEAR: Final = (0.45, 2.2)
"""Scales of pictures that are looked for with their edges scaled apart."""
_ASPECT: Final = 0.144
"""Natural logarithm of the most by which one edge is scaled more than the other."""
_SHEAR: Final = 0.12
_TURN: Final = 0.27
"""Radians, 15 degrees: the largest turn of pictures whose edges were scaled apart as well."""
_FINEST: Final = 0.006
"""The smallest change of aspect, shear or angle that is tried: in planes of more than 650 pixels it moves the shortest
waves by more than a bin, and improving makes up for it."""
_BINS_TURNED: Final = 1.4
"""How far apart turned maps are: by two changes at once they are the most numerous, and lose nothing by it."""
_BINS_ACROSS: Final = 0.12
"""Cycles a pixel of a middling wave: times a plane's side, how many bins from 0 it is."""
_ROUNDS: Final = 5


def linear_candidates(spectrum: Spectrum, template: Template, smallest: float, turned: bool) -> F64:
    """Return frequency maps (m, 2, 2), most power first: marked frequency to frequency at hand.

    Parameters
    ----------
    smallest : float, the smallest scale
    turned : bool, whether turned pictures with edges scaled apart are looked for
    """
    guesses, scores = [], []
    for maps, totals in _families(spectrum, template, smallest, turned):
        best = np.argpartition(-totals, min(_N_LINEAR, totals.size - 1))[:_N_LINEAR]
        guesses.append(maps(best))
        scores.append(totals[best])
    order = np.argsort(-np.concatenate(scores))[:_N_LINEAR]
    refined, totals = climb(spectrum, template, np.concatenate(guesses)[order])
    return _distinct(refined[np.argsort(-totals)], spectrum)


def _families(spectrum: Spectrum, template: Template, smallest: float, turned: bool) -> Iterator[tuple[Any, F32]]:
    """Yield families of maps: a function from indices to maps (m, 2, 2), and all their scores."""
    frequencies, reach = template.frequencies, _reach(spectrum, template)
    scales = [smallest]
    while scales[-1] < LARGEST_SCALE:
        scales.append(scales[-1] * (1 + scales[-1] / reach))
    each = np.array(scales)
    n_angles = np.ceil(np.pi * reach / each).astype(np.int64)
    for flip in (1.0, -1.0):
        totals = np.empty(int(n_angles.sum()), np.float32)
        score_similarities(spectrum.power, frequencies, each, n_angles, flip, totals)

        def maps(chosen: npt.NDArray[np.int64], flip: float = flip) -> F64:
            row = np.searchsorted(np.cumsum(n_angles), chosen, side="right")
            angle = np.pi * (chosen - (np.cumsum(n_angles) - n_angles)[row]) / n_angles[row]
            c, s = np.cos(angle) / each[row], np.sin(angle) / each[row]
            return np.stack([np.stack([c, -s * flip], -1), np.stack([s, c * flip], -1)], -2)

        yield maps, totals
    yield _stretches(spectrum, template, each)
    if turned:
        for first in (False, True):
            yield _turned(spectrum, template, each, first)


def _reach(spectrum: Spectrum, template: Template) -> float:
    """Return how many cycles of the shortest wave a plane's longer side holds."""
    return float(np.hypot(*template.frequencies.T).max()) * max(spectrum.shape)


def _stretches(spectrum: Spectrum, template: Template, scales: F64) -> tuple[Any, F32]:
    """Score upright maps with small changes of aspect and shear, which no similarity comes near to."""
    aspect, shear = np.meshgrid(*(_steps(spectrum, template, most) for most in (_ASPECT, _SHEAR)), indexing="ij")
    shapes = np.stack([np.stack([np.exp(aspect / 2), shear], -1), np.stack([0 * shear, np.exp(-aspect / 2)], -1)], -2)
    shapes = np.concatenate([shapes.reshape(-1, 2, 2), shapes.reshape(-1, 2, 2).transpose(0, 2, 1)])
    everything = (shapes[None] / _near(scales)[:, None, None, None]).reshape(-1, 2, 2)
    totals = np.empty(len(everything), np.float32)
    score_maps(spectrum.power, template.frequencies, everything, totals)
    return (lambda chosen: everything[chosen]), totals


def _turned(spectrum: Spectrum, template: Template, scales: F64, first: bool) -> tuple[Any, F32]:
    """Score small changes of aspect with a turn by a few degrees, after them or ``first``."""
    angles, aspects = (_steps(spectrum, template, most, _BINS_TURNED) for most in (_TURN, _ASPECT))
    near = _near(scales)
    totals = np.empty((len(near), len(angles), len(aspects)), np.float32)
    score_turned(spectrum.power, template.frequencies, near, angles, aspects, first, totals)

    def maps(chosen: npt.NDArray[np.int64]) -> F64:
        i, j, n = np.unravel_index(chosen, totals.shape)
        c, s = np.cos(angles[j]), np.sin(angles[j])
        turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2) / near[i][:, None, None]
        edges = np.exp(np.stack([aspects[n], -aspects[n]], -1) / 2)
        return turn * (edges[:, :, None] if first else edges[:, None, :])

    return maps, totals.ravel()


def _near(scales: F64) -> F64:
    """Return the scales at which a picture is looked for that is no similarity of the marked one."""
    return scales[(scales > _NEAR[0]) & (scales < _NEAR[1])]


def _steps(spectrum: Spectrum, template: Template, most: float, bins: float = 1.0) -> F64:
    """Return changes up to ``most`` that move the shortest wave by so many bins each, or by more in large planes."""
    step = bins * max(_FINEST, 1 / _reach(spectrum, template))
    n = round(most / step)
    return np.asarray(step * np.arange(-n, n + 1), np.float64)


def climb(spectrum: Spectrum, template: Template, maps: F64) -> tuple[F64, F32]:
    """Try all neighbours of each map (m, 2, 2) in its four entries, with smaller and smaller steps; return the best."""
    offsets = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 4, indexing="ij"), -1).reshape(-1, 2, 2)
    step = 0.35 / (_BINS_ACROSS * max(spectrum.shape))
    best = np.empty(len(maps), np.float32)
    for _ in range(_ROUNDS):
        tried = maps[:, None] + step * offsets * np.linalg.norm(maps, axis=(1, 2))[:, None, None, None] / np.sqrt(2)
        totals = np.empty(len(maps) * len(offsets), np.float32)
        score_maps(spectrum.power, template.frequencies, tried.reshape(-1, 2, 2), totals)
        chosen = totals.reshape(len(maps), -1).argmax(1)
        best = totals.reshape(len(maps), -1).max(1)
        maps = tried[np.arange(len(maps)), chosen]
        step *= 0.7
    return maps, best


def _distinct(maps: F64, spectrum: Spectrum) -> F64:
    """Leave out maps (m, 2, 2) that move no wave by much more than a bin from where one before them does."""
    apart = np.abs(maps[:, None] - maps[None]).max((2, 3)) > 1.5 / (_BINS_ACROSS * max(spectrum.shape))
    kept: list[int] = []
    for i, others in enumerate(apart):
        if others[kept].all():
            kept.append(i)
    return maps[kept[:_N_COHERENT]]
