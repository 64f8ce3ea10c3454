"""Several marks in one answer: what one thief wipes out, another mark still says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from watermarking.errors import WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.marks import BlindMark, get_mark, mark_config
from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.marks import OwnershipMark

__all__ = ["SeveralMarks"]

_EACH: Final = {"psnr": 46.0, "floor": 45.0}
"""Two marks of 46 dB make 43 together, and none below 42."""


@dataclass(frozen=True, kw_only=True)
class SeveralMarks:
    """Marks one after the other in the same answer, each with a key of its own derived from the one given.

    By default the learnable mark, which thieves learn who turn, crop and resize their pairs, and the hidden picture,
    which is read from a single answer of those who do not.

    Parameters
    ----------
    marks : sequence of configurations, two or more
        As :func:`watermarking.ownership.marks.get_mark` takes them. Their changes add up: make each fainter.

    Raises
    ------
    WatermarkError
        If there are fewer than two, or one of them is unknown.
    """

    id: ClassVar[str] = "several"
    marks: Any = ({"id": "hidden", **_EACH}, {"id": "learnable", **_EACH})
    _made: tuple[OwnershipMark, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        made = tuple(get_mark(one) for one in self.marks)
        if len(made) < 2:
            raise WatermarkError(f"{len(made)} marks are not several: give two or more, or use the mark itself")
        object.__setattr__(self, "_made", made)
        object.__setattr__(self, "marks", tuple(mark_config(one) for one in made))

    def mark(self, picture: Image, *, key: Key) -> Image:
        """Return a copy that carries all marks."""
        for number, one in enumerate(self._made):
            picture = one.mark(picture, key=_key_of(key, number))
        return picture

    def verify(
        self, suspect: Sequence[Image], own: Sequence[Image], *, key: Key, references: Sequence[Sequence[Image]] = ()
    ) -> Detection:
        """Test for each mark; the least p-value counts, times their number."""
        return _best([
            one.verify(suspect, own, key=_key_of(key, number), references=references)
            for number, one in enumerate(self._made)
        ])  # fmt: skip

    def verify_blind(self, suspect: Sequence[Image], *, key: Key) -> Detection:
        """Test for the marks that are read blind.

        Raises
        ------
        WatermarkError
            If none is.
        """
        found = [
            one.verify_blind(suspect, key=_key_of(key, number))
            for number, one in enumerate(self._made)
            if isinstance(one, BlindMark)
        ]
        if not found:
            raise WatermarkError("none of these marks is read without the owner's own answers: give them")
        return _best(found)


def _key_of(key: Key, number: int) -> Key:
    return key.derive(f"ownership/several/{number}")


def _best(found: list[Detection]) -> Detection:
    best = min(found, key=lambda one: one.p_value)
    return Detection(best.score, any_of(best.p_value, len(found)), f"{best.statistic}, the best of {len(found)}")
