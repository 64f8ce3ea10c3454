"""AND-anti-collusion codes: few customers, colluders whose merged copy shows a one only where all of them have one.

Averages of antipodal signals are such copies, as are minima. The words are the complements of the lines of a projective
plane: customer j's word is zero at the q + 1 points of line j, of q^2 + q + 1 in all, and two lines share one point.
Then at most q colluders' lines cover at most q points of anybody else's, and one point at least shows the innocence:
all colluders are found, and nobody else (Trappe, Wu, Wang and Liu, "Anti-collusion fingerprinting for multimedia", IEEE
Transactions on Signal Processing 51(4), 2003).

What the p-value means. Let j be innocent, and let there be m colluders, at most q: at q + 1 - m of j's points at least,
called T, none of them has a zero, so the copy shows a one. With l_i the log-likelihood ratio for a one there,
E[exp(-l_i)] = 1 over what reading makes of a one, so by Markov's inequality the sum of -l_i over T reaches t with a
chance of at most exp(-t), if errors at different points are independent and the ratios are not overstated. T is not
known: the sum of the q + 1 - m least of all is taken, which is no greater. That bounds the chance for one customer, and
it is multiplied by their number.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.errors import WatermarkError
from watermarking.interface import Detection
from watermarking.significance import probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Bits
    from watermarking.keys import Key

__all__ = ["ORDERS", "AndCode", "difference_set"]

ORDERS: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31)
"""Of the planes: primes, so that their arithmetic is that of whole numbers modulo one."""
_CERTAIN: Final = 30.0  # a log-likelihood ratio


@functools.cache
def difference_set(order: int) -> tuple[int, ...]:
    """Return order + 1 numbers whose differences are each of 1 ... v - 1 once, modulo v = order^2 + order + 1.

    Singer's construction: with x a generator of the field of order^3 elements, the powers of x that lie in a plane
    through the origin ("A theorem in finite projective geometry", Transactions of the AMS 43, 1938).

    Raises
    ------
    WatermarkError
        If the order is none of :data:`ORDERS`.

    Examples
    --------
    >>> difference_set(2)
    (0, 1, 3)
    """
    if order not in ORDERS:
        raise WatermarkError(f"there is no plane of order {order} here: it is one of {', '.join(map(str, ORDERS))}")
    v = order * order + order + 1
    for a in range(order):
        for b in range(order):
            for c in range(1, order):
                found = _in_plane(order, (c, b, a), v)
                if found is not None:
                    return found
    raise AssertionError("every field has a generator")


def _in_plane(order: int, rest: tuple[int, int, int], v: int) -> tuple[int, ...] | None:
    """Return which powers of x, with x^3 = rest, have no square of x; None unless they are a difference set."""
    power, seen = (1, 0, 0), {0}
    found: list[int] = []
    for exponent in range(v):
        if power[2] == 0:
            between = {(sign * (exponent - other)) % v for other in found for sign in (1, -1)}
            if len(between) < 2 * len(found) or seen & between:
                return None
            seen |= between
            found.append(exponent)
        low, middle, high = power
        power = (high * rest[0] % order, (low + high * rest[1]) % order, (middle + high * rest[2]) % order)
    return tuple(found) if len(found) == order + 1 else None


@dataclass(frozen=True, kw_only=True)
class AndCode:
    """An AND-anti-collusion code for up to order^2 + order + 1 customers, against ``order`` colluders.

    Parameters
    ----------
    order : int
        A prime of :data:`ORDERS`.

    Raises
    ------
    WatermarkError
        If it is none of them.

    Examples
    --------
    >>> from watermarking import Key
    >>> key, code = Key(bytes(16)), AndCode(order=5)
    >>> copy = code.word(3, key=key) & code.word(7, key=key) & code.word(30, key=key)
    >>> verdicts = code.accuse(np.where(copy, 25.0, -25.0), key=key)
    >>> [j for j, verdict in enumerate(verdicts) if verdict.is_present()]
    [3, 7, 30]
    """

    order: int

    def __post_init__(self) -> None:
        difference_set(self.order)

    @property
    def length(self) -> int:
        """How many places a word has, and how many customers there can be."""
        return self.order**2 + self.order + 1

    def word(self, customer: int, *, key: Key) -> Bits:
        """Return the word of a customer, counted from 0, (length,) bool; the key decides where its points are.

        Raises
        ------
        WatermarkError
            If the code has no such customer.
        """
        if not 0 <= customer < self.length:
            raise WatermarkError(
                f"customer {customer} is none of the {self.length} that a code of order {self.order} has, 0 to "
                f"{self.length - 1}: use a greater order, or a Tardos code"
            )
        word = np.ones(self.length, np.bool_)
        word[self._lines(key)[customer]] = False
        return word

    def accuse(self, llr: npt.ArrayLike, *, key: Key, colluders: int | None = None) -> list[Detection]:
        """Return the verdict on each customer, their number counted.

        Parameters
        ----------
        llr : (length,) floating
            Log-likelihood ratios, positive for a one, not overstated; 0 or NaN where nothing could be read.
        key : Key
        colluders : int, optional
            How many there are at most: ``order`` unless said. Fewer are found through more noise.

        Raises
        ------
        WatermarkError
            If there are not as many values as places, or there may be more colluders than the code withstands.
        """
        most = self.order if colluders is None else colluders
        soft = np.asarray(llr, np.float64)
        if soft.shape != (self.length,):
            raise WatermarkError(f"soft values of shape {soft.shape} were given, the code has {self.length} places")
        if not 1 <= most <= self.order:
            raise WatermarkError(f"a code of order {self.order} withstands 1 to {self.order} colluders, not {most}")
        zero = -np.clip(np.nan_to_num(soft, nan=0.0), -_CERTAIN, _CERTAIN)
        least = np.sort(zero[self._lines(key)], axis=1)[:, : self.order + 1 - most].sum(axis=1)
        counted = math.log(self.length) - least
        return [Detection(float(s), probability(float(p)), "AND code") for s, p in zip(least, counted, strict=True)]

    def and_of(self, customers: Sequence[int], *, key: Key) -> Bits:
        """Return what a copy of these customers shows, (length,) bool."""
        return np.asarray(np.logical_and.reduce([self.word(one, key=key) for one in customers]))

    def _lines(self, key: Key) -> npt.NDArray[np.int64]:
        """Return the points of each customer's line, (length, order + 1) int64, in the key's order."""
        points = np.array(difference_set(self.order))
        lines = (points + np.arange(self.length)[:, None]) % self.length
        return key.derive("tracing").permutation(f"tracing/and/{self.order}", self.length)[lines]
