"""Strength by what the eye sees: the SSIMULACRA2 score that marking leaves.

The strength is searched as a PSNR, which every scheme takes; what is aimed at is the score. A PSNR says little: at
88 points photographs lie between 43 and 49 dB.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.errors import FidelityError, WatermarkError
from watermarking.metrics.coarse_score import CoarseScore
from watermarking.metrics.ssimulacra2 import Ssimulacra2
from watermarking.pictures.plane import working_scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image, Scheme

__all__ = ["FIDELITIES", "FLOOR", "NORMAL", "Found", "fidelity_of", "find_strength", "psnr_range"]

FIDELITIES: Final = {"discreet": 90.0, "normal": 88.0, "strong": 80.0}
"""Named steps: nothing to be seen beside the original; nothing to be seen; nothing that disturbs."""
NORMAL: Final = FIDELITIES["normal"]
FLOOR: Final = 70.0
"""How far down ``insist`` goes: high quality still, as of JPEG 55."""
_RANGE: Final = (30.0, 95.0)
_PSNR_RANGE: Final = (24.0, 62.0)
_GUESS: Final = 46.5
_SLOPE: Final = 0.127
"""By how much the logarithm of what is missing to 100 falls with a dB, at first; then it is measured."""
_NEAR: Final = 0.4
_TOLERANCE: Final = 1.5
_MOST_STEPS: Final = 7


class Found(NamedTuple):
    """A marked picture, the score it has, and the PSNR that was asked of the scheme for it."""

    array: Image
    score: float
    psnr: float


def fidelity_of(fidelity: float | str) -> float:
    """Return the score that a number or one of the names stands for.

    Raises
    ------
    WatermarkError
        If it is neither.
    """
    if isinstance(fidelity, str) and fidelity in FIDELITIES:
        return FIDELITIES[fidelity]
    if not isinstance(fidelity, Real) or not _RANGE[0] <= fidelity <= _RANGE[1]:
        names = ", ".join(f"{name!r} ({score:g})" for name, score in FIDELITIES.items())
        raise WatermarkError(f"a fidelity of {fidelity!r} cannot be aimed at: give 30 to 95, or {names}")
    return float(fidelity)


def psnr_range(scheme: Scheme) -> tuple[float, float]:
    """Return the strengths in dB between which a scheme's is searched: its own "psnr_range" if it says one."""
    low, high = getattr(scheme, "psnr_range", _PSNR_RANGE)
    return float(low), float(high)


def find_strength(
    mark_at: Callable[[float], Image],
    cover: Image,
    target: float,
    peak: float,
    within: tuple[float, float] = _PSNR_RANGE,
) -> Found:
    """Mark a picture so that its score is the one aimed at, within 1.5.

    Parameters
    ----------
    mark_at : callable
        Marks the cover at a PSNR, in dB.
    cover : the picture
        Up to about 1200 pixels long it is scored in full, larger ones by :class:`CoarseScore`.
    target : SSIMULACRA2 score
    peak : float
        What the samples stand for at most.
    within : (float, float)
        Least and greatest PSNR that ``mark_at`` takes.

    Raises
    ------
    FidelityError
        If no strength leads to that score; the message says what can be had.
    """
    judge = CoarseScore(cover, peak) if working_scale(cover.shape) > 1 else Ssimulacra2(cover, peak)
    psnr, slope = min(max(_GUESS, within[0]), within[1]), _SLOPE
    best: Found | None = None
    last: tuple[float, float] | None = None
    for _ in range(_MOST_STEPS):
        marked = mark_at(psnr)
        found = Found(marked, judge.score(marked), psnr)
        if best is None or abs(found.score - target) < abs(best.score - target):
            best = found
        if abs(found.score - target) <= _NEAR:
            break
        error = math.log(max(100 - found.score, 0.1) / (100 - target))
        if last is not None and abs(psnr - last[0]) > 0.05:
            slope = min(max((last[1] - error) / (psnr - last[0]), 0.04), 0.4)
        last = (psnr, error)
        wanted = min(max(psnr + error / slope, within[0]), within[1])
        if wanted == psnr:
            break
        psnr = wanted
    assert best is not None
    if abs(best.score - target) > _TOLERANCE:
        raise FidelityError(_out_of_reach(best, target))
    return best


def _out_of_reach(best: Found, target: float) -> str:
    said = f"no strength leaves this picture a SSIMULACRA2 score of {target:g}"
    if best.score >= 100:
        return f"{said}: nothing that can be seen of it can be changed, so use a picture with more visible pixels"
    aim = "aim at that" if _RANGE[0] <= best.score <= _RANGE[1] else "use a larger image"
    return f"{said}: at {best.psnr:.1f} dB it is {best.score:.1f}, so {aim}, or state a strength in dB with psnr"
