"""Means of a few seeds, and how far they may be off."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from scipy.stats import t

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["mean_interval"]


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of two values or more, and half the width of its 95 % interval by Student's distribution."""
    n = len(values)
    return statistics.mean(values), float(t.ppf(0.975, n - 1)) * statistics.stdev(values) / math.sqrt(n)
