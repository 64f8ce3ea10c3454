"""A random linear fountain over GF(256): from any symbols, hardly more than there were, the data come back.

Every symbol is a sum of all blocks of data, each times a keyed coefficient of its own. There are as many symbols as
numbers; k of them have full rank with probability 0.996, and each one more takes the chance of failing down 256-fold.
For the few hundred blocks that pictures carry, dense coefficients cost milliseconds, and no sparse code needs as few
symbols (Luby, "LT codes", FOCS 2002, needs about a tenth more at this size).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["Solution", "coefficients", "combine", "solve"]

U8 = npt.NDArray[np.uint8]

_POLYNOMIAL: Final = 0x11D  # x^8 + x^4 + x^3 + x^2 + 1; x generates all of the field but 0


class Solution(NamedTuple):
    """The blocks (k, d) uint8 that symbols determine, and whether all symbols agree with them."""

    blocks: U8
    consistent: bool


def coefficients(key: Key, number: int, k: int) -> U8:
    """Return the coefficients (k,) uint8 of a symbol."""
    return np.frombuffer(key.stream(f"fountain/{k}/{number}", k), np.uint8)


def combine(factors: U8, blocks: U8) -> U8:
    """Return the symbol (d,) uint8: the sum of the blocks (k, d), each times its factor.

    Examples
    --------
    >>> combine(np.array([1, 2], np.uint8), np.array([[5], [128]], np.uint8)).tolist()
    [24]
    """
    return np.asarray(np.bitwise_xor.reduce(_times(factors[:, None], blocks), axis=0), np.uint8)


def solve(factors: U8, symbols: U8) -> Solution | None:
    """Solve for the blocks.

    Parameters
    ----------
    factors : (n, k) uint8
    symbols : (n, d) uint8

    Returns
    -------
    Solution or None
        None where the symbols do not determine the blocks. Where they contradict each other, the first that determine
        them do.
    """
    k = factors.shape[1]
    rows = np.concatenate([factors, symbols], axis=1)
    for column in range(k):
        candidates = np.flatnonzero(rows[column:, column])
        if not candidates.size:
            return None
        pivot = column + int(candidates[0])
        rows[[column, pivot]] = rows[[pivot, column]]
        rows[column] = _times(rows[column], _inverse(int(rows[column, column])))
        others = np.flatnonzero(rows[:, column])
        others = others[others != column]
        rows[others] ^= _times(rows[others, column, None], rows[column])
    return Solution(rows[:k, k:].copy(), not rows[k:].any())


@functools.cache
def _tables() -> tuple[U8, npt.NDArray[np.int64]]:
    """Return powers of x, twice over, and their logarithms."""
    powers, value = np.zeros(510, np.uint8), 1
    logarithms = np.zeros(256, np.int64)
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logarithms[value] = exponent
        value = value << 1 ^ (_POLYNOMIAL if value & 128 else 0)
    return powers, logarithms


def _times(a: U8, b: U8) -> U8:
    powers, logarithms = _tables()
    product = powers[logarithms[a] + logarithms[b]]
    return np.asarray(np.where((a == 0) | (b == 0), 0, product), np.uint8)


def _inverse(value: int) -> U8:
    powers, logarithms = _tables()
    return np.asarray(powers[255 - logarithms[value]])
