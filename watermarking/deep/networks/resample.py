"""Differentiable resampling between a picture's own size and the working size.

Shrinking is an exact area average, growing is linear with half-pixel centres: what ``cv2.resize`` calls ``INTER_AREA``
and ``INTER_LINEAR``, so that training sees what the embedder does to whole photographs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["axis_weights", "resample", "sharpen"]

_RIDGE: Final = 0.0005
"""Share of the finest detail (squared) that growing and shrinking must keep at a place, or it is given up there."""


@lru_cache(maxsize=256)
def axis_weights(n_in: int, n_out: int) -> npt.NDArray[np.float32]:
    """Return the (n_out, n_in) float32 matrix that resamples one axis; its rows sum to 1."""
    if n_out < n_in:
        edges = np.linspace(0, n_in, n_out + 1)
        cells = np.arange(n_in)
        overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        weights = np.clip(overlap, 0, None)
    else:
        centres = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
        weights = np.clip(1 - np.abs(centres[:, None] - np.arange(n_in)), 0, None)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)


@lru_cache(maxsize=256)
def _matrix(n_in: int, n_out: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # whoever comes first, a later training must be able to use it
        return torch.from_numpy(axis_weights(n_in, n_out)).to(device)


def resample(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample pictures (N, C, H, W) float32 to (N, C, rows, columns)."""
    if x.shape[-2] != size[0]:
        x = torch.matmul(_matrix(x.shape[-2], size[0], x.device), x)
    if x.shape[-1] != size[1]:
        x = torch.matmul(x, _matrix(x.shape[-1], size[1], x.device).T)
    return x


@lru_cache(maxsize=32)
def _sharpening(n_small: int, n_large: int, device: torch.device) -> Tensor:
    """Return the (n_small, n_small) matrix after which growing and shrinking one axis changes nothing.

    Where a little shrinking loses the finest detail at some places, it is let go rather than blown up there.
    """
    there, back = (axis_weights(*sizes).astype(np.float64) for sizes in ((n_small, n_large), (n_large, n_small)))
    kept = back @ there
    sharp = np.linalg.solve(kept.T @ kept + _RIDGE * np.eye(n_small), kept.T).astype(np.float32)
    with torch.inference_mode(False):
        return torch.from_numpy(sharp).to(device)


def sharpen(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Change (N, C, H, W) so that, grown to a size and shrunk again, it is what it was."""
    down, across = (_sharpening(n, m, x.device) for n, m in zip(x.shape[-2:], size, strict=True))
    return down @ x @ across.T
