"""From raw residual to marked 8-bit picture during training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from watermarking.deep.networks.resample import resample
from watermarking.deep.training.jpeg import round_through

if TYPE_CHECKING:
    from watermarking.deep.networks.pairs import Pair
    from watermarking.deep.training.sampling import Sample

__all__ = ["apply_strength", "mark", "to_levels"]

_CLIP_PASSES = 4


def mark(pair: Pair, drawn: Sample, residual: Tensor) -> Tensor:
    """Grow H's residual (N, 3, h, w) to its covers' size, add it and round.

    At the strength drawn, if the pair's residuals can be scaled; else they are added as they are.
    """
    size = (drawn.cover.shape[2], drawn.cover.shape[3])
    change = resample(pair.before_growing(residual.float(), size, drawn.grey), size)
    if pair.scalable:
        return apply_strength(drawn.cover, change, drawn.psnr, pair.group)
    return to_levels(drawn.cover + change)


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
