"""SSIMULACRA2's error, differentiable: what H learns to keep low.

It follows :mod:`watermarking.metrics.ssimulacra2` but for a true Gaussian in place of the recursive filter, whose
rounding errors cost scores above 90 up to two points.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from watermarking.deep.training.visibility.light import blurred, halved, mixed
from watermarking.metrics.ssimulacra2 import WEIGHTS

__all__ = ["ssimulacra2_error"]

_C2: Final = 0.0009
_TINY: Final = 1e-20  # of fourth powers: errors of 1e-3 count
_SHORTEST: Final = 8
_OPSIN: Final = (
    (0.3, 0.622, 0.078),
    (0.23, 0.692, 0.078),
    (0.24342268924547819, 0.20476744424496821, 0.55180986650955360),
)
_BIAS: Final = 0.0037930732552754493


def _xyb(light: Tensor) -> Tensor:
    """Return X, Y and B - Y in SSIMULACRA2's ranges."""
    root = (mixed(light, _OPSIN) + _BIAS).clamp_min(1e-6) ** (1 / 3) - _BIAS ** (1 / 3)
    long, medium, short = root.unbind(1)
    y = 0.5 * (long + medium)
    return torch.stack([7 * (long - medium) + 0.42, y + 0.01, short - y + 0.55], 1)


def ssimulacra2_error(cover: Tensor, marked: Tensor, n_scales: int = 5) -> Tensor:
    """Return SSIMULACRA2's weighted sum of errors, which its score falls with; one for each picture.

    Parameters
    ----------
    cover, marked : Tensor (N, 3, H, W)
        Linear light, H and W at least 8.
    n_scales : int
        Scales looked at, as far as the pictures are large enough.

    Returns
    -------
    Tensor (N,)
        0 for equal pictures; ``watermarking.metrics.ssimulacra2.score_of_error`` makes scores of them.

    References
    ----------
    Sneyers, "SSIMULACRA 2", Cloudinary, 2022.
    """
    total = cover.new_zeros(cover.shape[0])
    for scale in range(n_scales):
        if scale:
            if min(cover.shape[-2:]) < 2 * _SHORTEST:
                break
            cover, marked = halved(cover), halved(marked)
        weights = torch.from_numpy(np.ascontiguousarray(WEIGHTS[:, scale])).to(cover)  # (3, norm, map)
        errors = _scale_errors(_xyb(cover), _xyb(marked))  # (map, N, 3, h, w)
        means = errors.mean((-1, -2))
        norms = (errors.square().square().mean((-1, -2)) + _TINY) ** 0.25 - _TINY**0.25
        total = (
            total + torch.einsum("mnc,cm->n", means, weights[:, 0]) + torch.einsum("mnc,cm->n", norms, weights[:, 1])
        )
    return total


def _scale_errors(first: Tensor, second: Tensor) -> Tensor:
    """Return the three maps: structure that differs, edges added, edges lost."""
    n = first.shape[0]
    moments = torch.cat([first, second, first * first, second * second, first * second])
    smooth = blurred(moments, 1.5, 5, renewed=False)
    mean, other, squared, other_squared, product = smooth.reshape(5, n, *smooth.shape[1:])
    similar = 2 * (product - mean * other) + _C2
    spread = squared - mean * mean + other_squared - other * other + _C2
    structure = (1 - (1 - (mean - other).square()) * similar / spread).clamp_min(0)
    edge = (1 + (second - other).abs()) / (1 + (first - mean).abs()) - 1
    return torch.stack([structure, edge.clamp_min(0), (-edge).clamp_min(0)])
