"""The loss terms of the paper's equation, each a function of tensors, each a mean.

    L = basic + perceptual + adversarial + watermark + clean + consistency

In the paper the basic term holds the strength; here the residual is scaled to a PSNR, so that the basic term is known
beforehand and the perceptual one decides where the strength goes. Both are divided by the error that the strength
allows: 1 stands for "as visible as white noise of this strength on a busy ground".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from watermarking.deep.training.visibility.butteraugli import butteraugli_map, greatest
from watermarking.deep.training.visibility.light import linear_light
from watermarking.deep.training.visibility.ssimulacra2 import ssimulacra2_error

__all__ = [
    "basic",
    "blankness",
    "consistency",
    "critic_loss",
    "deception",
    "perceptual",
    "reading",
    "visible",
    "windows",
]

_LEAST_SEEN = 0.05  # of SSIMULACRA2's error, at a score of 98: less is not worth learning
_FLOOR = 0.03**2
"""Variance (full scale 1) below which the ground counts as flat, SSIM's second constant."""


def allowed_error(psnr: Tensor) -> Tensor:
    """Return the mean squared error, of full scale 1, that a PSNR in dB stands for."""
    return 10 ** (-psnr / 10)


def basic(marked: Tensor, cover: Tensor, psnr: Tensor) -> Tensor:
    """Mean squared error over what the strength allows; pictures (N, 3, H, W), psnr (N,)."""
    return ((marked - cover).square().mean((1, 2, 3)) / allowed_error(psnr)).mean()


def _window_mean(x: Tensor) -> Tensor:
    """Mean over windows of 7 x 7 pixels, cut off at the edges; one axis after the other, 14 reads a pixel for 49."""
    down = functional.avg_pool2d(x.contiguous(), (7, 1), 1, (3, 0), count_include_pad=False)
    return functional.avg_pool2d(down, (1, 7), 1, (0, 3), count_include_pad=False)


def perceptual(marked: Tensor, cover: Tensor, psnr: Tensor) -> Tensor:
    """Squared error, discounted where the cover's own contrast hides it: 1 - SSIM to first order [1].

    It needs no trained trunk. Contrast is the variance in windows of 7 x 7 pixels, the window and the constant those of
    SSIM as scikit-image computes it.

    References
    ----------
    .. [1] Wang et al., Image quality assessment: from error visibility to structural similarity, TIP 13(4), 2004.
    """
    with torch.no_grad():
        variance = _window_mean(cover.square()) - _window_mean(cover).square()
        visible = _FLOOR / (2 * variance.clamp_min(0) + _FLOOR)
    return ((_window_mean((marked - cover).square()) * visible).mean((1, 2, 3)) / allowed_error(psnr)).mean()


def windows(cover: Tensor, marked: Tensor, seeds: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Cut a window of at most ``side`` pixels out of covers and marked pictures (N, 3, H, W), both in one place.

    The place follows from ``seeds`` (N,); one in four along each axis lies at a border, which shows more than the rest.
    """
    size = [min(side, length) for length in cover.shape[-2:]]
    cuts = []
    for seed in seeds.tolist():
        part = [slice(None)]
        for shift, length, kept in zip((0, 24), cover.shape[-2:], size, strict=True):
            share = ((seed >> shift) % 4096 / 4096 - 0.125) / 0.75
            first = round(min(max(share, 0.0), 1.0) * (length - kept))
            part.append(slice(first, first + kept))
        cuts.append(part)
    one, two = (
        torch.stack([x[tuple(cut)] for x, cut in zip(pictures, cuts, strict=True)]) for pictures in (cover, marked)
    )
    return one, two


def visible(cover: Tensor, marked: Tensor, *, seen: float, peaks: float) -> dict[str, Tensor]:
    """Return SSIMULACRA2's error and Butteraugli's greatest, as logarithms and times their weights.

    A logarithm's slope is relative, so that strong marks and faint ones, busy pictures and flat ones teach alike.
    """
    pair = linear_light(cover), linear_light(marked)
    found = {}
    if seen:
        found["seen"] = seen * (ssimulacra2_error(*pair) + _LEAST_SEEN).log().mean()
    if peaks:
        found["peaks"] = peaks * greatest(butteraugli_map(*pair)).log().mean()
    return found


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
