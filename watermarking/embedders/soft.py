"""From a matched filter's sums to a verdict and to log-likelihood ratios."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from watermarking.interface import Detection
from watermarking.significance import any_of, rademacher_p_value

if TYPE_CHECKING:
    from watermarking.interface import SoftRead

__all__ = ["pilot_detection", "to_llr"]

F32 = npt.NDArray[np.float32]


def pilot_detection(reads: list[SoftRead]) -> Detection:
    """Turn the best pilot score of all hypotheses into a verdict."""
    score = max(read.score for read in reads)
    return Detection(score, any_of(rademacher_p_value(score), len(reads)), "pilot")


def to_llr(sums: F32) -> F32:
    """Scale matched-filter sums to log-likelihood ratios, from their second and fourth moments.

    For x = +-m + noise of variance v: E x^2 = m^2 + v and 3 (E x^2)^2 - E x^4 = 2 m^4; llr = 2 m x / v.
    """
    scale = float(np.abs(sums).max(initial=0.0))
    if scale == 0 or not math.isfinite(scale):
        return np.zeros_like(sums)
    x = sums.astype(np.float64) / scale
    second = float(np.mean(x**2))
    mean = (max(3 * second**2 - float(np.mean(x**4)), 0.0) / 2) ** 0.25
    variance = max(second - mean**2, 0.02 * second)
    return np.asarray(2 * max(mean, 0.1 * math.sqrt(second)) * x / variance, np.float32)
