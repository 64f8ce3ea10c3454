"""A suspect that costs money by the query: asked one by one, until the evidence is enough."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from watermarking.errors import WatermarkError
from watermarking.ownership.likeness import show_the_same, thumbnail
from watermarking.ownership.marks import MeteredMark, mark_config
from watermarking.ownership.pairing import made_pair, open_sides, paired
from watermarking.ownership.proof import Metering, Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.learnable.evidence import Evidence
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.models import Conventions
    from watermarking.ownership.pairing import Answers, Pair

__all__ = ["check_metered", "gather"]

_ENOUGH, _ALL, _MOST, _CUT = "enough evidence", "no more queries", "as many queries as allowed", "interrupted"


def gather(
    suspect: Answers, queries: Any = None, *, own: Answers, mark: OwnershipMark, key: Key, level: float = 1e-6,
    at_most: int | None = None, conventions: Conventions | None = None, own_conventions: Conventions | None = None,
    tell: Callable[[int, float], object] | None = None,
) -> Proof:  # fmt: skip
    """Ask a suspect query by query, and stop as soon as the evidence is enough.

    The e-value after each answer may be watched, and one may stop whenever one likes: the chance that it ever reaches
    ``1 / level``, if the suspect had nothing to do with the key, is at most ``level`` (Ville's inequality). What is not
    allowed is to choose or to order the queries by what came out so far: they are asked in the order that they have.

    Parameters
    ----------
    suspect, queries, own, key, conventions, own_conventions
        As for :func:`watermarking.ownership.proof.verify`. A suspect whose answers are there is asked nothing, and its
        answers are taken in the order of the owner's.
    mark : MeteredMark
    level : float
        False-positive rate at which the evidence is enough.
    at_most : int, optional
        Queries to ask; those that fail cost money, too, and count.
    tell : callable, optional
        Called after each answer that was compared, with the number of queries and the e-value so far.

    Returns
    -------
    Proof
        Of all answers that came, also where the suspect failed at some, and where whoever waits pressed Ctrl-C. Its
        p-value is 1 / e, its score log10 e.

    Raises
    ------
    WatermarkError
        If the mark cannot be gathered query by query, the level is none, or no answer could be compared.
    KeyboardInterrupt
        If it comes before the first answer.
    """
    found = check_metered(mark, level, at_most)
    queue = _Queue(suspect, queries, own, conventions, own_conventions, at_most)
    values: list[float] = []
    last: Evidence | None = None
    stopped = ""
    with closing(queue.pairs()) as pairs:
        try:
            for last in found.evidence(((pair.suspect, _own(pair)) for pair in pairs), key=key):
                values.append(float(last.e_value))
                if tell is not None:
                    tell(queue.n_asked, values[-1])
                if values[-1] >= 1 / level:
                    stopped = _ENOUGH
                    break
        except KeyboardInterrupt:
            if last is None:
                raise
            stopped = _CUT
    if last is None:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(queue.failures.items())[:3])
        raise WatermarkError(f"no answer of the suspect can be compared with the owner's ({reasons or 'no pictures'})")
    return Proof(
        last.detection, mark_config(mark), key.commitment, queue.n_asked, queue.failures,
        queue.compared[: last.n_queries], metering=Metering(level, tuple(values), stopped or queue.ended),
    )  # fmt: skip


def check_metered(mark: OwnershipMark, level: float, at_most: int | None) -> MeteredMark:
    """Return the mark if its evidence can be gathered query by query.

    Raises
    ------
    WatermarkError
        If it cannot, or the level or the number of queries is none.
    """
    if not isinstance(mark, MeteredMark):
        raise WatermarkError(
            f"the evidence of the mark {mark.id!r} cannot be gathered query by query: ask all queries and use verify"
        )
    if not 0 < level < 1:
        raise WatermarkError(f"{level} is no false-positive rate: give one between 0 and 1, as 1e-6")
    if at_most is not None and at_most < 1:
        raise WatermarkError(f"at most {at_most} queries say nothing: allow 1 or more")
    return mark


def _own(pair: Pair) -> Image:
    assert pair.own is not None  # nothing metered is read blind
    return pair.own


class _Queue:
    """Queries in their order, asked when they are wanted; it counts them and keeps what came of them."""

    def __init__(
        self, suspect: Answers, queries: Any, own: Answers, conventions: Conventions | None,
        own_conventions: Conventions | None, at_most: int | None,
    ) -> None:  # fmt: skip
        self.compared: list[Pair] = []
        self.n_asked, self.ended, self._at_most = 0, _ALL, at_most
        self._asked, self.failures, self._theirs, self._ours = open_sides(
            suspect, queries, own, conventions, own_conventions
        )
        self._ready: list[Pair] | None = None
        if self._theirs.ask is None:  # its answers are there, perhaps under other names: they are paired as ever
            self._ready = paired(self._asked, self._theirs, self._ours, self.failures)
        else:
            self.failures.update(self._ours.failures)

    def pairs(self) -> Generator[Pair, None, None]:
        """Yield the pairs as they are wanted; what cannot be compared is kept as a failure."""
        for one in self._asked if self._ready is None else self._ready:
            if self._at_most is not None and self.n_asked >= self._at_most:
                self.ended = _MOST
                return
            self.n_asked += 1
            pair = one if not isinstance(one, str) else self._pair(one)
            if pair is not None:
                self.compared.append(pair)
                yield pair

    def _pair(self, name: str) -> Pair | None:
        query = self._asked[name]
        try:
            owned = self._ours.answer(name, query)  # first: a query that one has no answer to need not be paid for
            pair = made_pair(name, self._theirs.answer(name, query), owned, query)
            if not show_the_same(thumbnail(pair.suspect), thumbnail(owned)):
                raise WatermarkError("the answer shows something else than the owner's")
            if self.compared and self.compared[0].suspect.ndim != pair.suspect.ndim:
                raise WatermarkError(f"it is {'grey' if pair.suspect.ndim == 2 else 'in colour'}, the first is not")
        except WatermarkError as error:
            self.failures[name] = str(error)
            return None
        return pair
