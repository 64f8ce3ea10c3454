"""Pictures drawn anew: what a network does not think worth keeping is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, number, round_pixels
from watermarking.extras import needed

if TYPE_CHECKING:
    from watermarking.attacks.attack import Pixels

__all__ = ["Regenerate"]


@dataclass(frozen=True)
class Regenerate(Attack):
    """Draw the picture anew with the small autoencoder of this package. Needs ``pip install 'watermarking[deep]'``.

    An eighth of the numbers goes through its latent. `noise` is the standard deviation of what the latent gets in
    between, where details lie within +-1: the decoder has been trained up to 0.1. `times` draws over again. (The
    attacks by regeneration and rinsing of An et al., "WAVES", ICML 2024, with a network that is no generative model.)
    """

    id = "regenerate"
    family = "filters"
    noise: float = number(0.0, 0.0, 1.0)
    times: int = number(1, 1, 16)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Draw a grey picture as if in colour, and take the mean of the channels."""
        for package in ("torch", "safetensors"):
            needed(package, "deep")
        from watermarking.deep.regeneration import regenerated

        for _ in range(self.times):
            colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
            drawn = regenerated(colour, self.noise, rng)
            pixels = round_pixels(drawn if pixels.ndim == 3 else drawn.mean(axis=2))
        return pixels
