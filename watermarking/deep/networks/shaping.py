"""What keeps a plain residual from showing: no colour, limited peaks, and a border where it fades out.

The eye, and Butteraugli with it, judges a picture by its worst place. A network that minimises a mean puts a few places
at many times the strength of the rest, at edges and along the border, where R sees less and H makes up for it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

__all__ = ["shape_residual"]

_TINY: Final = 1e-12
_LUMA: Final = (0.299, 0.587, 0.114)


@lru_cache(maxsize=32)
def _fading(length: int, border: int, device: torch.device) -> Tensor:
    """Return the (length,) share of the strength that is left so far from the border, rising over ``border`` pixels."""
    place = torch.arange(length, device=device)
    distance = torch.minimum(place, length - 1 - place)
    with torch.inference_mode(False):  # whoever comes first, a later training must be able to use it
        return ((distance + 0.5) / border).clamp_max(1)


def shape_residual(residual: Tensor, *, limit: float, border: int, untinted: bool = False, group: int = 1) -> Tensor:
    """Limit the peaks of residuals, let them fade out at the border, and take their colour.

    Parameters
    ----------
    residual : Tensor (N, 3, h, w)
        Of any strength: a residual twice as strong comes back twice as strong.
    limit : float
        No sample is greater than this many times the root mean square, and what comes near is compressed; 0 leaves
        peaks as they are.
    border : int
        Pixels over which the residual fades; 0 leaves the border as it is.
    untinted : bool
        Change R, G and B equally, by the change of luma. An H that must reach a PSNR and learns to show little puts
        strength that it does not need into blue, where the metrics do not see it.
    group : int
        Consecutive residuals that belong to one picture, and have one root mean square.

    Returns
    -------
    Tensor (N, 3, h, w)
    """
    if untinted:
        luma = torch.einsum("c,nchw->nhw", torch.tensor(_LUMA, dtype=residual.dtype, device=residual.device), residual)
        residual = luma[:, None].expand_as(residual)
    if limit:
        energy = residual.square().mean((1, 2, 3)).reshape(-1, group).mean(1).repeat_interleave(group)
        greatest = limit * (energy + _TINY).sqrt().reshape(-1, 1, 1, 1)
        residual = greatest * torch.tanh(residual / greatest)
    if border:
        down, across = (_fading(length, border, residual.device) for length in residual.shape[-2:])
        residual = residual * torch.minimum(down[:, None], across)
    return residual
