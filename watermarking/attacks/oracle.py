"""Removal with the reader as an oracle: the attacker may ask "is the mark still there?" a bounded number of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.attacks.attack import as_uint8, from_uint8, round_pixels
from watermarking.attacks.filters import Blur
from watermarking.attacks.resampling import resample
from watermarking.errors import UnknownAttackError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels
    from watermarking.interface import Image

    Values = npt.NDArray[np.float32]

__all__ = ["OracleRemoval", "Removal"]

_HALVINGS = 7  # places a boundary to 1/128 of the way
_SHORTER = 0.97  # what a turned way must at least save


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
    """Sensitivity attack: blur until the mark is gone, then find a shorter way across the reader's boundary.

    The boundary's normal is estimated from the answers to random steps around it, all answers counting, as for a
    correlation detector the boundary is flat (Cox and Linnartz, "Some general methods for tampering with watermarks",
    IEEE JSAC 16(4), 1998; the steps are those of Chen, Jordan and Wainwright, "HopSkipJumpAttack", IEEE S&P 2020).

    Attributes
    ----------
    calls : int
        The most questions to the oracle.
    probes : int
        Questions for each estimate of the normal.
    """

    calls: int = 500
    probes: int = 40

    def __post_init__(self) -> None:
        """Check the counts."""
        if self.calls < 0 or self.probes < 1:
            raise UnknownAttackError(f"{self.calls} calls with {self.probes} probes each make no attack")

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
        self._normal = np.zeros_like(self.start)
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
        """Refine the normal by answers around the best picture, then turn the way from the marked one towards it."""
        here = self.best.astype(np.float32)
        away = here - self.start
        reach = np.float32(np.sqrt(np.square(away).mean()))
        for _ in range(probes):
            step = _smooth_noise(self.start.shape, rng)
            self._normal += -step if self.marked(here + max(reach, np.float32(1)) * step) else step
        normal = self._normal * (reach / np.sqrt(np.square(self._normal).mean()))
        for share in (0.25, 0.5, 1.0, 2.0):
            turned = away + np.float32(share) * normal
            turned *= np.float32(_SHORTER) * reach / np.sqrt(np.square(turned).mean())
            if not self.marked(self.start + turned):
                self._halve(self.start + turned)
                return

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
    """Return noise of unit power where marks live: a grid of a half to a quarter of the resolution, enlarged."""
    cell = int(rng.integers(2, 5))
    grid = rng.integers(0, 256, (-(-shape[0] // cell), -(-shape[1] // cell)), dtype=np.uint8)
    noise = resample(grid, (shape[0], shape[1]), "cubic").astype(np.float32) - 128
    noise /= np.float32(max(1e-6, float(np.sqrt(np.square(noise).mean()))))
    return noise if len(shape) == 2 else np.repeat(noise[..., None], shape[2], axis=2)
