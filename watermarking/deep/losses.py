"""The loss terms of the paper's equation, each a function of tensors, each a mean.

    L = basic + perceptual + adversarial + watermark + clean + consistency

In the paper the basic term holds the strength; here the residual is scaled to a PSNR, so that the basic term is known
beforehand and the perceptual one decides where the strength goes. Both are divided by the error that the strength
allows: 1 stands for "as visible as white noise of this strength on a busy ground".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["basic", "blankness", "consistency", "critic_loss", "deception", "perceptual", "reading"]

_LEVELS = 3
_FLOOR = 0.02
"""Local contrast (of full scale) below which a pattern counts as lying on flat ground."""


def allowed_error(psnr: Tensor) -> Tensor:
    """Return the mean squared error, of full scale 1, that a PSNR in dB stands for."""
    return 10 ** (-psnr / 10)


def basic(marked: Tensor, cover: Tensor, psnr: Tensor) -> Tensor:
    """Mean squared error over what the strength allows; pictures (N, 3, H, W), psnr (N,)."""
    return ((marked - cover).square().mean((1, 2, 3)) / allowed_error(psnr)).mean()


def _bands(image: Tensor) -> list[Tensor]:
    """Split into a Laplacian pyramid of three levels and the lowpass rest."""
    bands = []
    for _ in range(_LEVELS):
        low = F.avg_pool2d(image, 2, ceil_mode=True)
        bands.append(image - F.interpolate(low, image.shape[-2:], mode="bilinear", align_corners=False))
        image = low
    return [*bands, image]


def perceptual(marked: Tensor, cover: Tensor, psnr: Tensor) -> Tensor:
    """Distance in a normalised Laplacian pyramid: errors divided by the cover's contrast around them [1].

    It needs no trained trunk. Contrast is the local mean of the absolute band over 9 x 9 samples. The lowpass rest counts
    in full: otherwise H would hide its strength in a change of brightness that no band sees and nothing can be read from.

    References
    ----------
    .. [1] Laparra et al., Perceptual image quality assessment using a normalized Laplacian pyramid, HVEI 2016.
    """
    total = marked.new_zeros(())
    with torch.no_grad():
        grounds = [F.avg_pool2d(b.abs(), 9, 1, 4, count_include_pad=False) for b in _bands(cover)[:-1]]
        grounds.append(cover.new_zeros(()))
    for error, ground in zip(_bands(marked - cover), grounds, strict=True):
        visible = error.square() * (_FLOOR / (ground + _FLOOR)).square()
        total = total + (visible.mean((1, 2, 3)) / allowed_error(psnr)).mean()
    return total


def deception(scores: Tensor) -> Tensor:
    """H's side of the least-squares game: how far D is from taking marked pictures for genuine."""
    return (scores - 1).square().mean()


def critic_loss(genuine: Tensor, marked: Tensor) -> Tensor:
    """D's side of the least-squares game."""
    return 0.5 * ((genuine - 1).square().mean() + marked.square().mean())


def reading(read: Tensor, hidden: Tensor) -> Tensor:
    """Watermark term: mean squared error of what was read, payloads in [-1, 1]."""
    return (read - hidden).square().mean()


def blankness(read: Tensor, blank: float) -> Tensor:
    """Clean term: how far R's answer to unmarked pictures is from blank."""
    return (read - blank).square().mean()


def consistency(read: Tensor) -> Tensor:
    """Consistency term: difference of what is read from the batch's two halves, which carry the same payloads."""
    half = read.shape[0] // 2
    return (read[:half] - read[half : 2 * half]).square().mean()
