"""Layers of one shape that content does not tell apart, since their channels changed places: by the order of use.

Which order fits is told by how alike the layers are once their channels are put in place, and by nothing that words
have a part in: orders that do not fit are never read, so that there are no more looks to count.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from watermarking.errors import WatermarkError
from watermarking.ownership.fingerprints.align import aligned, likeness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from watermarking.ownership.fingerprints.match import Matched
    from watermarking.ownership.fingerprints.structure import Group

    Arrays = Mapping[str, npt.NDArray[np.generic]]

__all__ = ["in_place"]

_FITS: Final = 0.5
_SURE: Final = 0.8
"""Cosines of the open layer that is least alike: from which on an order fits, and no other one is tried."""


def in_place(
    matched: Matched, own: Arrays, groups: Sequence[Group], layers: Sequence[str]
) -> tuple[dict[str, npt.NDArray[np.generic]], list[str]]:
    """Return a suspect's weights as the owner's model has them, and what was undone; see :func:`align.aligned`.

    Parameters
    ----------
    matched : Matched
        Those of its layers that are open are taken in the order in which they are used, the owner's as its groups of
        channels follow each other, or where that fits better, in the order of their names, or square ones turned.
    own, groups, layers : see :func:`watermarking.ownership.fingerprints.align.aligned`

    Raises
    ------
    WatermarkError
        If open layers are alike in none of these orders.
    """
    best, fits = None, _FITS
    for guess in _guesses(matched, groups) if matched.open else ():
        found, notes = aligned(matched.weights | guess, own, groups, layers)
        alike = min(likeness(found, own, [name]) for name in guess)
        if alike > fits:
            best, fits = (found, notes, len(guess)), alike
        if alike > _SURE:
            break
    if best is not None:
        found, notes, n = best
        said = f"{n} of {len(layers)} layers go by other names and content left open which is which: taken in the order"
        return found, [f"{said} in which they are used, in which they are alike", *notes]
    if matched.open:
        one = matched.open[0]
        raise WatermarkError(
            f"{', '.join(one.mine)} of shape {one.shape} could each be any of the suspect's "
            f"{', '.join(list(one.theirs)[:4])}, and in the order in which they come they are not alike: give its "
            "weights under your model's names"
        )
    return aligned(matched.weights, own, groups, layers)


def _guesses(matched: Matched, groups: Sequence[Group]) -> Iterator[dict[str, npt.NDArray[np.generic]]]:
    """Yield open layers under the owner's names: each order with each of the owner's, as they are or turned."""
    used = dict.fromkeys(part.name for group in groups for part in group.parts)
    rank = {name: place for place, name in enumerate(used)}
    tried: list[list[tuple[str, str, int]]] = []
    turns = max(len(value) for one in matched.open for value in one.theirs.values())
    for turn, by_use, as_given in itertools.product(range(turns), (True, False), (True, False)):
        triples: list[tuple[str, str, int]] = []
        guess: dict[str, npt.NDArray[np.generic]] = {}
        for one in matched.open:
            mine, theirs = sorted(one.mine, key=_by_number), list(one.theirs)
            if by_use:
                mine.sort(key=lambda name: rank.get(name, len(rank)))
            if not as_given:
                theirs.sort(key=_by_number)
            for name, other in zip(mine, theirs, strict=True):
                which = min(turn, len(one.theirs[other]) - 1)
                triples.append((name, other, which))
                guess[name] = one.theirs[other][which]
        if triples not in tried:
            tried.append(triples)
            yield guess


def _by_number(name: str) -> list[tuple[int, str]]:
    """Return what names are sorted by, such that layer 10 comes after layer 2."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
