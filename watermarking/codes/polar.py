"""Polar codes of any length up to 8192, decoded with a list of candidates."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.codes.density import bit_channels
from watermarking.errors import CapacityError
from watermarking.kernels.polar import CHECK, COMBINE, FROZEN, REPEAT, VARIABLE, decode_list, trace_back

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Bits

__all__ = ["MAX_LENGTH", "PolarCode"]

MAX_LENGTH: Final = 8192
MAX_LIST: Final = 256
_DESIGN_BOUND: Final = 0.1
"""Block error rate without a list, by the union bound, of the channel that a code is designed for. Over five codes,
with a list of 32 and bounds from 4 to 0.002, errors differ by a factor of up to three, and are fewest near this one."""


@dataclass(frozen=True, slots=True)
class PolarCode:
    """A polar code of k information bits in n places, not systematic.

    The mother code has the next power of two as its length; its first places are not sent, and the frozen set knows
    that. At the lengths 3k and 8k, for k = 112 and 208, the union bound is lower than with places shortened, with
    either in bit-reversed order, or with the next smaller mother code repeated; block errors agree within noise.

    Parameters
    ----------
    k, n : int
        1 <= k <= n <= 8192.

    Raises
    ------
    CapacityError
        If k or n are out of range.

    References
    ----------
    Arikan, "Channel polarization", IEEE Trans. Inf. Theory 55(7), 2009. Tal, Vardy, "List decoding of polar codes",
    IEEE Trans. Inf. Theory 61(5), 2015.

    Examples
    --------
    >>> code = PolarCode(4, 12)
    >>> word = code.encode(np.array([True, False, True, True]))
    >>> candidates, costs = code.decode(np.where(word, 1, -1).astype(np.float32), list_size=4)
    >>> candidates[0].tolist(), float(costs[0])
    ([True, False, True, True], 0.0)
    """

    k: int
    n: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.n <= MAX_LENGTH:
            raise CapacityError(f"a polar code needs 1 <= k <= n <= {MAX_LENGTH}, not k = {self.k}, n = {self.n}")

    def encode(self, bits: Bits) -> Bits:
        """Return the code word (n,) bool of information bits (k,) bool, or those (m, n) of many (m, k) at once."""
        if bits.ndim > 2 or bits.shape[-1:] != (self.k,):
            raise ValueError(f"{self.k} information bits are needed, not an array of shape {bits.shape}")
        plan = _plan(self.k, self.n)
        word = np.zeros((*bits.shape[:-1], plan.length), np.bool_)
        word[..., plan.information] = bits
        half = 1
        while half < plan.length:
            pairs = word.reshape(-1, 2, half)  # word by word, as the length is a whole number of pairs
            pairs[:, 0] ^= pairs[:, 1]
            half *= 2
        return word[..., plan.length - self.n :]

    def decode(self, llr: npt.NDArray[np.float32], *, list_size: int = 32) -> tuple[Bits, npt.NDArray[np.float64]]:
        """List the likeliest information words.

        Parameters
        ----------
        llr : (n,) float32
            Soft values in any one scale, positive for a one; zero, and whatever is not finite, says nothing.
        list_size : int
            Paths kept, 1 to 256. Only ``min(list_size, 2**k)`` words come back.

        Returns
        -------
        candidates : (list_size, k) bool, best first
        costs : (list_size,) float64
            Sum of abs(llr) over the places where the word disagrees with the sign of llr, for a list that missed
            nothing; at most off by rounding.
        """
        if np.shape(llr) != (self.n,):
            raise ValueError(f"{self.n} soft values are needed, not an array of shape {np.shape(llr)}")
        if not 1 <= list_size <= MAX_LIST:
            raise ValueError(f"list_size must be 1 to {MAX_LIST}, not {list_size}")
        plan = _plan(self.k, self.n)
        channel, scale = _channel(llr)
        soft = np.empty((list_size + 1) * plan.length, np.float32)
        soft[list_size * plan.length : soft.size - self.n] = 0
        soft[soft.size - self.n :] = channel
        bits = np.empty(2 * list_size * plan.length, np.uint8)
        pointers = np.zeros((2, plan.length.bit_length(), list_size), np.int16)
        metric, cost = np.empty(list_size, np.float32), np.empty(2 * list_size, np.float32)
        ways = np.empty(2 * list_size, np.int16)
        trace = np.empty(self.k * 2 * list_size, np.uint8)
        n_paths = decode_list(plan.schedule, soft, bits, pointers, metric, cost, ways, trace)
        order = np.argsort(metric[:n_paths], kind="stable")
        candidates = np.empty((n_paths, self.k), np.bool_)
        trace_back(trace, list_size, order, candidates)
        return candidates, metric[order].astype(np.float64) * scale


def _channel(llr: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], float]:
    """Turn soft values to positive for a zero, scaled by a power of two to at most one, and return the scale."""
    finite = np.where(np.isfinite(llr), llr, 0).astype(np.float64)
    peak = float(np.abs(finite).max())
    scale = 2.0 ** math.frexp(peak)[1] if peak > 0 else 1.0
    return (-finite / scale).astype(np.float32), scale


@dataclass(frozen=True, slots=True)
class _Plan:
    """What both sides derive from k and n: mother length, information places (k,), decoding schedule."""

    length: int
    information: npt.NDArray[np.int64]
    schedule: npt.NDArray[np.int32]


@functools.lru_cache(maxsize=64)
def _plan(k: int, n: int) -> _Plan:
    information = _information_set(k, n)
    length = 1 << (n - 1).bit_length()
    return _Plan(length, information, _schedule(information, length))


def _information_set(k: int, n: int) -> npt.NDArray[np.int64]:
    """Choose the k best inputs on the worst channel, in half decibels, that meets the design bound."""
    low, high = -80, 40
    while low < high:
        middle = (low + high) // 2
        if _union_bound(_best_inputs(k, n, middle / 2)[1]) > _DESIGN_BOUND:
            low = middle + 1
        else:
            high = middle
    return np.sort(_best_inputs(k, n, low / 2)[0])


def _best_inputs(k: int, n: int, esn0_db: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the k most reliable inputs and the log of their mean LLR when places are sent at that Es/N0."""
    reliability = _reliability(n, esn0_db)
    idle = reliability.size - n  # that many inputs, the first, see nothing
    best = idle + np.argsort(-reliability[idle:], kind="stable")[:k]
    return best, reliability[best]


