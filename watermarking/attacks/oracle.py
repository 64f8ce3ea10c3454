"""Removal with the reader as an oracle: the attacker may ask "is the mark still there?" a bounded number of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.attacks.attack import as_uint8, from_uint8, round_pixels
from watermarking.attacks.filters import Blur
from watermarking.attacks.resampling import resample

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels
    from watermarking.interface import Image

    Values = npt.NDArray[np.float32]

__all__ = ["OracleRemoval", "Removal"]

_HALVINGS = 7  # places a boundary to 1/128 of the way


@dataclass(frozen=True, slots=True)
class Removal:
    """What an oracle attack came to.

    Attributes
    ----------
    image : the closest picture found in which the oracle sees no mark; the marked one itself if there was none
    removed : bool
    calls : int
        How often the oracle was asked.
    """

    image: Image
    removed: bool
    calls: int


@dataclass(frozen=True, kw_only=True)
class OracleRemoval:
    """Sensitivity attack: find the reader's boundary, then walk along it towards the marked picture.

    The boundary's normal is estimated from the answers to random steps (Cox and Linnartz 1998; the estimator is that
    of Chen, Jordan and Wainwright, "HopSkipJumpAttack", IEEE S&P 2020).

    Attributes
    ----------
    calls : int
        The most questions to the oracle.
    probes : int
        Questions for each estimate of the normal.
    """

    calls: int = 500
    probes: int = 40

    def __call__(self, image: Image, is_marked: Callable[[Image], bool], *, rng: np.random.Generator) -> Removal:
        """Attack a marked picture; `is_marked` gets pictures of its shape and dtype."""
        search = _Search(image, is_marked, self.calls)
        try:
            if search.marked(search.start) and search.leave():
                while True:
                    search.approach(self.probes, rng)
        except _SpentError:
            pass
        return Removal(from_uint8(search.best, image.dtype), search.removed, search.asked)


class _SpentError(Exception):
    """The last question has been asked."""


class _Search:
    """The state of one attack: the closest clean picture so far, and the count of questions."""

    def __init__(self, image: Image, is_marked: Callable[[Image], bool], calls: int) -> None:
        self.start: Values = as_uint8(image).astype(np.float32)
        self.best: Pixels = as_uint8(image)
        self.removed = False
        self.asked = 0
        self._closest = np.inf
        self._is_marked, self._calls, self._dtype = is_marked, calls, image.dtype

    def marked(self, values: npt.NDArray[np.floating[Any]]) -> bool:
        """Ask the oracle, and keep the picture if it is clean and closer than any before."""
        if self.asked >= self._calls:
            raise _SpentError
        self.asked += 1
        pixels = round_pixels(values)
        answer = bool(self._is_marked(from_uint8(pixels, self._dtype)))
        distance = float(np.square(pixels - self.start).sum(dtype=np.float64))
        if not answer and distance < self._closest:
            self.best, self._closest, self.removed = pixels, distance, True
        return answer

    def leave(self) -> bool:
        """Blur until the mark is gone; flat grey is the last resort."""
        rng = np.random.default_rng(0)  # blurring draws nothing
        for sigma in (1.0, 2.0, 4.0, 8.0, 16.0):
            blurred = Blur(sigma)(self.best, rng=rng).astype(np.float32)
            if not self.marked(blurred):
                self._halve(blurred)
                return True
        grey = np.full_like(self.start, self.start.mean())
        if self.marked(grey):
            return False
        self._halve(grey)
        return True

    def approach(self, probes: int, rng: np.random.Generator) -> None:
        """Estimate the boundary's normal at the best picture, step out along it, and walk back to the boundary."""
        here = self.best.astype(np.float32)
        reach = np.float32(np.sqrt(self._closest / here.size))
        normal = np.zeros_like(here)
        answers = []
        for _ in range(probes):
            step = _smooth_noise(self.start.shape, rng)
            answers.append(-1.0 if self.marked(here + max(reach, np.float32(1)) * step) else 1.0)
            normal += np.float32(answers[-1]) * step
        length = float(np.sqrt(np.square(normal).mean()))
        if length == 0 or len(set(answers)) == 1:
            return
        stride = reach
        while stride > 0.25:  # halve until the step stays on the clean side, as the algorithm's geometric search does
            outside = here + stride * normal / np.float32(length)
            if not self.marked(outside):
                self._halve(outside)
                return
            stride /= 2

    def _halve(self, clean: Values) -> None:
        """Bisect the line from the marked picture to a clean one."""
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self.marked(self.start + np.float32(middle) * (clean - self.start)):
                low = middle
            else:
                high = middle


def _smooth_noise(shape: tuple[int, ...], rng: np.random.Generator) -> Values:
    """Return noise of unit power in the band where marks live: a grid of half the resolution, enlarged."""
    coarse = (max(1, shape[0] // 2), max(1, shape[1] // 2))
    grid = rng.integers(0, 256, coarse, dtype=np.uint8)
    noise = resample(grid, (shape[0], shape[1]), "cubic").astype(np.float32) - 128
    noise /= np.float32(max(1e-6, float(noise.std())))
    return noise if len(shape) == 2 else np.repeat(noise[..., None], shape[2], axis=2)
