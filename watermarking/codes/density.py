"""Reliabilities of the bit channels of a polar code, by the reciprocal-channel form of density evolution."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["bit_channels"]

_LOG_MAX = 16.0  # log of the largest mean LLR: 8192 good places at 20 dB


@functools.cache
def _duality() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Tabulate log y against log x for Gaussian channels of mean LLR x and y whose capacities add up to one."""
    x = np.exp(np.arange(-8.0, _LOG_MAX, 0.02))[:, None]
    # 1 - C(x) = E log2(1 + exp(-L)), L ~ N(x, 2x); exp(-x / 4) is taken out, or it would underflow
    half = np.minimum(12 * np.sqrt(2 * x) + x, 90.0)
    grid = np.linspace(-1, 1, 401)[None, :] * half
    loss = np.log1p(np.exp(-np.abs(grid))) + np.maximum(-grid, 0)
    area = (np.exp(grid / 2 - grid**2 / (4 * x)) * loss).sum(axis=1) * (half / 200)[:, 0]
    log_loss = -x[:, 0] / 4 + np.log(area / (np.sqrt(4 * np.pi * x[:, 0]) * math.log(2)))
    log_capacity = np.log(-np.expm1(np.minimum(log_loss, -1e-12)))
    log_x = np.log(x[:, 0])
    above = log_loss <= -math.log(2)
    # the capacity of a very bad channel is x / (4 ln 2)
    tiny = log_loss < log_capacity[0]
    dual = np.where(tiny, log_loss + math.log(4 * math.log(2)), np.interp(log_loss, log_capacity, log_x))
    return log_x[above], dual[above]


def _dual(log_mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    good, bad = _duality()
    low = np.interp(-log_mean, -bad, good)
    return np.where(log_mean >= good[0], np.interp(log_mean, good, bad), low)


def bit_channels(log_mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the log of the mean LLR that each input bit of the polar transform sees.

    Parameters
    ----------
    log_mean : (N,) float64
        Natural logarithm of the mean LLR of each code place; -inf where none is sent.

    Returns
    -------
    (N,) float64, rounded to six decimals so that every platform sorts them alike

    References
    ----------
    Ochiai, Ikeya, Mitran, "A new polar code design based on reciprocal channel approximation", 2020.
    """
    good, bad = _duality()
    means = np.clip(log_mean, bad[-1], good[-1])
    half = means.size // 2
    while half:
        pairs = means.reshape(-1, 2, half)
        first, second = pairs[:, 0], pairs[:, 1]
        check = _dual(np.logaddexp(_dual(first), _dual(second)))
        means = np.clip(np.stack((check, np.logaddexp(first, second)), axis=1), bad[-1], good[-1]).ravel()
        half //= 2
    return np.round(means, 6)
