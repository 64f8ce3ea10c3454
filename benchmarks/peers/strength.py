"""The strength at which another package leaves the PSNR or the SSIMULACRA2 score that is aimed at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watermarking.errors import WatermarkError
from watermarking.metrics import psnr, ssimulacra2

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image

__all__ = ["WEAKEST", "Aim", "Found", "fidelity_aim", "find_strength", "psnr_aim", "refuse_what_is_too_visible"]

WEAKEST, STRONGEST = 1 / 64, 16.0
_MOST_STEPS = 10


@dataclass(frozen=True)
class Aim:
    """What is aimed at: a measure of quality that falls as the strength grows.

    Attributes
    ----------
    unit : str
        What errors call it.
    target : float
    below, above : float
        How far a result may lie from the target.
    measure : callable
        From cover and marked picture to the quality.
    distance : callable
        From a quality to a number that grows about as the logarithm of the strength does.
    """

    unit: str
    target: float
    below: float
    above: float
    measure: Callable[[Image, Image], float]
    distance: Callable[[float], float]

    def misses(self, quality: float) -> float:
        """Return by how much a quality is out of the tolerance; 0 inside."""
        return max(self.target - self.below - quality, quality - self.target - self.above, 0.0)


@dataclass(frozen=True)
class Found:
    """A marked picture, its quality, and the strength that it was marked at."""

    image: Image
    quality: float
    strength: float


def psnr_aim(target: float) -> Aim:
    """Aim at a PSNR with the tolerance that our own schemes have."""
    return Aim("PSNR", target, 0.05, 0.3, _decibels, lambda quality: -quality * math.log(10) / 20)


def fidelity_aim(target: float) -> Aim:
    """Aim at a SSIMULACRA2 score, as near as our own marker stops at."""
    return Aim("SSIMULACRA2", target, 0.4, 0.4, ssimulacra2, lambda quality: math.log(max(100 - quality, 0.01)))


def _decibels(cover: Image, marked: Image) -> float:
    return min(psnr(cover, marked), 100.0)  # equal pictures have no finite one


def find_strength(mark_at: Callable[[float], Image], cover: Image, aim: Aim, guess: float) -> Found:
    """Mark a picture at the strength whose quality is the one aimed at, or next to it.

    The logarithm of the strength is found by the secant rule, by halving where that leaves what is known.

    Parameters
    ----------
    mark_at : callable
        From a strength, a factor on the package's own, to a marked picture.
    cover : the picture
    aim : Aim
    guess : float
        The strength to begin with.
    """
    low, high = math.log(WEAKEST), math.log(STRONGEST)
    slope, at = 1.0, min(max(math.log(guess), low), high)
    best: Found | None = None
    last: tuple[float, float] | None = None
    for _ in range(_MOST_STEPS):
        image = mark_at(math.exp(at))
        found = Found(image, aim.measure(cover, image), math.exp(at))
        if best is None or abs(found.quality - aim.target) < abs(best.quality - aim.target):
            best = found
        if not aim.misses(found.quality):
            return found
        low, high = (at, high) if found.quality > aim.target else (low, at)
        error = aim.distance(found.quality) - aim.distance(aim.target)
        if last is not None and at != last[0]:
            slope = min(max((error - last[1]) / (at - last[0]), 0.2), 5.0)
        last = (at, error)
        wanted = at - min(max(error / slope, -2.0), 2.0)
        at = wanted if low < wanted < high else (low + high) / 2
    assert best is not None
    return best


def refuse_what_is_too_visible(floor: float, aim: Aim) -> None:
    """Refuse a picture whose weakest mark leaves less than is aimed at.

    Raises
    ------
    WatermarkError
        Saying what is left at best.
    """
    if floor < aim.target - aim.below:
        raise WatermarkError(
            f"at 1/64 of its own strength it leaves {aim.unit} {floor:.1f}, {aim.target:g} is aimed at: what it does "
            "besides marking is too much for this picture, compare it at its own strength"
        )
