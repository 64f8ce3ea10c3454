"""Who took part in a copy whose places show levels: averages of antipodal signals, which say how many had a one.

A carrier that adds plus or minus one unit for each place, as weights of networks do, shows more of a merged copy than a
symbol a place. An average shows the share of ones. A minimum or a maximum over coordinates whose signs are keyed shows
nothing unless all colluders agree, and so where they do. What a place shows on average by how many of the colluders
have a one, how much it varies, and how many they are, is estimated from the copy and the biases alone: by expectation
and maximisation for each number of colluders, of which the likeliest is taken.

p-values are exact for the same reason as those of :mod:`watermarking.codes.tracing.accuse`: nothing of an innocent's
word goes into the terms of that customer's score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.codes.tracing.accuse import Accusations, Judge, Round, accuse_by
from watermarking.codes.tracing.mixing import chances_of_ones
from watermarking.codes.tracing.scores import whole
from watermarking.codes.tracing.tail import Tail
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watermarking.codes.tracing.code import TardosCode
    from watermarking.keys import Key

__all__ = ["LevelJudge", "accuse_levels"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_TRIED: Final = (1, 2, 3, 4, 5, 7, 10, 14, 20)
"""Numbers of colluders that a copy is explained by."""
_ROUNDS: Final = 15
_PRIOR: Final = 3.0  # places that spoke for averaging before anything was seen, for each number of ones
_OUTLIERS: Final = 0.02  # share of the places that may show anything
_WIDE: Final = 4.0  # standard deviations of what these show
_COARSE: Final = 0.2  # noise to begin with, at least: what is sure too soon is not mended
_SHARES: Final = (0.7, 0.15, 0.15)


def accuse_levels(
    code: TardosCode, values: npt.ArrayLike, spread: npt.ArrayLike, customers: Iterable[str | int], *, key: Key,
    keep: int = 1000,
) -> Accusations:  # fmt: skip
    """Say who took part in a copy whose places show levels.

    Parameters
    ----------
    code : TardosCode
    values : (length,) floating
        What was read: 1 where one customer's copy has a one and -1 where it has a zero; NaN where nothing was.
    spread : float or (length,) floating
        Standard deviation of the values' noise, about; only its proportions matter.
    customers : iterable of str or int
        Everybody who has a copy, once.
    key : Key
    keep : int
        How many get a verdict.

    Raises
    ------
    WatermarkError
        If there are not as many values as places, a spread is not positive, or as :func:`accuse` does.

    Examples
    --------
    >>> from watermarking import Key
    >>> from watermarking.codes.tracing.code import TardosCode
    >>> key, code = Key(bytes(16)), TardosCode(length=304, colluders=5)
    >>> words = code.words(["ada", "bob", "cleo"], key=key)
    >>> average = np.where(words, 1.0, -1.0).mean(axis=0)
    >>> sorted(accuse_levels(code, average, 0.1, ["ada", "bob", "cleo", *range(1000)], key=key).named())
    ['ada', 'bob', 'cleo']
    """
    seen = np.asarray(values, np.float64)
    if seen.shape != (code.length,):
        raise WatermarkError(f"values of shape {seen.shape} were read, the code has {code.length} places")
    noise = np.broadcast_to(np.asarray(spread, np.float64), seen.shape)
    if not (noise > 0).all() or keep < 1:
        raise WatermarkError(f"a spread of {noise.min():g} and {keep} to keep: both are more than 0")
    return accuse_by(LevelJudge(code, seen, noise, key.derive("tracing")), code, customers, key=key, keep=keep, pairs=0)


@dataclass(frozen=True)
class _Fit:
    """An explanation: levels (colluders + 1,), noise in units of the spread, and how likely it makes what was read."""

    levels: F64
    noise: float
    log_likelihood: float

    @property
    def colluders(self) -> int:
        return self.levels.size - 1

    @property
    def worth(self) -> float:
        """Log-likelihood less what each level costs."""
        return self.log_likelihood - 2.0 * self.levels.size


class LevelJudge(Judge):
    """Judges customers by levels, given the words of those who are named.

    Parameters
    ----------
    code : TardosCode
    values, spread : (length,) float64
    key : Key
        The code's own subkey.
    """

    def __init__(self, code: TardosCode, values: F64, spread: F64, key: Key) -> None:
        known = np.isfinite(values)
        llr = np.where(known, 2 * np.nan_to_num(values) / spread**2, 0.0)
        super().__init__(code, llr, key, "likelihood")
        self.values, self.spread, self.known = np.nan_to_num(values), spread, known
        self.statistic = "collusion-secure code, levels"
        self._kinds, self._which = np.unique(self.biases, return_inverse=True)

    def round(self) -> Round:
        """Return the scores of this round: by the likeliest explanation, by as many as expected, and by averaging.

        Two symbols alone look like one customer's copy, and like a majority vote: hence the second one.
        """
        fits = sorted((self._fit(c) for c in self._tried()), key=lambda fit: -fit.worth)
        best = fits[0]
        many = next((fit for fit in fits if fit.colluders >= self.colluders), best)
        self.mixing = np.clip((best.levels + 1) / 2, 0, 1)
        straight = _Fit(np.linspace(-1, 1, best.colluders + 1) * self._scale(), best.noise, 0.0)
        terms, tails, shares = [], [], []
        for fit, share in zip((best, many, straight), _SHARES, strict=True):
            steps, _ = whole(self._terms(fit), self.biases)
            terms.append(steps[:, 1])
            tails.append(Tail(steps, np.stack([1 - self.biases, self.biases], axis=1)))
            shares.append(math.log(share))
        return Round(np.stack(terms).astype(np.int32), tails, shares)

    def _tried(self) -> list[int]:
        most = max(2 * self.colluders, self.n_held + 2)
        return sorted({max(c, self.n_held + 1) for c in (*_TRIED, self.colluders) if c <= most})

    def _weights(self, others: int) -> F64:
        """Return how probable 0 ... others ones are among those who are not named, (length, others + 1)."""
        return chances_of_ones(self._kinds, others)[self._which.ravel()]

    def _likely(self, levels: F64, noise: float) -> F64:
        """Return the density of what was read at each level, (length, levels); 1 where nothing was."""
        scale = self.spread[:, None] * noise
        off = (self.values[:, None] - levels) / scale
        near = np.exp(-0.5 * np.minimum(off**2, 1400)) / scale
        wide = np.exp(-0.5 * (self.values / (_WIDE * self.spread * noise)) ** 2) / (_WIDE * scale[:, 0])
        found = (1 - _OUTLIERS) * near + _OUTLIERS * wide[:, None] + 1e-300
        return np.asarray(np.where(self.known[:, None], found, 1.0))

    def _fit(self, colluders: int) -> _Fit:
        """Explain what was read by so many colluders: from averages, and from votes, whichever ends likelier."""
        straight = np.linspace(-1, 1, colluders + 1)
        starts = (straight, np.sign(straight)) if colluders > 2 else (straight,)
        return max((self._fit_from(start * self._scale()) for start in starts), key=lambda fit: fit.log_likelihood)

    def _fit_from(self, start: F64) -> _Fit:
        colluders = start.size - 1
        others = colluders - self.n_held
        weights = np.zeros((self.values.size, colluders + 1))
        np.put_along_axis(weights, self.held[:, None] + np.arange(others + 1), self._weights(others), axis=1)
        levels, noise = start, max(1.0, _COARSE / float(np.median(self.spread)))
        counted = self.known[:, None] / self.spread[:, None] ** 2
        for _ in range(_ROUNDS):
            joint = weights * self._likely(levels, noise)
            share = joint / joint.sum(axis=1, keepdims=True)
            held = share * counted
            prior = _PRIOR / float(np.median(self.spread)) ** 2
            levels = (held.T @ self.values + prior * start) / (held.sum(axis=0) + prior)
            off = (self.values[:, None] - levels) ** 2
            noise = math.sqrt(max(float((held * off).sum()) / max(int(self.known.sum()), 1), 1e-4))
        likely = np.log((weights * self._likely(levels, noise)).sum(axis=1))
        return _Fit(levels, noise, float(likely[self.known].sum()))

    def _scale(self) -> float:
        """Return the unit as it is left: what was read less noise, beside what averages of words have."""
        if not self.known.any():
            return 1.0
        return float(np.clip(np.quantile(np.abs(self.values[self.known]), 0.9), 0.3, 1.0))

    def _terms(self, fit: _Fit) -> F64:
        """Return log-likelihoods of a zero and a one, (length, 2)."""
        others = fit.colluders - self.n_held - 1
        unseen, likely = self._weights(others), self._likely(fit.levels, fit.noise)
        ones = self.held[:, None] + np.arange(others + 1)
        shows = [(unseen * np.take_along_axis(likely, ones + extra, axis=1)).sum(axis=1) for extra in (0, 1)]
        return np.asarray(np.log(np.stack(shows, axis=1)), np.float64)