@functools.lru_cache(maxsize=64)  # the size classes of one length ask for the same ratios
def _reliability(n: int, esn0_db: float) -> npt.NDArray[np.float64]:
    log_mean = np.full(1 << (n - 1).bit_length(), -np.inf)
    log_mean[-n:] = math.log(4) + esn0_db / 10 * math.log(10)
    return bit_channels(log_mean)


def _union_bound(log_mean: npt.NDArray[np.float64]) -> float:
    return sum(0.5 * math.erfc(math.sqrt(mean) / 2) for mean in np.exp(log_mean))


def _schedule(information: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int32]:
    """List the decoder's operations, (m, 3) int32 of operation, level and side, in the order of the code tree."""
    carries = np.zeros(length, np.int64)
    carries[information] = 1
    before = np.concatenate(([0], np.cumsum(carries))).tolist()
    top = length.bit_length() - 1
    rows: list[tuple[int, int, int]] = []

    def visit(level: int, start: int, side: int) -> None:
        half = 1 << level >> 1
        n_info = before[start + (1 << level)] - before[start]
        if n_info == 0:
            rows.append((FROZEN, level, side))
        elif n_info == 1 and before[start + (1 << level) - 1] == before[start]:
            rows.append((REPEAT, level, side))
        else:
            rows.append((CHECK, level, side))
            visit(level - 1, start, 0)
            rows.append((VARIABLE, level, side))
            visit(level - 1, start + half, 1)
            if level < top:
                rows.append((COMBINE, level, side))

    visit(top, 0, 0)
    return np.array(rows, np.int32)
