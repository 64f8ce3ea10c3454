"""A small autoencoder of pictures: what comes out is drawn anew from an eighth of the numbers.

As the other networks it sees pictures through a pixel unshuffle by 4. Three of the latent's channels are the means of
8x8 pixels, so that the rest has nothing but details to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CELL", "REACH", "Autoencoder", "AutoencoderSpec"]

CELL = 8
"""Pixels of the picture per cell of the latent, along each axis."""
REACH = 96
"""What is further away than so many pixels has no influence on a pixel; a multiple of ``CELL``."""


@dataclass(frozen=True, kw_only=True)
class AutoencoderSpec:
    """Shape of an autoencoder; the part of a weights card that rebuilds it.

    Attributes
    ----------
    latent : int
        Channels of the latent beside the three means; 21 and 3 are an eighth of the picture's 192 numbers a cell.
    fine, coarse : int
        Channels at a quarter and at an eighth of the resolution.
    """

    latent: int = 21
    fine: int = 48
    coarse: int = 80


class _Block(nn.Module):
    """Two convolutions beside the way straight through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the block has to say."""
        said: Tensor = self.second(functional.gelu(self.first(functional.gelu(x))))
        return x + said


class Autoencoder(nn.Module):
    """Encoder and decoder; pictures are (N, 3, H, W) in [0, 1], H and W multiples of ``CELL``."""

    def __init__(self, spec: AutoencoderSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, spec.fine, 3, padding=1),
            _Block(spec.fine),
            nn.Conv2d(spec.fine, spec.coarse, 4, stride=2, padding=1),
            _Block(spec.coarse),
            nn.Conv2d(spec.coarse, spec.latent, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(spec.latent + 3, spec.coarse, 3, padding=1),
            _Block(spec.coarse),
            nn.Conv2d(spec.coarse, 4 * spec.fine, 1),
            nn.PixelShuffle(2),
            _Block(spec.fine),
            nn.Conv2d(spec.fine, 48, 3, padding=1),
            nn.PixelShuffle(4),
        )

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the latent (N, latent + 3, H / 8, W / 8): details within +-1, then means within +-0.5."""
        details = torch.tanh(self.encoder(pictures - 0.5))
        return torch.cat([details, functional.avg_pool2d(pictures, CELL) - 0.5], dim=1)

    def decode(self, latent: Tensor) -> Tensor:
        """Return pictures; what lies beyond [0, 1] is left to the caller."""
        means = functional.interpolate(latent[:, -3:], scale_factor=CELL, mode="bilinear", align_corners=False)
        drawn: Tensor = means + 0.5 + self.decoder(latent)
        return drawn

    def forward(self, pictures: Tensor, noise: Tensor | None = None) -> Tensor:
        """Encode, add noise of the latent's shape, decode."""
        latent = self.encode(pictures)
        return self.decode(latent if noise is None else latent + noise)
