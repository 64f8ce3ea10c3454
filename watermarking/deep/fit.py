"""The residual for a strength: scaled to it later or, where it cannot be scaled, by another level that H is told."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch

from watermarking.deep.adapter import working_picture
from watermarking.deep.networks.resample import axis_weights
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from torch import Tensor

    from watermarking.deep.networks.pairs import Pair
    from watermarking.interface import Image

__all__ = ["HIGHEST_ROUNDED", "fit_residual", "grown_error"]

HIGHEST_ROUNDED: Final = 54.0
"""Strength in dB above which the rounding of 8-bit pictures takes most of a mark away that cannot be scaled."""
_TURNS: Final = 6
_CLOSE: Final = 0.03
_ROUNDING: Final = 1 / 12 / 255**2


@lru_cache(maxsize=32)
def _gram(n_small: int, n_large: int) -> npt.NDArray[np.float32]:
    grown = axis_weights(n_small, n_large)
    return np.asarray(grown.T @ grown / n_large, np.float32)


def grown_error(residual: Tensor, size: tuple[int, int]) -> float:
    """Return the mean square of a residual (1, 3, s, s) grown to a size, without growing it."""
    down, across = (torch.from_numpy(_gram(residual.shape[-1], n)).to(residual.device) for n in size)
    return float((down @ residual @ across * residual).sum() / residual.shape[1])


def fit_residual(pair: Pair, inputs: tuple[Tensor, Tensor, Tensor], psnr: float, image: Image) -> Tensor:
    """Return H's residual (1, 3, s, s), ready to be grown to a cover's size.

    Of a pair whose residuals can be scaled, at any strength; of any other, at the one asked for.

    Parameters
    ----------
    pair : Pair
    inputs : cover (1, 3, s, s) in [0, 1], payload (1, C, h, w) in [-1, 1], pilot (1, 1, k, k)
    psnr : float
        In dB, of the marked picture.
    image : (H, W), (H, W, 3) or (H, W, 4)
        The cover itself: its size, whether it has 256 levels, so that rounding is part of the error, and where it is
        fully transparent, so that no error is made.

    Raises
    ------
    WatermarkError
        If rounding would take most of the mark away.
    """
    size = (image.shape[0], image.shape[1])

    def residual_at(level: float) -> Tensor:
        return pair.before_growing(pair.hider(*inputs, torch.tensor([level], device=inputs[0].device)), size)

    if pair.scalable:
        return residual_at(psnr)
    rounded = image.dtype == np.uint8
    if rounded and psnr > HIGHEST_ROUNDED:
        raise WatermarkError(
            f"psnr is {psnr:g} dB: in 8-bit pictures weights on a lattice mark at {HIGHEST_ROUNDED:g} dB at the most, "
            "since rounding takes fainter marks away: lower psnr, or mark 16-bit or float pictures"
        )
    level, visible = psnr, _visible(image, inputs[0])
    for _ in range(_TURNS):
        residual = residual_at(level)
        error = grown_error(residual, size)
        if visible is not None:
            shown = residual.square().mean(1)
            error *= float((shown * visible).mean() / (shown.mean() * visible.mean()))
        found = -10 * math.log10(error + _ROUNDING * rounded)
        if abs(found - psnr) < _CLOSE:
            break
        level += psnr - found
    return residual


def _visible(image: Image, cover: Tensor) -> Tensor | None:
    """Return each working pixel's share that is not fully transparent, of any scale; None where all is, or none."""
    if image.ndim == 2 or image.shape[2] < 4 or not image[..., 3].any() or image[..., 3].all():
        return None
    shares = working_picture((image[..., 3] > 0).view(np.uint8), cover.shape[-1])[0]
    return torch.from_numpy(shares).to(cover.device)
