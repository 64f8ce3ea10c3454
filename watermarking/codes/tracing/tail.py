"""The exact chance that an innocent customer's score reaches a value.

A score is a sum over places of whole numbers, one for each symbol that a word can have there, and an innocent's symbols
are independent of everything the sum's terms were chosen from: so its distribution is that of a sum of independent
known terms. It is computed by Fourier transform on the lattice of whole numbers, under an exponential tilt that brings
the value asked for into the middle of the distribution (Esscher, 1932): chances of 1e-60 come out with nine digits.

With K the logarithm of the moment generating function and P_s the distribution tilted by s,

    P(S >= t) = exp(K(s) - s t) E_s[exp(-s (S - t)); S >= t].

The expectation is summed over a window of the lattice around the tilted mean. What lies outside comes back into the
window, by Bernstein's inequality less than exp(-d^2 / (2 v + 2 b d / 3)) on either side, d being half the window, v the
tilted variance and b the largest term: that, and what floating point rounds, is added. So the chance is never stated
below its true value. Far below what decides anything, from 1e-65 on, Chernoff's bound exp(K(s) - s t) does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from watermarking.kernels.tracing import characteristic

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Tail"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_ROUNDING: Final = 1e-11  # of a sum of as many numbers of one window as there are, with room to spare
_OUTSIDE: Final = 27.0  # minus the logarithm of what may lie outside the window
_FARTHEST: Final = -150.0
"""Logarithm of a chance below which Chernoff's bound does: nothing is decided there."""
_STEEPEST: Final = 400.0  # exponent of a tilt between two symbols of one place


class Tail:
    """The distribution of an innocent's score.

    Parameters
    ----------
    terms : (n, m) int64
        What a place adds to the score, for each of its m symbols.
    chances : (n, m) float64
        Probability of each symbol.

    Examples
    --------
    Ten fair coins:

    >>> tail = Tail(np.tile([0, 1], (10, 1)), np.full((10, 2), 0.5))
    >>> [round(math.exp(one), 6) for one in tail.log_p([9, 10, 11])]
    [0.010742, 0.000977, 0.0]
    """

    def __init__(self, terms: I64, chances: F64) -> None:
        least = terms.min(axis=1, keepdims=True)
        self._offset = int(least.sum())
        kinds, counts = np.unique(np.hstack([terms - least, chances]), axis=0, return_counts=True)
        width = terms.shape[1]
        moved = kinds[:, :width].max(axis=1) > 0 if len(kinds) else np.zeros(0, np.bool_)
        self._terms, self._counts = kinds[moved, :width].astype(np.int64), counts[moved]
        self._chances = kinds[moved, width:].copy()
        self._most = int((self._counts * self._terms.max(axis=1)).sum()) if moved.any() else 0
        self._mean, self._variance = self._moments(0.0)[1:]
        self._tilts: dict[int, tuple[float, float, float, float]] = {}
        self._levels: dict[int, tuple[int, F64]] = {}

    @property
    def mean(self) -> float:
        """An innocent's expected score."""
        return self._mean + self._offset

    @property
    def deviation(self) -> float:
        """Standard deviation of an innocent's score."""
        return math.sqrt(self._variance)

    def log_p(self, scores: Iterable[int] | npt.NDArray[np.integer]) -> F64:
        """Return the logarithm of the chance of each score or a higher one, (k,) float64; -inf where there is none."""
        asked = np.asarray(scores if isinstance(scores, np.ndarray) else list(scores), np.int64) - self._offset
        found = np.zeros(asked.size)
        if not self._most:
            found[asked > 0] = -np.inf
            return found
        steps = np.maximum(np.floor((asked - self._mean) / max(self.deviation, 1e-9)), 0).astype(np.int64)
        for step in np.unique(steps[asked <= self._most]).tolist():
            here = (steps == step) & (asked <= self._most)
            found[here] = self._at_level(step, asked[here])
        found[asked > self._most] = -np.inf
        found[asked <= 0] = 0.0
        return found

    def _at_level(self, step: int, asked: I64) -> F64:
        if step not in self._tilts:
            tilt = self._tilt(self._mean + step * self.deviation)
            self._tilts[step] = tilt, *self._moments(tilt)
        tilt, log_mean = self._tilts[step][:2]
        bound = np.minimum(log_mean - tilt * asked, 0.0)  # Chernoff's
        wanted = bound >= _FARTHEST
        if wanted.any():
            if step not in self._levels:
                self._levels[step] = self._level(tilt, *self._tilts[step][2:])
            first, sums = self._levels[step]
            places = np.clip(asked[wanted] - first, 0, sums.size - 1)
            bound[wanted] += np.minimum(np.log(sums[places]), 0.0)
        return np.asarray(bound)

    def _level(self, tilt: float, mean: float, variance: float) -> tuple[int, F64]:
        """Return where the window of a tilt begins, and for every value there the expectation above."""
        half, outside = self._window(variance)
        size = 1 << (2 * half).bit_length()
        first = 0 if size > self._most else math.floor(mean) - size // 2
        density = np.roll(np.fft.irfft(self._transform(tilt, size), size), -first)
        alias = 0.0 if size > self._most else 2 * math.exp(-outside)
        decay = math.exp(-tilt) if tilt < 700 else 0.0
        sums = lfilter([1.0], [1.0, -decay], np.maximum(density[::-1], 0))[::-1]
        return first, np.asarray(sums + alias + _ROUNDING)

    def _window(self, variance: float) -> tuple[int, float]:
        """Return half a window's size, and minus the logarithm of what lies beyond on one side."""
        largest = float(self._terms.max())
        linear = 2 * largest / 3 * _OUTSIDE
        half = (linear + math.sqrt(linear**2 + 8 * variance * _OUTSIDE)) / 2
        return min(math.ceil(half), self._most), _OUTSIDE

    def _transform(self, tilt: float, size: int) -> npt.NDArray[np.complex128]:
        """Return the characteristic function of the tilted distribution at the lattice's frequencies."""
        roots = np.exp(-2j * np.pi * np.arange(size) / size)
        out = np.empty(size // 2 + 1, np.complex128)
        characteristic(self._terms, self._tilted(tilt), self._counts, roots, out)
        return out

    def _tilted(self, tilt: float) -> F64:
        exponents = tilt * (self._terms - self._terms.max(axis=1, keepdims=True))
        weights = self._chances * np.exp(exponents)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _moments(self, tilt: float) -> tuple[float, float, float]:
        """Return K, the mean and the variance under a tilt."""
        if not len(self._terms):
            return 0.0, 0.0, 0.0
        top = self._terms.max(axis=1)
        weights = self._chances * np.exp(tilt * (self._terms - top[:, None]))
        sums = weights.sum(axis=1)
        share = weights / sums[:, None]
        means = (share * self._terms).sum(axis=1)
        variances = (share * (self._terms - means[:, None]) ** 2).sum(axis=1)
        log_mean = float(self._counts @ (np.log(sums) + tilt * top))
        return log_mean, float(self._counts @ means), float(self._counts @ variances)

    def _tilt(self, target: float) -> float:
        """Return the tilt, at least 0, that brings the mean to a target, or near where that would be too steep."""
        low, high = 0.0, _STEEPEST / float(self._terms.max())
        if target <= self._mean:
            return 0.0
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if self._moments(middle)[1] < target else (low, middle)
        return low
