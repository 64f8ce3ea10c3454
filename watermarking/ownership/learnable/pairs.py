"""Pairs of answers: checked, measured, and judged together, colour and grey."""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING

from watermarking.errors import WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.learnable.estimate import Sums, measure, verdict
from watermarking.ownership.learnable.family import Family, draw_family
from watermarking.ownership.learnable.features import checked, shows_colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watermarking.interface import Image
    from watermarking.keys import Key

__all__ = ["added", "measured", "together"]


def measured(suspect: Image, own: Image, references: Sequence[Image], *, key: Key) -> tuple[Sums, Family]:
    """Return the sums of one query's answers, and the key's family for pictures of that kind.

    The owner's own answer says whether it is colour or grey.

    Raises
    ------
    UnsupportedImageError
        If an answer is no uint8 picture.
    WatermarkError
        If the answers are not all of one shape.
    """
    first = checked(own)
    for other in (suspect, *references):
        if checked(other).shape != first.shape:
            raise WatermarkError(
                f"an answer is {other.shape} where the owner's own is {first.shape}: compare answers to the same "
                "query, and bring a suspect that changes the size back to it first"
            )
    family = draw_family(key, colour=shows_colour(first))
    return measure(suspect, first, references, family), family


def added(each: Iterable[tuple[Sums, Family]]) -> list[tuple[Sums, Family]]:
    """Return the sums of each kind of picture, colour and grey."""
    kinds: dict[int, list[tuple[Sums, Family]]] = {}
    for sums, family in each:
        kinds.setdefault(family.direction.shape[1], []).append((sums, family))
    return [(functools.reduce(operator.add, (sums for sums, _ in kind)), kind[0][1]) for kind in kinds.values()]


def together(kinds: Sequence[tuple[Sums, Family]]) -> Detection:
    """Return what all answers say of the key.

    The directions for colour and for grey come from different parts of the key's stream, so that their p-values are
    independent; Fisher's rule for two: ``p = q (1 - ln q)`` of their product q. A kind whose answers show nothing,
    whatever the key, is left out.
    """
    found = [verdict(*kind) for kind in kinds]
    telling = [one for one in found if one.score]
    if len(telling) < 2:
        return (telling or found)[0]
    logarithm = sum(math.log(one.p_value) for one in telling)
    return Detection(
        max(one.score for one in telling), min(1.0, math.exp(logarithm) * (1 - logarithm)), "colour and grey together"
    )
