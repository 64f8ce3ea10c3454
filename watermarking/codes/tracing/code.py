"""Binary Tardos codes: each customer's word, derived from the key and the customer's name whenever it is needed."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from watermarking.codes.tracing.biases import LEVELS, Biases, arcsine, gauss_legendre
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Bits
    from watermarking.keys import Key

__all__ = ["TardosCode"]

_LONGEST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class TardosCode:
    """A code whose words tell who took part in a copy that was merged from several customers' copies.

    No table of words is kept: a word follows from key and name. Whoever does not know the key cannot tell the biases,
    and words of different names are independent given them.

    Parameters
    ----------
    length : int
        Places of a word; :func:`watermarking.codes.tracing.lengths.length_for` says how many are needed.
    colluders : int
        How many colluders it is made against; fewer are found with less.
    biases : str
        ``"gauss-legendre"``, best for a known number of colluders, or ``"arcsine"``.
    cutoff : float
        Of arcsine biases, from 0 to below 1/2.

    Raises
    ------
    WatermarkError
        If there is no such code.

    Examples
    --------
    >>> from watermarking import Key
    >>> code = TardosCode(length=12, colluders=3)
    >>> code.word("ada", key=Key(bytes(16))).astype(int).tolist()
    [0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0]
    """

    length: int
    colluders: int
    biases: Literal["gauss-legendre", "arcsine"] = "gauss-legendre"
    cutoff: float = 0.0

    def __post_init__(self) -> None:
        for name in ("length", "colluders"):
            value: object = getattr(self, name)
            if not isinstance(value, numbers.Integral) or isinstance(value, bool):
                raise WatermarkError(f"{name} is {value!r}: give a whole number")
        if isinstance(self.cutoff, bool) or not isinstance(self.cutoff, numbers.Real):
            raise WatermarkError(f"the cutoff is {self.cutoff!r}: give a number from 0 to below 0.5")
        if not 1 <= self.length <= _LONGEST:
            raise WatermarkError(f"a code word has 1 to {_LONGEST} places, not {self.length}")
        if self.biases not in ("gauss-legendre", "arcsine"):
            raise WatermarkError(f"biases are 'gauss-legendre' or 'arcsine', not {self.biases!r}")
        if self.cutoff and self.biases != "arcsine":
            raise WatermarkError(f"a cutoff, {self.cutoff:g}, is for arcsine biases: leave it out")
        self.distribution()

    def distribution(self) -> Biases:
        """Return the distribution of the places' biases."""
        return arcsine(self.cutoff) if self.biases == "arcsine" else gauss_legendre(self.colluders)

    def thresholds(self, *, key: Key) -> npt.NDArray[np.uint8]:
        """Return the places' biases in 256ths, (length,) uint8: secret, and the same for all customers."""
        return self.distribution().draw(key.derive("tracing"), self.length)

    def word(self, name: str | int, *, key: Key) -> Bits:
        """Return a customer's word, (length,) bool; a number stands for its decimal digits."""
        return np.asarray(self.drawn([name], key=key)[0] < self.thresholds(key=key))

    def words(self, names: Sequence[str | int], *, key: Key) -> Bits:
        """Return several customers' words, (n, length) bool."""
        return np.asarray(self.drawn(names, key=key) < self.thresholds(key=key))

    def drawn(self, names: Sequence[str | int], *, key: Key) -> npt.NDArray[np.uint8]:
        """Return the keyed bytes that words are made of, (n, length) uint8: a one where one is below the threshold."""
        own = key.derive("tracing")
        streams = b"".join(own.stream(f"tracing/word/{name}", self.length) for name in names)
        return np.frombuffer(streams, np.uint8).reshape(len(names), self.length)

    def values(self, *, key: Key) -> npt.NDArray[np.float64]:
        """Return the places' biases, (length,) float64."""
        return self.thresholds(key=key) / LEVELS
