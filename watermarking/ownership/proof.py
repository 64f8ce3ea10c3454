"""The proof that a suspect learnt from marked answers: one call for models, files and folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watermarking.errors import WatermarkError
from watermarking.ownership.marks import mark_config
from watermarking.ownership.pairing import pair_up, to_levels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watermarking.interface import Detection, Image
    from watermarking.keys import Key
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.models import Conventions
    from watermarking.ownership.pairing import Answers, Pair

__all__ = ["Proof", "subkey", "verify"]


def subkey(key: Key, name: str) -> Key:
    """Return the key of one protected model or data set: a proof shows it, and the master key stays secret.

    Parameters
    ----------
    name : str
        Of the model, data set, version or customer.
    """
    return key.derive(f"ownership/{name}")


@dataclass(frozen=True)
class Proof:
    """What was found in a suspect's answers.

    Attributes
    ----------
    detection : Detection
        Its p-value bounds the chance that a suspect who had nothing to do with the mark's key scores as high.
    mark : dict, configuration of the mark
    commitment : str, of the key
    n_queries : int, that were asked or given
    failures : dict, names that are left out with reasons
    pairs : the answers that were compared
    references : answers of the references, each to the same queries in the same order
    """

    detection: Detection
    mark: dict[str, Any]
    commitment: str
    n_queries: int
    failures: Mapping[str, str] = field(repr=False)
    pairs: Sequence[Pair] = field(repr=False)
    references: Sequence[Sequence[Image]] = field(default=(), repr=False)
    detection_alone: Detection | None = None

    @property
    def alone(self) -> Detection:
        """The verdict without references, which others can check without trusting the owner's choice of them."""
        return self.detection if self.detection_alone is None else self.detection_alone

    @property
    def n_compared(self) -> int:
        """How many answers were compared."""
        return len(self.pairs)


def verify(
    suspect: Answers, queries: Any = None, *, own: Answers, mark: OwnershipMark, key: Key,
    references: Sequence[Answers] = (), conventions: Conventions | None = None,
    tell: Callable[[int, int], object] | None = None,
) -> Proof:  # fmt: skip
    """Test whether a suspect's answers carry the mark of a key.

    Parameters
    ----------
    suspect : torch module, ONNX file or session, function, folder of its answers, or answers in memory
    queries : folder or pictures
        What the suspect is asked; None where both sides have answered already.
    own : as ``suspect``
        The owner's model without the mark, or its answers.
    mark : OwnershipMark
    key : Key
        Of the mark, see :func:`subkey`. With several keys tried, multiply the p-value by their number.
    references : sequence of models or answers
        Surrogates trained on unmarked answers: what every surrogate does alike is then no evidence. They must be fixed
        before the suspect's answers are seen: chosen afterwards, they can make of chance what one likes.
    conventions : Conventions, optional
        Range of values, channels and output of networks.
    tell : callable, optional
        Called with the number of queries done and of all.

    Raises
    ------
    WatermarkError
        If nothing can be compared; single queries that fail are counted in the proof instead.
    """
    pairs, failures, n_asked = pair_up(suspect, queries, own, conventions=conventions, tell=tell)
    own_answers = {pair.name: pair.own for pair in pairs}
    asked = {pair.name: pair.query for pair in pairs if pair.query is not None}
    others = [_reference(one, asked, own_answers, conventions) for one in references]
    detection = mark.verify([pair.suspect for pair in pairs], [pair.own for pair in pairs], key=key, references=others)
    alone = mark.verify([one.suspect for one in pairs], [one.own for one in pairs], key=key) if others else None
    n_queries = max(len(pairs), n_asked)
    return Proof(detection, mark_config(mark), key.commitment, n_queries, failures, pairs, others, alone)


def _reference(
    source: Answers, asked: Mapping[str, Any], own: Mapping[str, Any], conventions: Conventions | None
) -> list[Any]:
    """Return a reference's answers to the queries that count, in their order."""
    pairs, failures, _ = pair_up(source, asked or None, own, conventions=conventions)
    found = {pair.name: pair.suspect for pair in pairs}
    if missing := [name for name in own if name not in found]:
        reason = failures.get(missing[0], "it is missing")
        raise WatermarkError(f"a reference has no answer to {missing[0]!r} ({reason}): references answer all queries")
    return [to_levels(found[name]) for name in own]
