"""What all marks with a strength, and all informed proofs, ask of what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Image

__all__ = ["check_numbers", "check_strength"]

_BOUNDS: Final = (36.0, 57.0)
"""In dB; above 58.9 rounding alone changes a picture by more."""


def check_strength(psnr: float, floor: float) -> None:
    """Refuse a strength, or a floor that no picture may fall below, that is out of bounds; both in dB.

    Raises
    ------
    WatermarkError
        If they are not in order, or not within 36 to 57.
    """
    low, high = _BOUNDS
    if not low <= floor <= psnr <= high:
        raise WatermarkError(f"a mark of {psnr} dB with a floor of {floor} dB: give {low} <= floor <= psnr <= {high}")


def check_numbers(suspect: Sequence[Image], own: Sequence[Image], references: Sequence[Sequence[Image]]) -> None:
    """Refuse answers that are not as many on each side, or none.

    Raises
    ------
    WatermarkError
        It says how many there are of each.
    """
    counts = [len(suspect), len(own), *map(len, references)]
    if not counts[0] or len(set(counts)) > 1:
        raise WatermarkError(
            f"{counts[0]} answers of the suspect, {counts[1]} of the owner, {counts[2:]} of references: "
            "give one each, at least one, to the same queries in the same order"
        )
