"""The lattice step that gives a strength: a mark on a lattice cannot be scaled afterwards."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch

from watermarking.deep.networks.resample import axis_weights, sharpen
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from torch import Tensor

    from watermarking.deep.networks.lattice_nets import LatticeHider

__all__ = ["fit_residual", "grown_error"]

_HIGHEST_ROUNDED: Final = 54.0
"""Strength in dB above which the rounding of 8-bit pictures takes most of a mark away."""

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


def fit_residual(
    hider: LatticeHider,
    inputs: tuple[Tensor, Tensor, Tensor],
    psnr: float,
    size: tuple[int, int],
    *,
    rounded: bool,
    visible: Tensor | None = None,
) -> Tensor:
    """Return H's residual (1, 3, s, s), sharpened for a cover's size, at the step that gives the strength asked for.

    Parameters
    ----------
    hider : LatticeHider
    inputs : cover (1, 3, s, s) in [0, 1], payload (1, 3, s / 2, s / 2) in [-1, 1], pilot (1, 1, k, k)
    psnr : float
        In dB, of the marked picture.
    size : (int, int)
        Rows and columns of the cover.
    rounded : bool
        Whether the cover has 256 levels, so that rounding is part of the error.
    visible : Tensor (s, s), optional
        Share of each working pixel that is not fully transparent, of any scale: elsewhere no error is made.

    Raises
    ------
    WatermarkError
        If rounding would take most of the mark away.
    """
    if rounded and psnr > _HIGHEST_ROUNDED:
        raise WatermarkError(
            f"psnr is {psnr:g} dB: in 8-bit pictures weights on a lattice mark at {_HIGHEST_ROUNDED:g} dB at the most, "
            "since rounding takes fainter marks away: lower psnr, or mark 16-bit or float pictures"
        )
    level = psnr
    for _ in range(_TURNS):
        residual = sharpen(hider(*inputs, torch.tensor([level], device=inputs[0].device)), size)
        error = grown_error(residual, size)
        if visible is not None:
            shown = residual.square().mean(1)
            error *= float((shown * visible).mean() / (shown.mean() * visible.mean()))
        found = -10 * math.log10(error + _ROUNDING * rounded)
        if abs(found - psnr) < _CLOSE:
            break
        level += psnr - found
    return residual
