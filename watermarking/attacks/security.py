"""Attacks by somebody who knows how marks are made, with one marked picture at hand.

A wrong key is no attack on the picture: read with another :class:`watermarking.keys.Key`. Attacks that need several
pictures or the reader itself are in :mod:`watermarking.attacks.collusion` and :mod:`watermarking.attacks.oracle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, choice, number
from watermarking.attacks.residual import add_plane, luma_residual
from watermarking.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels

    Plane = npt.NDArray[np.float32]

__all__ = ["AverageTiles", "ClipPeaks", "Remark"]

_SHORTEST_PERIOD = 8


@dataclass(frozen=True)
class ClipPeaks(Attack):
    """Cut the peaks that a periodic mark leaves in the spectrum or the autocorrelation of the picture's residual.

    Spectrum: a magnitude above `factor` times its 5x5 neighbourhood's median falls to the median. Autocorrelation: a
    value away from the centre that exceeds `factor` standard deviations falls to zero, and the spectrum follows.
    `sigma` is the assumed standard deviation of the mark, in grey levels.
    """

    id = "clip_peaks"
    family = "security"
    domain: str = choice("spectrum", "autocorrelation")
    factor: float = number(4.0, 1.0, 1000.0)
    sigma: float = number(2.0, 0.1, 50.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Change the residual's magnitudes, keep its phases, and put the difference into the picture."""
        residual = luma_residual(pixels, self.sigma)
        spectrum = np.fft.rfft2(residual)
        magnitude = np.abs(spectrum).astype(np.float32)
        if self.domain == "spectrum":
            usual = np.asarray(cv2_module().medianBlur(magnitude, 5), dtype=np.float32)
            wanted = np.where(magnitude > self.factor * usual, usual, magnitude)
        else:
            wanted = self._without_repeats(magnitude, residual.shape)
        gain = np.divide(wanted, magnitude, out=np.ones_like(magnitude), where=magnitude > 0)
        clipped = np.fft.irfft2(spectrum * gain, s=residual.shape).astype(np.float32)
        return add_plane(pixels, clipped - residual)

    def _without_repeats(self, magnitude: Plane, shape: tuple[int, ...]) -> Plane:
        """Return the magnitudes whose autocorrelation has no peaks but the one in the centre."""
        correlation = np.fft.irfft2(magnitude * magnitude, s=shape)
        far = np.minimum(np.arange(shape[0]), shape[0] - np.arange(shape[0]))[:, None] >= _SHORTEST_PERIOD
        far = far | (np.minimum(np.arange(shape[1]), shape[1] - np.arange(shape[1]))[None, :] >= _SHORTEST_PERIOD)
        peaks = far & (np.abs(correlation) > self.factor * correlation.std(where=far) if far.any() else False)
        power = np.fft.rfft2(np.where(peaks, 0.0, correlation)).real
        return np.sqrt(np.maximum(power, 0.0)).astype(np.float32)


@dataclass(frozen=True)
class AverageTiles(Attack):
    """Average the repeats of a periodic mark over the picture, and subtract the average `strength` times.

    `period` is the tile's edge in pixels; 0 finds it as the strongest autocorrelation peak along rows and columns.
    Pictures that hold fewer than four tiles stay as they are. `sigma` as for :class:`ClipPeaks`.
    """

    id = "average_tiles"
    family = "security"
    period: int = number(0, 0, 65500)
    strength: float = number(1.0, 0.0, 10.0)
    sigma: float = number(2.0, 0.1, 50.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Fold the residual onto one tile."""
        residual = luma_residual(pixels, self.sigma)
        period = self.period or _strongest_period(residual)
        down, across = residual.shape[0] // max(1, period), residual.shape[1] // max(1, period)
        if period == 0 or down * across < 4:
            return pixels
        whole = residual[: down * period, : across * period].reshape(down, period, across, period)
        tile = whole.mean(axis=(0, 2))
        rows, columns = np.arange(residual.shape[0]) % period, np.arange(residual.shape[1]) % period
        # The Wiener filter returns only a part of the mark: scale the tile back to the assumed standard deviation.
        spread = float(tile.std())
        scale = self.strength * min(self.sigma / spread, 1 / 0.2) if spread > 0 else 0.0
        return add_plane(pixels, (-scale * tile[rows[:, None], columns[None, :]]).astype(np.float32))


@dataclass(frozen=True)
class Remark(Attack):
    """Mark the picture once more, with a random key and message; `scheme` empty means the default one."""

    id = "remark"
    family = "security"
    scheme: str = ""
    psnr: float = number(42.0, 20.0, 70.0)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Embed as any user would; too small a picture raises CapacityError."""
        from watermarking.keys import Key
        from watermarking.marker import DEFAULT_SCHEME, Marker

        marker = Marker(self.scheme or DEFAULT_SCHEME, key=Key(rng.bytes(32)), psnr=self.psnr)
        return np.asarray(marker.embed(pixels, rng.bytes(8)), dtype=np.uint8)


def _strongest_period(residual: Plane) -> int:
    """Return the lag with the largest autocorrelation along rows plus along columns; 0 if no lag fits."""
    longest = min(residual.shape) // 2
    if longest <= _SHORTEST_PERIOD:
        return 0
    correlation = np.fft.irfft2(np.abs(np.fft.rfft2(residual)) ** 2, s=residual.shape)
    along = correlation[0, :longest] + correlation[:longest, 0]
    return _SHORTEST_PERIOD + int(np.argmax(along[_SHORTEST_PERIOD:]))
