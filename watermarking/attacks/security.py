"""Attacks by somebody who knows how marks are made, with one marked picture at hand.

A wrong key is no attack on the picture: read with another :class:`watermarking.keys.Key`. Attacks that need several
pictures or the reader itself are in :mod:`watermarking.attacks.collusion` and :mod:`watermarking.attacks.oracle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, choice, number
from watermarking.attacks.residual import add_plane, luma_detail
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels

    Plane = npt.NDArray[np.float32]

__all__ = ["AverageTiles", "ClipPeaks", "Remark"]

_SHORTEST_PERIOD = 8


@dataclass(frozen=True)
class ClipPeaks(Attack):
    """Cut the peaks that a periodic mark leaves in the picture's spectrum or autocorrelation.

    Peaks are sought in the luma's detail over its local standard deviation. Spectrum: a magnitude above `factor` times
    its 5x5 neighbourhood's median falls to the median. Autocorrelation: a value away from the centre that exceeds
    `factor` standard deviations falls to zero with its 5x5 surroundings, and the power spectrum follows. The detail's
    spectrum gets those gains.
    """

    id = "clip_peaks"
    family = "security"
    domain: str = choice("spectrum", "autocorrelation")
    factor: float = number(3.0, 1.0, 1000.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Find the gains, and put the difference that they make into the picture."""
        detail, trust = luma_detail(pixels, sigma=0.5)
        magnitude = np.abs(np.fft.rfft2(detail * np.sqrt(trust))).astype(np.float32)
        gain = self._spectral_gain(magnitude) if self.domain == "spectrum" else self._lag_gain(magnitude, detail.shape)
        clipped = np.fft.irfft2(np.fft.rfft2(detail) * gain, s=detail.shape).astype(np.float32)
        return add_plane(pixels, clipped - detail)

    def _spectral_gain(self, magnitude: Plane) -> Plane:
        usual = np.asarray(cv2_module().medianBlur(magnitude, 5), dtype=np.float32)
        gain = np.divide(usual, magnitude, out=np.ones_like(magnitude), where=magnitude > self.factor * usual)
        return np.asarray(gain, dtype=np.float32)

    def _lag_gain(self, magnitude: Plane, shape: tuple[int, ...]) -> Plane:
        power = magnitude * magnitude
        correlation = np.fft.irfft2(power, s=shape)
        lags = [np.minimum(np.arange(side), side - np.arange(side)) for side in shape]
        far = (lags[0][:, None] >= _SHORTEST_PERIOD) | (lags[1][None, :] >= _SHORTEST_PERIOD)
        if not far.any():
            return np.ones_like(magnitude)
        peaks = far & (np.abs(correlation) > self.factor * correlation.std(where=far))
        slopes = cv2_module().dilate(peaks.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        left = np.maximum(np.fft.rfft2(np.where(far & slopes, 0.0, correlation)).real, 0.0)
        ratio = np.divide(left, power, out=np.ones_like(left), where=power > 0)
        return np.asarray(np.sqrt(np.minimum(ratio, 1.0)), dtype=np.float32)


@dataclass(frozen=True)
class AverageTiles(Attack):
    """Average the repeats of a periodic mark over the picture, and subtract the average `strength` times.

    `period` is the tile's edge in pixels; 0 finds it from the autocorrelation along rows and columns.
    Pictures that hold fewer than four tiles stay as they are. `sigma` is the mark's standard deviation that the
    attacker assumes, in grey levels.
    """

    id = "average_tiles"
    family = "security"
    period: int = number(0, 0, 65500)
    strength: float = number(1.0, 0.0, 10.0)
    sigma: float = number(2.0, 0.1, 50.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Fold the residual onto one tile."""
        detail, trust = luma_detail(pixels, self.sigma)
        period = self.period or _shortest_period(detail * trust)
        down, across = detail.shape[0] // max(1, period), detail.shape[1] // max(1, period)
        if period == 0 or down * across < 4:
            return pixels
        folds = (down, period, across, period)
        whole = (slice(0, down * period), slice(0, across * period))
        total = (detail * trust)[whole].reshape(folds).sum(axis=(0, 2))
        tile = self.strength * total / trust[whole].reshape(folds).sum(axis=(0, 2))
        rows, columns = np.arange(detail.shape[0]) % period, np.arange(detail.shape[1]) % period
        return add_plane(pixels, (-tile[rows[:, None], columns[None, :]]).astype(np.float32))


@dataclass(frozen=True)
class Remark(Attack):
    """Mark the picture once more, with a random key and message; `scheme` empty means the default one."""

    id = "remark"
    family = "security"
    scheme: str = ""
    psnr: float = number(42.0, 20.0, 70.0)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Embed 8 bytes, or as many as fit; a picture without room raises CapacityError."""
        from watermarking.keys import Key
        from watermarking.messages.marker import DEFAULT_SCHEME, Marker

        marker = Marker(self.scheme or DEFAULT_SCHEME, key=Key(rng.bytes(32)), psnr=self.psnr)
        message = rng.bytes(8)[: max(1, marker.capacity(pixels.shape))]
        return np.asarray(marker.embed(pixels, message), dtype=np.uint8)


def _shortest_period(residual: Plane) -> int:
    """Return the shortest lag whose autocorrelation along rows plus along columns is near the largest, or 0."""
    longest = min(residual.shape) // 2
    if longest <= _SHORTEST_PERIOD:
        return 0
    correlation = np.fft.irfft2(np.abs(np.fft.rfft2(residual)) ** 2, s=residual.shape)
    along = (correlation[0, :longest] + correlation[:longest, 0])[_SHORTEST_PERIOD:]
    return _SHORTEST_PERIOD + int(np.argmax(along >= 0.75 * along.max()))  # multiples of the period peak as well
