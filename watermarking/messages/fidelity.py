"""Strength by what the eye sees: the SSIMULACRA2 score that marking leaves.

The strength is searched as a PSNR, which every scheme takes; what is aimed at is the score. A PSNR says little: at
88 points photographs lie between 43 and 49 dB.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.errors import FidelityError, WatermarkError
from watermarking.pictures.plane import working_scale

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FIDELITIES",
    "FLOOR",
    "NORMAL",
    "PSNR_RANGE",
    "Step",
    "Strength",
    "beginning",
    "fidelity_of",
    "find_strength",
    "score_aimed_at",
]


class Step(NamedTuple):
    """The scores that a name stands for: of pictures up to 2 MP, of pages and drawings among them, from 4 MP on."""

    usual: float
    page: float
    large: float


FIDELITIES: Final = {"discreet": Step(90, 90, 90), "normal": Step(88, 86, 84), "strong": Step(80, 80, 80)}
"""Nothing to be seen beside the original; nothing to be seen; nothing that disturbs.

Normal is what lasts. Paper is white already and takes half of the mark only, and JPEG wipes out the rest if it is
fainter. Large pictures are looked at and passed on shrunk: less shows of a mark then, while it has to last longer.
"""
NORMAL: Final = "normal"
"""What is aimed at where nothing is said."""
_SMALL, _LARGE = 2e6, 4e6  # pixels
FLOOR: Final = 70.0
"""How far down ``insist`` goes: high quality still, as of JPEG 55."""
_RANGE: Final = (30.0, 95.0)
PSNR_RANGE: Final = (24.0, 62.0)
"""Between which a strength is searched, in dB, unless a scheme says that it takes less."""
_USUAL_PSNR: Final = 46.5
_MORE_IF_LARGE: Final = 9.0
"""dB more that marks at a large working scale need: their clouds are large, too, and show the more."""
_SLOPE: Final = 0.127
_SLOPE_IF_LARGE: Final = 0.112
"""By how much the logarithm of what is missing to 100 falls with a dB, at first; then it is measured."""
_NEAR: Final = 0.4
_TOLERANCE: Final = 1.5
_MOST_STEPS: Final = 7


class Strength(NamedTuple):
    """The score that a picture has when it is marked at a PSNR."""

    psnr: float
    score: float


def fidelity_of(fidelity: float | str) -> float | str:
    """Return a score or the name of a step as it was given, checked.

    Raises
    ------
    WatermarkError
        If it is neither.
    """
    if isinstance(fidelity, str) and fidelity in FIDELITIES:
        return fidelity
    if not isinstance(fidelity, Real) or not _RANGE[0] <= fidelity <= _RANGE[1]:
        names = ", ".join(f"{name!r} ({score:g})" for name, (score, *_) in FIDELITIES.items())
        raise WatermarkError(f"a fidelity of {fidelity!r} cannot be aimed at: give 30 to 95, or {names}")
    return float(fidelity)


def score_aimed_at(fidelity: float | str, shape: tuple[int, ...], *, page: bool = False) -> float:
    """Return the score that a fidelity means for a picture of this shape, or a page.

    Examples
    --------
    >>> score_aimed_at("normal", (1024, 768)), score_aimed_at("normal", (3000, 4000, 3)), score_aimed_at(85, (9, 9))
    (88.0, 84.0, 85)
    """
    if not isinstance(fidelity, str):
        return fidelity
    step = FIDELITIES[fidelity]
    score = step.page if page else step.usual
    part = math.log(shape[0] * shape[1] / _SMALL) / math.log(_LARGE / _SMALL)
    return score + (step.large - score) * min(max(part, 0.0), 1.0)


def beginning(target: float, shape: tuple[int, ...]) -> tuple[float, float]:
    """Return where a search begins: the usual PSNR of a score, and how fast what is missing to 100 falls with a dB."""
    scale = working_scale(shape)
    slope = _SLOPE if scale == 1 else _SLOPE_IF_LARGE
    usual = _USUAL_PSNR + _MORE_IF_LARGE * (1 - 1 / scale)
    return usual + math.log((100 - FIDELITIES[NORMAL].usual) / (100 - target)) / slope, slope


def find_strength(
    score_at: Callable[[float], float],
    target: float,
    start: tuple[float, float],
    within: tuple[float, float] = PSNR_RANGE,
) -> Strength:
    """Find the strength that leads to a score, within 1.5.

    Parameters
    ----------
    score_at : callable
        Returns the SSIMULACRA2 score of the picture marked at a PSNR, in dB.
    target : the score
    start : (PSNR, slope), see :func:`beginning`
    within : the least and the greatest PSNR that can be tried

    Raises
    ------
    FidelityError
        If no strength leads to that score; the message says what can be had.
    """
    psnr, slope = _bounded(start[0], within), start[1]
    best: Strength | None = None
    last: tuple[float, float] | None = None
    for _ in range(_MOST_STEPS):
        found = Strength(psnr, score_at(psnr))
        if best is None or abs(found.score - target) < abs(best.score - target):
            best = found
        if abs(found.score - target) <= _NEAR:
            break
        error = math.log(max(100 - found.score, 0.1) / (100 - target))
        if last is not None and abs(psnr - last[0]) > 0.05:
            slope = min(max((last[1] - error) / (psnr - last[0]), 0.04), 0.4)
        last = (psnr, error)
        wanted = _bounded(psnr + error / slope, within)
        if wanted == psnr:
            break
        psnr = wanted
    assert best is not None
    if abs(best.score - target) > _TOLERANCE:
        raise FidelityError(_out_of_reach(best, target))
    return best


def _bounded(psnr: float, within: tuple[float, float]) -> float:
    return min(max(psnr, within[0]), within[1])


def _out_of_reach(best: Strength, target: float) -> str:
    said = f"no strength leaves this picture a SSIMULACRA2 score of {target:g}"
    if best.score >= 100:
        return f"{said}: nothing that can be seen of it can be changed, so use a picture with more visible pixels"
    aim = "aim at that" if _RANGE[0] <= best.score <= _RANGE[1] else "use a larger image"
    return f"{said}: at {best.psnr:.1f} dB it is {best.score:.1f}, so {aim}, or state a strength in dB with psnr"
