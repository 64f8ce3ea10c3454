"""What marks say of a suspect's answers: each answer is measured once, however many sets or keys are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import significant
from harness.theft import key_of
from harness.theft_pictures import TILE, cut
from watermarking.ownership.hidden.mark import HiddenPicture
from watermarking.ownership.learnable.mark import LearnableMark
from watermarking.ownership.learnable.pairs import added, measured, together
from watermarking.ownership.marks import get_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from harness.theft import Pixels
    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.marks import OwnershipMark

__all__ = ["LEVELS", "highest_evidence", "judge", "mark_of", "null_counts"]

_NULL_ANSWERS = 5
_FIRST_FOREIGN = 100
"""Keys from this number on marked nothing."""
LEVELS = (0.1, 0.01, 0.001)
_METERED = 1000
_METERED_KEYS = 3


class _Remembering(HiddenPicture):
    """The hidden picture, remembering what R measured of a picture, which no key has a part in."""

    def measured(self, pictures: Sequence[Image]) -> npt.NDArray[np.float64]:
        """Return what R measures of each picture; each is held, so that no other can take its place in memory."""
        known: dict[int, Any] = self.__dict__.setdefault("_known", {})
        for one in pictures:
            if id(one) not in known:
                known[id(one)] = one, super().measured([one])[0]
        return np.stack([known[id(one)][1] for one in pictures])


def mark_of(config: Any) -> OwnershipMark:
    """Return a cell's mark, quick to judge many sets with."""
    mark = get_mark(config)
    return _Remembering(**vars(mark)) if isinstance(mark, HiddenPicture) else mark


def judge(
    mark: OwnershipMark, suspect: Sequence[Pixels], own: Sequence[Pixels], references: Sequence[Sequence[Pixels]],
    key: Key,
) -> Callable[[Iterable[int]], float]:  # fmt: skip
    """Return a function of places of answers that gives the p-value of these answers."""
    if isinstance(mark, LearnableMark):
        others = list(zip(*references, strict=True)) if references else [()] * len(own)
        each = [measured(one, mine, rest, key=key) for one, mine, rest in zip(suspect, own, others, strict=True)]
        return lambda places: together(added(each[i] for i in places)).p_value

    def verified(places: Iterable[int]) -> float:
        chosen = list(places)
        one, mine, *rest = ([answers[i] for i in chosen] for answers in (suspect, own, *references))
        return mark.verify(one, mine, key=key, references=rest).p_value

    return verified


def null_counts(mark: OwnershipMark, suspect: Sequence[Pixels], own: Sequence[Pixels], n_keys: int) -> list[int]:
    """Return how many keys that marked nothing were tried on a corner of 5 answers, and how many fell below levels."""
    one, mine = (cut(answers[:_NULL_ANSWERS], 2 * TILE) for answers in (suspect, own))
    places = range(len(one))
    found = [judge(mark, one, mine, [], key_of(_FIRST_FOREIGN + n))(places) for n in range(n_keys)]
    return [n_keys, *(sum(value < level for value in found) for level in LEVELS)]


def highest_evidence(mark: Any, suspect: Sequence[Pixels], own: Sequence[Pixels]) -> list[float]:
    """Return the highest e-value that each of three keys that marked nothing reaches in 1,000 queries."""
    pairs = list(zip(suspect[:_METERED], own[:_METERED], strict=True))
    if len(pairs) < _METERED:
        raise ValueError(f"{len(pairs)} answers are too few: {_METERED} are needed")
    keys = (key_of(_FIRST_FOREIGN + n) for n in range(_METERED_KEYS))
    return [significant(max(one.e_value for one in mark.evidence(pairs, key=key))) for key in keys]
