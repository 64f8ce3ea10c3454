"""Intervals around measured shares and means."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ["bootstrap_interval", "clustered_interval", "wilson_interval"]


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


def clustered_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a share whose trials come in clusters, such as the reads of one photograph.

    The trials of a cluster are alike, and how alike is taken from the counts: the share is that of all trials, its
    variance the one between clusters (Cochran, "Sampling Techniques", 1977, equation 6.9, for a ratio), its bounds
    Student's. Two clusters of mean size are added first, one that always succeeds and one that never does, as Agresti
    and Coull (American Statistician 52, 1998) add trials: without them, no failure at all would leave an interval
    without width.

    Parameters
    ----------
    successes, trials : (n,) int
        Of each cluster; clusters without trials count for nothing.
    confidence : float

    Returns
    -------
    low, high : float
        In [0, 1], the share among them; (0, 1) without trials.

    Raises
    ------
    ValueError
        If the counts or the confidence are out of range.

    Examples
    --------
    Twelve reads of each of 17 photographs, all successful, promise less than 204 independent reads would:

    >>> low, high = clustered_interval([12] * 17, [12] * 17)
    >>> round(low, 2), high
    (0.84, 1.0)
    """
    found, tried = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    fits = found.ndim == 1 and found.shape == tried.shape
    if not fits or not np.all((found >= 0) & (found <= tried)) or not 0 < confidence < 1:
        raise ValueError(
            f"{successes!r} of {trials!r} successes by cluster at confidence {confidence} make no interval"
        )
    found, tried = found[tried > 0], tried[tried > 0]
    if not tried.size:
        return 0.0, 1.0
    from scipy.special import stdtrit

    size, share = tried.mean(), found.sum() / tried.sum()
    found, tried = np.append(found, [size, 0.0]), np.append(tried, [size, size])
    centre = found.sum() / tried.sum()
    variance = np.sum((found - centre * tried) ** 2) * tried.size / (tried.size - 1) / tried.sum() ** 2
    half = float(stdtrit(tried.size - 1, (1 + confidence) / 2)) * math.sqrt(variance)
    return (
        0.0 if share == 0 else min(max(0.0, float(centre) - half), float(share)),
        1.0 if share == 1 else max(min(1.0, float(centre) + half), float(share)),
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
