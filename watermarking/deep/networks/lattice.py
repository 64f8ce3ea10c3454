"""Pictures on a lattice: each detail of the cover moves to the nearest value that stands for a payload sample.

Added on top of a cover, a payload must drown out the cover's own detail. Moved to a lattice it need not: whoever reads
asks only where between two lattice points a detail lies, so that what the cover was does not matter [1]. Here the
payload is analogue and the lattice a triangle wave: a detail of u steps reads as -1 where u is even, +1 where it is
odd, and linearly between. The details are those of the mean of the colour channels, so that a grey cover serves as
well as any other.

References
----------
.. [1] Chen and Wornell, Quantization index modulation: a class of provably good methods for digital watermarking and
   information embedding, IEEE Transactions on Information Theory 47(4), 2001, section IV (dither modulation).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "busyness",
    "coherence",
    "dither",
    "find_step",
    "join",
    "local_step",
    "place",
    "split",
    "step_of",
    "triangle",
]

_STEP: Final = 4.5
"""Step in grey levels at 42 dB, about."""
_MASKED: Final = 12.0
"""Variance in grey levels squared that counts as much as none at all: above it, steps grow with the contrast."""
_POWER: Final = 0.5
"""Power of one plus the variance's share that the steps follow; 0.5 would be the contrast itself."""
_EVEN: Final = 2.0
"""Square of the step below which all places get about the same."""
_RANGE: Final = (0.3, 60.0)
"""Steps that are searched for, in grey levels: from 30 dB, on the busiest covers, to 60 dB."""
_FINENESS: Final = 0.01
"""Logarithm of one candidate over the next, in the first search."""
_NEAR: Final = 8.0
"""Steps from which on a coefficient says little about the step in the first search: it would have to be too exact."""
_PHASES: Final = (0.7548776662466927, 0.5698402909980532, 0.4142135623730951)
"""Dither per row and column, half of it: powers of the plastic number's inverse; and per channel, the root of 2."""


def split(plane: Tensor) -> Tensor:
    """Take a plane (N, 1, H, W) apart into orthonormal Haar coefficients (N, 4, H/2, W/2), the mean's first."""
    return _haar(functional.pixel_unshuffle(plane, 2))


def join(coefficients: Tensor) -> Tensor:
    """Undo :func:`split`; the transform of four values is its own inverse."""
    return functional.pixel_shuffle(_haar(coefficients), 2)


def _haar(four: Tensor) -> Tensor:
    a, b, c, d = four.unbind(1)
    return torch.stack([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], 1) / 2


def dither(like: Tensor) -> Tensor:
    """Return where the lattice begins at each coefficient, (C, H, W) in steps, 0 to 2; alike for everybody.

    Without it every flat ground would lie on lattice points and read as a picture. The values are those of a Kronecker
    sequence: any few neighbours have phases spread evenly.
    """
    channels, rows, columns = (int(n) for n in like.shape[-3:])
    return _dither(channels, rows, columns, like.device)


@lru_cache(maxsize=32)
def _dither(channels: int, rows: int, columns: int, device: torch.device) -> Tensor:
    # Not by torch: the values need 64 bits on the way, which some devices (MPS) lack, and must be alike on all.
    y, x, c = (np.arange(n) * phase for n, phase in zip((rows, columns, channels), _PHASES, strict=True))
    turns = c[:, None, None] + y[:, None] + x
    shift = (2 * (turns - np.floor(turns))).astype(np.float32)
    with torch.inference_mode(False):  # whoever comes first, a later training must be able to use it
        return torch.from_numpy(shift).to(device)


def step_of(psnr: Tensor) -> Tensor:
    """Return the step in grey levels on a flat ground that goes with a strength in dB."""
    return _STEP * 10 ** ((42 - psnr) / 20)


def busyness(mean: Tensor) -> Tensor:
    """Return the variance of mean grey levels (N, 1, h, w) around each place; a mark in the details leaves it alone."""
    pooled = functional.avg_pool2d(mean, 3, 1, 1, count_include_pad=False)
    squares = functional.avg_pool2d(mean.square(), 3, 1, 1, count_include_pad=False)
    return (squares - pooled.square()).clamp_min(0)


def local_step(variance: Tensor, step: Tensor, group: int = 1) -> Tensor:
    """Return each place's step (N, 1, h, w) in grey levels: larger where the ground is busy and hides a mark.

    Parameters
    ----------
    variance : Tensor (N, 1, h, w)
        As :func:`busyness` returns it.
    step : Tensor (N, 1, 1, 1)
        Root mean square over the picture. Fine steps, where nothing shows anyway, differ less.
    group : int
        Consecutive tiles that belong to one picture.
    """
    share = step.square() / (step.square() + _EVEN)
    busy = (1 + variance / _MASKED) ** (_POWER * share)
    mean = busy.square().mean((1, 2, 3)).reshape(-1, group).mean(1).repeat_interleave(group)
    return step * busy / mean.reshape(-1, 1, 1, 1).sqrt()


def triangle(phase: Tensor) -> Tensor:
    """Read lattice phases in steps: -1 at even ones, +1 at odd ones, linear between."""
    return 1 - 2 * (phase.remainder(2) - 1).abs()


def place(phase: Tensor, value: Tensor) -> Tensor:
    """Return the shortest move in steps that makes a phase read as a value in [-1, 1]."""
    target = (value + 1) / 2
    one, other = ((sign * target - phase + 1).remainder(2) - 1 for sign in (1, -1))
    return torch.where(one.abs() < other.abs(), one, other)


def coherence(details: Tensor, step: Tensor) -> Tensor:
    """Return how far coefficients that carry signs lie on lattice points: standard normal where they do not.

    Parameters
    ----------
    details : Tensor (N, C, h, w)
        In grey levels.
    step : Tensor (N,) or (N, K)

    Returns
    -------
    Tensor
        As ``step``. Coefficients of many steps count little: they tell the step only to whom knows it already.
    """
    flat = step[..., None]
    values, shift = details.flatten(1), dither(details).flatten()
    steps = (values if step.ndim == 1 else values[:, None]) / flat
    weights = torch.exp(-(steps / _NEAR).square())
    waves = weights * torch.cos(2 * math.pi * (steps + shift))
    return waves.sum(-1) / (0.5 * weights.square().sum(-1) + 1e-6).sqrt()


def find_step(details: Tensor) -> Tensor:
    """Find the step at which coefficients (N, C, h, w) that carry signs lie on lattice points, (N,)."""
    first, last = (math.log(limit) for limit in _RANGE)
    coarse = torch.exp(torch.arange(first, last, _FINENESS, device=details.device)).expand(details.shape[0], -1)
    fine = torch.exp(torch.linspace(-_FINENESS, _FINENESS, 21, device=details.device))
    near = _best(details, coarse)
    return _best(details, near[:, None] * fine)


def _best(details: Tensor, steps: Tensor) -> Tensor:
    return steps.gather(1, coherence(details, steps).argmax(1, keepdim=True)).squeeze(1)
