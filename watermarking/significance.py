"""Rigorous p-values for sums with keyed random signs."""

from __future__ import annotations

import math
import sys
from typing import Final

__all__ = ["any_of", "log_rademacher", "probability", "rademacher_p_value", "squares_p_value"]

_SMALLEST: Final = sys.float_info.min  # a probability that underflows is not 0
_BENTKUS: Final = 1 / (4 * 0.5 * math.erfc(1.0))  # 1 / (4 P(N >= sqrt 2)), about 3.178

_MILLS_FROM: Final = 8.0


def rademacher_p_value(score: float) -> float:
    """Bound the probability that a sum of independent random signs times fixed numbers reaches a score.

    P(sum s_i a_i >= t sqrt(sum a_i^2)) <= c P(N >= t) with c = 1 / (4 P(N >= sqrt 2)), for any numbers a_i: Bentkus
    and Dzindzalieta, "A tight Gaussian bound for weighted sums of Rademacher random variables", Bernoulli 21(2),
    2015, theorem 1.1. So the picture may be anything, flat, dark or hostile, as long as the key is not known to it.

    Parameters
    ----------
    score : float
        The sum over its root sum of squares; NaN (nothing to sum) counts as 0.

    Examples
    --------
    >>> f"{rademacher_p_value(5.0):.2g}"
    '9.1e-07'
    """
    if not score > 0:
        return 1.0
    return min(1.0, max(_SMALLEST, _BENTKUS * 0.5 * math.erfc(score / math.sqrt(2))))


def log_rademacher(score: float) -> float:
    """Return the natural logarithm of that bound, for scores so high that the bound itself is no longer a float.

    From 8 on the normal tail is bounded by its density over the score (Mills).

    Examples
    --------
    >>> round(log_rademacher(5.0), 2), round(log_rademacher(50.0), 1)
    (-13.91, -1253.7)
    """
    if not score > 0:
        return 0.0
    if score < _MILLS_FROM:
        return math.log(rademacher_p_value(score))
    return math.log(_BENTKUS) - 0.5 * score * score - math.log(score * math.sqrt(2 * math.pi))


def probability(logarithm: float) -> float:
    """Return the p-value of a logarithm: at most 1, and never 0.

    Examples
    --------
    >>> probability(0.3), probability(-1e6) > 0
    (1.0, True)
    """
    return max(_SMALLEST, math.exp(min(0.0, max(logarithm, math.log(_SMALLEST)))))


def squares_p_value(total: float, n: int) -> float:
    """Bound the probability that n squared unit-norm sums with random signs add up to at least ``total``.

    Each sum is sub-Gaussian with variance 1, so the moment generating function of its square is at most that of
    chi-square with one degree of freedom, and Chernoff's bound for chi-square with n degrees holds:
    exp(-n/2 (x - 1 - ln x)), x = total / n.
    """
    if n < 1 or not total > n:
        return 1.0
    x = total / n
    return max(_SMALLEST, math.exp(-0.5 * n * (x - 1 - math.log(x))))


def any_of(p_value: float, tries: int) -> float:
    """Return the p-value of the best of so many tries (Bonferroni)."""
    return min(1.0, p_value * tries)
