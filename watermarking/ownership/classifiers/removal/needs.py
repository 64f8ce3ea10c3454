"""What a removal needs beside queries and their answers, and how one is brought down to what there is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from watermarking.ownership.classifiers.removal.distil import Distil
from watermarking.ownership.classifiers.removal.erase import Dehydrate, Reshape
from watermarking.ownership.classifiers.removal.serve import Ensemble
from watermarking.ownership.classifiers.removal.shrink import FinePrune, Prune
from watermarking.ownership.classifiers.removal.transfer import Transfer
from watermarking.ownership.classifiers.removal.tune import Tune

if TYPE_CHECKING:
    from watermarking.ownership.classifiers.removal.loot import Removal

__all__ = ["Need", "needs_of", "scaled_down"]

Need: TypeAlias = Literal["labels", "clean", "outside", "other", "accomplice", "client"]
"""True labels; a clean model; answers to another domain's inputs; another task; a second thief; another client's."""

_PARTNERS: Final[dict[str, Need]] = {"clean": "clean", "seed": "accomplice", "client": "client"}


def needs_of(removal: Removal) -> set[Need]:
    """Return what a removal cannot do without.

    Examples
    --------
    >>> sorted(needs_of(Distil())), sorted(needs_of(Tune()))
    ([], ['labels'])
    """
    found: set[Need] = set()
    if isinstance(removal, (Tune, Dehydrate, Reshape)) or (isinstance(removal, (Prune, FinePrune)) and removal.epochs):
        found.add("labels")
    if isinstance(removal, Transfer):
        found |= {"other", "labels"} if removal.back else {"other"}
    if isinstance(removal, Distil):
        found |= {"labels"} if removal.true else set()
        found |= {"clean"} if removal.clean else set()
        found |= {"outside"} if removal.queries != "own" else set()
    if isinstance(removal, Ensemble):
        found.add(_PARTNERS[removal.partner])
    return found


def scaled_down(removal: Removal, n: int) -> Removal:
    """Return a removal that asks for no more queries or labels than n; itself if it asks for fewer.

    Examples
    --------
    >>> scaled_down(Distil(), 500).n, scaled_down(Distil(n=100), 500).n
    (500, 100)
    """
    wanted = getattr(removal, "n", None)
    if wanted is None or wanted <= n:
        return removal
    return dataclasses.replace(removal, n=n)  # type: ignore[type-var]  # all kinds are dataclasses
