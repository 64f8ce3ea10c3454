"""Gradient descent on the residual itself, through R: what H leaves undone for one picture and payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor
from torch.nn import functional

from watermarking.deep.losses import masked_error, masking, reading
from watermarking.deep.strength import clip_correction

if TYPE_CHECKING:
    from watermarking.deep.nets import Reader

__all__ = ["refine_residual"]

_RATE: Final = 1e-3
"""Step of Adam in full scale; a residual at 42 dB has a root mean square of 8e-3."""
_PERCEPTUAL, _PILOT = 0.3, 0.05
_GROWN: Final = 2
"""How many times larger than the working picture the marked one is taken to be: its finest detail does not survive."""
_CLIP_PASSES: Final = 6


@torch.inference_mode(False)
@torch.enable_grad()
def refine_residual(
    reader: Reader, inputs: tuple[Tensor, Tensor, Tensor], residual: Tensor, psnr: float, steps: int, *, grey: bool
) -> Tensor:
    """Improve a residual for one picture: better read and less visible at the same strength [1].

    The networks stay as they are. It costs robustness: no attack is shown to R, so that the mark moves where JPEG
    removes it. What R sees is what comes back from a larger picture, clipped; rounding averages away there.

    Parameters
    ----------
    reader : Reader
    inputs : cover (1, 3, s, s) in [0, 1], payload (1, C, h, w) in [-1, 1], pilot (1, 1, k, l), as H got them
    residual : Tensor (1, 3, s, s), of any strength
    psnr : float, strength in dB
    steps : int
    grey : bool, whether the channels change alike

    Returns
    -------
    Tensor (1, 3, s, s)

    References
    ----------
    .. [1] Kishore, Chen, Wang, Li and Weinberger, Fixed neural network steganography: train the images, not the
       network, ICLR 2022, who search the picture for a random network; here H gives the start.
    """
    cover, payload, pilot = (tensor.clone() for tensor in inputs)
    target = torch.tensor([psnr], device=cover.device)
    large = _grow(cover)
    mask = masking(large)
    start = residual.clone()
    change = (start * _strength(large, _change(start, grey), psnr)).detach().requires_grad_(True)
    optimiser = torch.optim.Adam([change], lr=_RATE, betas=(0.8, 0.95))
    for _ in range(steps):
        optimiser.zero_grad()
        shift = _change(change, grey)
        marked = (large + shift * _strength(large, shift, psnr)).clamp(0, 1)
        seen = functional.avg_pool2d(marked, _GROWN).contiguous(memory_format=torch.channels_last)
        read, signs = reader(seen)
        seen_error = masked_error(marked - large, mask, target)
        loss = reading(read, payload) + _PERCEPTUAL * seen_error + _PILOT * reading(signs, pilot)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return change.detach()


def _change(residual: Tensor, grey: bool) -> Tensor:
    return _grow(residual.mean(1, keepdim=True).expand_as(residual) if grey else residual)


def _grow(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=_GROWN, mode="bilinear", align_corners=False)


@torch.no_grad()
def _strength(cover: Tensor, shift: Tensor, psnr: float) -> Tensor:
    """Return what a shift is multiplied with so that, clipped, it has this PSNR."""
    allowed = torch.full((1, 1), 10 ** (-psnr / 10), device=shift.device)
    scale = torch.sqrt(allowed / (shift.square().mean() + 1e-12))
    return (scale * clip_correction(cover, shift, scale, allowed, _CLIP_PASSES)).squeeze()
