"""What a copy's weights carry: a customer's word, a sign for each place, spread over many weights."""

from __future__ import annotations

import dataclasses
import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np

from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.designs import ORDERS, AndCode
from watermarking.codes.tracing.identifiers import word_of
from watermarking.errors import CapacityError, WatermarkError
from watermarking.ownership.marks import config_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watermarking.interface import Bits
    from watermarking.keys import Key

__all__ = ["LEAST_WEIGHTS", "WeightMark"]

LEAST_WEIGHTS: Final = 16
"""Weights that carry a place together, at least: of fewer, the key's signs hardly average out what else changed."""
_CODES: Final = ("tardos", "identifier", "and")
_IDENTIFIER: Final = 168
_STRENGTHS: Final = (0.001, 0.5)


@dataclass(frozen=True, kw_only=True)
class WeightMark:
    """A keyed change of weights, the same size everywhere in a layer, for a customer's word of so many places.

    Each weight belongs to one place and has a sign, as the key says; a copy's weights are the model's, plus or minus a
    share of their layer's root mean square. The projections that read it are orthonormal, block by block, since no two
    of them share a weight: no weight stands out, and what variance grows by is taken back.

    Parameters
    ----------
    code : str
        ``"tardos"`` withstands colluders; ``"identifier"`` is read without a list, and does not; ``"and"`` modulates
        keyed orthogonal vectors by an AND-anti-collusion code, our reconstruction of DeepMarks, not the authors' code.
    length : int
        Places. Of ``"and"`` it is a word's of a plane's order: 7, 13, 31, 57, 133, 183, 307, ...
    colluders : int
        How many a Tardos code is made against.
    strength : float
        Share of a layer's root mean square, 0.001 to 0.5. Copies at 0.03 cost a small residual network some .4 points
        of accuracy, at 0.015 some .1.
    layers : sequence of str, optional
        Names of the weights that carry it; all matrices and filters if left out.

    Raises
    ------
    WatermarkError
        If there is no such code.

    Examples
    --------
    >>> from watermarking import Key
    >>> WeightMark().word("ada", key=Key(bytes(16))).shape
    (1216,)
    """

    id: ClassVar[str] = "weights"
    code: Literal["tardos", "identifier", "and"] = "tardos"
    length: int = 1216
    colluders: int = 10
    strength: float = 0.015
    layers: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.code not in _CODES:
            raise WatermarkError(f"there is no code {self.code!r}: it is one of {', '.join(_CODES)}")
        low, high = _STRENGTHS
        if not low <= self.strength <= high:
            raise WatermarkError(f"a strength of {self.strength}: give {low:g} to {high:g} of a layer's weights")
        if self.layers is not None:
            object.__setattr__(self, "layers", tuple(self.layers))
        if not isinstance(self.length, numbers.Integral):
            raise WatermarkError(f"length is {self.length!r}: give a whole number of places")
        if self.code == "tardos":
            self.tardos()
        elif self.code == "and":
            self.design()
        elif self.length < _IDENTIFIER:
            raise CapacityError(f"an identifier does not fit in {self.length} places: {_IDENTIFIER} are needed")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> WeightMark:
        """Make a mark of its configuration, as :func:`watermarking.ownership.marks.mark_config` returns it.

        Raises
        ------
        WatermarkError
            If it is of another mark, or does not fit.
        """
        fields = config_fields(cls, config)
        if other := fields.keys() - {field.name for field in dataclasses.fields(cls)}:
            raise WatermarkError(f"a mark of weights has no {', '.join(sorted(other))}")
        try:
            return cls(**fields)
        except TypeError as error:
            raise WatermarkError(f"{config!r} is no mark of weights: {error}") from error

    def tardos(self) -> TardosCode:
        """Return the Tardos code."""
        return TardosCode(length=self.length, colluders=self.colluders)

    def design(self) -> AndCode:
        """Return the AND-anti-collusion code.

        Raises
        ------
        WatermarkError
            If there is none of this length.
        """
        for order in ORDERS:
            if order * order + order + 1 == self.length:
                return AndCode(order=order)
        lengths = ", ".join(str(order * order + order + 1) for order in ORDERS)
        raise WatermarkError(f"there is no AND code of {self.length} places: the lengths are {lengths}")

    def word(self, customer: str, *, key: Key, number: int = 0) -> Bits:
        """Return a customer's word, (length,) bool; of AND codes it belongs to the number in the order of issue."""
        if self.code == "tardos":
            return self.tardos().word(customer, key=key)
        if self.code == "and":
            return self.design().word(number, key=key)
        word = word_of(customer, key=key, length=self.length)
        return np.concatenate([word, np.zeros(self.length - word.size, np.bool_)])  # some lengths are another code's

    def check_room(self, n_weights: int) -> None:
        """Refuse a mark that does not fit.

        Raises
        ------
        CapacityError
            If fewer weights are given than the places need; the message says how many.
        """
        room = n_weights // LEAST_WEIGHTS
        if room < self.length:
            raise CapacityError(
                f"{n_weights} weights have room for {room} places, {self.length} are needed ({LEAST_WEIGHTS} weights a "
                "place): mark more layers, or use a shorter code, against fewer colluders"
            )
