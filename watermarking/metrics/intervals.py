"""Intervals around measured shares and means."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ["bootstrap_interval", "wilson_interval"]


def wilson_interval(successes: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share (Wilson, JASA 22, 1927); (0, 1) without trials.

    Raises
    ------
    ValueError
        If the counts or the confidence are out of range.

    Examples
    --------
    >>> low, high = wilson_interval(200, 200)
    >>> round(low, 4), high
    (0.9812, 1.0)
    """
    if not 0 <= successes <= trials or not 0 < confidence < 1:
        raise ValueError(f"{successes} of {trials} successes at confidence {confidence} make no interval")
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    # At the ends the formula is exact and its rounding is not.
    return (
        0.0 if successes == 0 else max(0.0, centre - half),
        1.0 if successes == trials else min(1.0, centre + half),
    )


def bootstrap_interval(
    values: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    statistic: Callable[[npt.NDArray[Any]], float] | None = None,
    groups: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a statistic (Efron, Annals of Statistics 7, 1979).

    Parameters
    ----------
    values : (n,)
    rng : numpy.random.Generator
    statistic : callable, optional
        From (m,) to a number; the mean if left out.
    groups : (n,), optional
        What values belong together, such as several keys on one photograph: whole groups are drawn, for their
        members are not independent.
    confidence : float
    resamples : int

    Raises
    ------
    ValueError
        If there are no values, or `groups` has another length.
    """
    data = np.asarray(values)
    labels = np.arange(data.size) if groups is None else np.asarray(groups)
    if data.ndim != 1 or data.size == 0 or labels.shape != data.shape:
        raise ValueError(f"a bootstrap needs values (n,) and as many groups, not {data.shape} and {labels.shape}")
    measure: Callable[[npt.NDArray[Any]], float] = np.mean if statistic is None else statistic
    _, codes = np.unique(labels, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    draws = np.empty(resamples)
    for index in range(resamples):
        chosen = rng.integers(len(members), size=len(members))
        draws[index] = measure(data[np.concatenate([members[group] for group in chosen])])
    low, high = np.quantile(draws, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(low), float(high)
