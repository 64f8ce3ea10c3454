"""From raw residual to marked 8-bit picture during training."""

from __future__ import annotations

import torch
from torch import Tensor

from watermarking.deep.jpeg import round_through

__all__ = ["apply_strength", "to_levels"]


def to_levels(image: Tensor) -> Tensor:
    """Round to the 256 levels of an 8-bit picture, within the range; the gradient passes straight through."""
    return round_through(image.clamp(0, 1) * 255) / 255


def apply_strength(cover: Tensor, residual: Tensor, psnr: Tensor, group: int) -> Tensor:
    """Scale residuals to a PSNR, add them and round.

    Parameters
    ----------
    cover, residual : Tensor (N, 3, H, W), full scale 1
    psnr : Tensor (N,) in dB, equal within a group
    group : int
        Consecutive tiles that belong to one photograph: they share one scale, so that H can move strength from sky to
        leaves as it can in a whole picture.
    """
    n = residual.shape[0]
    energy = residual.square().mean((1, 2, 3)).reshape(n // group, group).mean(1, keepdim=True)
    scale = 10 ** (-psnr.reshape(n // group, group) / 20) * torch.rsqrt(energy + 1e-12)
    return to_levels(cover + residual * scale.reshape(n, 1, 1, 1))
