"""Random noise; every sample is independent unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, number, round_pixels

if TYPE_CHECKING:
    from watermarking.attacks.attack import Pixels

__all__ = ["Noise", "Poisson", "SaltPepper", "Speckle"]


@dataclass(frozen=True)
class Noise(Attack):
    """Add Gaussian noise of standard deviation `sigma`, in grey levels."""

    id = "noise"
    family = "noise"
    sigma: float = number(10.0, 0.0, 255.0)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Add, round and clip."""
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        return round_pixels(pixels + np.float32(self.sigma) * noise)


@dataclass(frozen=True)
class Poisson(Attack):
    """Replace each sample by a photon count; a white sample is `photons` photons."""

    id = "poisson"
    family = "noise"
    photons: float = number(255.0, 1.0, 1e6)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw the counts and scale them back."""
        return round_pixels(rng.poisson(pixels * (self.photons / 255.0)) * (255.0 / self.photons))


@dataclass(frozen=True)
class Speckle(Attack):
    """Multiply each sample by 1 + Gaussian noise of standard deviation `sigma`."""

    id = "speckle"
    family = "noise"
    sigma: float = number(0.1, 0.0, 10.0)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Multiply, round and clip."""
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        return round_pixels(pixels * (1 + np.float32(self.sigma) * noise))


@dataclass(frozen=True)
class SaltPepper(Attack):
    """Turn a share of the pixels black or white, each with probability one half, all channels of a pixel together."""

    id = "salt_pepper"
    family = "noise"
    amount: float = number(0.01, 0.0, 1.0)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw one number a pixel."""
        draw = rng.random(pixels.shape[:2], dtype=np.float32)
        noisy = pixels.copy()
        noisy[draw < self.amount] = 255
        noisy[draw < self.amount / 2] = 0
        return noisy
