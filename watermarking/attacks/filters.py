"""Smoothing filters and denoisers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, number, round_pixels
from watermarking.errors import MissingExtraError
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from watermarking.attacks.attack import Pixels

__all__ = ["Bilateral", "Blur", "Box", "Median", "NonLocalMeans", "WaveletDenoise", "Wiener"]


@dataclass(frozen=True)
class Blur(Attack):
    """Blur each channel with a Gaussian of standard deviation `sigma`, in pixels."""

    id = "blur"
    family = "filters"
    sigma: float = number(1.0, 0.05, 100.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call OpenCV, which chooses the kernel's size."""
        cv2 = cv2_module()

        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), self.sigma), dtype=np.uint8)


@dataclass(frozen=True)
class Box(Attack):
    """Replace each sample by the mean of a `size` x `size` window."""

    id = "box"
    family = "filters"
    size: int = number(3, 1, 255)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call OpenCV."""
        cv2 = cv2_module()

        return np.asarray(cv2.blur(pixels, (self.size, self.size)), dtype=np.uint8)


@dataclass(frozen=True)
class Median(Attack):
    """Replace each sample by the median of a `size` x `size` window; even sizes count as the next odd one."""

    id = "median"
    family = "filters"
    size: int = number(3, 1, 255)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call OpenCV."""
        cv2 = cv2_module()

        return np.asarray(cv2.medianBlur(pixels, self.size | 1), dtype=np.uint8)


@dataclass(frozen=True)
class Bilateral(Attack):
    """Smooth where neighbours are alike; `space` in pixels, `value` in grey levels."""

    id = "bilateral"
    family = "filters"
    space: float = number(3.0, 0.1, 50.0)
    value: float = number(25.0, 0.1, 255.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call OpenCV with a window of two `space` each way."""
        cv2 = cv2_module()

        diameter = 2 * max(1, round(2 * self.space)) + 1
        return np.asarray(cv2.bilateralFilter(pixels, diameter, self.value, self.space), dtype=np.uint8)


@dataclass(frozen=True)
class Wiener(Attack):
    """Apply the local Wiener filter of a `size` x `size` window to each channel, noise power estimated."""

    id = "wiener"
    family = "filters"
    size: int = number(3, 3, 255)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call SciPy; where a channel has no noise at all, nothing changes."""
        from scipy.signal import wiener

        planes = pixels.reshape(*pixels.shape[:2], -1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            filtered = np.dstack([wiener(planes[..., i], self.size | 1) for i in range(planes.shape[2])])
        return round_pixels(np.where(np.isfinite(filtered), filtered, planes)).reshape(pixels.shape)


@dataclass(frozen=True)
class NonLocalMeans(Attack):
    """Average alike patches; `strength` in grey levels."""

    id = "non_local_means"
    family = "filters"
    strength: float = number(5.0, 0.1, 255.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call OpenCV: 7x7 patches in a 21x21 window, colours in CIELAB."""
        cv2 = cv2_module()

        if pixels.ndim == 2:
            return np.asarray(cv2.fastNlMeansDenoising(pixels, None, self.strength), dtype=np.uint8)
        return np.asarray(cv2.fastNlMeansDenoisingColored(pixels, None, self.strength, self.strength), dtype=np.uint8)


@dataclass(frozen=True)
class WaveletDenoise(Attack):
    """Shrink wavelet coefficients by BayesShrink's soft threshold; `sigma` in grey levels, 0 estimates it.

    Needs scikit-image (extra ``bench``).
    """

    id = "wavelet_denoise"
    family = "filters"
    sigma: float = number(0.0, 0.0, 255.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Call scikit-image."""
        try:
            from skimage.restoration import denoise_wavelet
        except ImportError as error:
            raise MissingExtraError("wavelet_denoise needs scikit-image: pip install 'watermarking[bench]'") from error
        if min(pixels.shape[:2]) < 2:  # no wavelet level fits
            return pixels
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # a flat picture has no details to estimate noise from
            axis = None if pixels.ndim == 2 else 2
            sigma = self.sigma / 255 or None
            shrunk = 255 * denoise_wavelet(pixels / 255.0, sigma=sigma, channel_axis=axis, rescale_sigma=True)
        return round_pixels(np.where(np.isfinite(shrunk), shrunk, pixels))
