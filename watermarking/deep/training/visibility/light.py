"""What the differentiable terms of visibility share: linear light, mixes of channels, blurs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["blurred", "halved", "linear_light", "mixed"]


def linear_light(image: Tensor) -> Tensor:
    """Return the linear light of sRGB samples in [0, 1]."""
    return torch.where(image > 0.04045, ((image.clamp_min(0.04) + 0.055) / 1.055) ** 2.4, image / 12.92)


def mixed(light: Tensor, matrix: Sequence[Sequence[float]]) -> Tensor:
    """Mix the channels of pictures (N, 3, H, W)."""
    return torch.einsum("ij,njhw->nihw", torch.tensor(matrix, device=light.device), light)


def halved(light: Tensor) -> Tensor:
    """Return the means of 2 x 2 squares; an odd last row or column is left out."""
    return functional.avg_pool2d(light, 2)


@lru_cache(maxsize=64)
def _gaussian(length: int, sigma: float, radius: int, renewed: bool, device: torch.device) -> Tensor:
    """Return the (length, length) matrix of a Gaussian along one axis."""
    offset = torch.arange(length)[:, None] - torch.arange(length)[None]
    taps = torch.exp(-offset.double().square() / (2 * sigma * sigma)) * (offset.abs() <= radius)
    whole = float(torch.exp(-torch.arange(-radius, radius + 1).double().square() / (2 * sigma * sigma)).sum())
    taps = taps / (taps.sum(1, keepdim=True) if renewed else whole)
    with torch.inference_mode(False):  # whoever comes first, a later training must be able to use it
        return taps.float().to(device)


def blurred(x: Tensor, sigma: float, radius: int, *, renewed: bool = True) -> Tensor:
    """Blur planes (..., h, w) with a Gaussian that is cut off at a radius.

    Beyond the border lie zeros; ``renewed`` makes the taps that lie inside add up to 1.
    """
    down, across = (_gaussian(n, sigma, radius, renewed, x.device) for n in x.shape[-2:])
    return down @ x @ across.T
