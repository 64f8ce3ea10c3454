"""From raw residual to marked 8-bit picture during training."""

from __future__ import annotations

import torch
from torch import Tensor

from watermarking.deep.training.jpeg import round_through

__all__ = ["apply_strength", "to_levels"]

_CLIP_PASSES = 4


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
    allowed = 10 ** (-psnr.reshape(n // group, group)[:, :1] / 10)
    energy = residual.square().mean((1, 2, 3)).reshape(n // group, group).mean(1, keepdim=True)
    scale = torch.sqrt(allowed / (energy + 1e-12))
    # What is clipped at black and white is no change: left uncounted, H would spend its strength there and look faint.
    with torch.no_grad():
        correction = torch.ones_like(scale)
        for _ in range(_CLIP_PASSES):
            shift = residual * (scale * correction).expand(-1, group).reshape(n, 1, 1, 1)
            clipped = ((cover + shift).clamp(0, 1) - cover).square().mean((1, 2, 3)).reshape(n // group, group)
            correction *= torch.sqrt(allowed / (clipped.mean(1, keepdim=True) + 1e-12)).clamp(0.25, 4)
    return to_levels(cover + residual * (scale * correction).expand(-1, group).reshape(n, 1, 1, 1))
