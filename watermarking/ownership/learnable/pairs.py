"""Pairs of answers: checked, then measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watermarking.errors import WatermarkError
from watermarking.ownership.learnable.estimate import Sums, measure
from watermarking.ownership.learnable.family import Family, draw_family
from watermarking.ownership.learnable.features import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Image
    from watermarking.keys import Key

__all__ = ["measured"]


def measured(suspect: Image, own: Image, references: Sequence[Image], *, key: Key) -> tuple[Sums, Family]:
    """Return the sums of one query's answers, and the key's family for pictures of that kind.

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
    family = draw_family(key, colour=first.ndim == 3)
    return measure(suspect, first, references, family), family
