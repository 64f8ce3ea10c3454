"""The proof that a suspect learnt from marked answers: one call for models, files and folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watermarking.errors import WatermarkError
from watermarking.ownership.controls import Control, check_enough, null_p_value
from watermarking.ownership.marks import BlindMark, mark_config
from watermarking.ownership.pairing import pair_up, taken
from watermarking.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watermarking.interface import Detection, Image
    from watermarking.keys import Key
    from watermarking.ownership.marks import OwnershipMark
    from watermarking.ownership.models import Conventions
    from watermarking.ownership.pairing import Answers, Pair

__all__ = ["Metering", "Proof", "found_by", "subkey", "verify"]


def subkey(key: Key, name: str) -> Key:
    """Return the key of one protected model or data set: a proof shows it, and the master key stays secret.

    Parameters
    ----------
    name : str
        Of the model, data set, version or customer.
    """
    return key.derive(f"ownership/{name}")


@dataclass(frozen=True)
class Metering:
    """How evidence was gathered query by query.

    Attributes
    ----------
    level : float, false-positive rate at which it was to stop
    e_values : after each answer that was compared; they never fall
    stopped : why it ended there
    """

    level: float
    e_values: tuple[float, ...]
    stopped: str


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
    pairs : the answers that were compared; without the owner's own where the mark was read blind
    references : answers of the references, each to the same queries in the same order
    control : Control, what models of unmarked answers say of the score; None if there were none
    controls : answers of these, each to the same queries in the same order
    metering : Metering, how it was gathered query by query; None if all was asked at once
    """

    detection: Detection
    mark: dict[str, Any]
    commitment: str
    n_queries: int
    failures: Mapping[str, str] = field(repr=False)
    pairs: Sequence[Pair] = field(repr=False)
    references: Sequence[Sequence[Image]] = field(default=(), repr=False)
    detection_alone: Detection | None = None
    control: Control | None = None
    controls: Sequence[Sequence[Image]] = field(default=(), repr=False)
    metering: Metering | None = None

    @property
    def alone(self) -> Detection:
        """The verdict without references, which others can check without trusting the owner's choice of them."""
        return self.detection if self.detection_alone is None else self.detection_alone

    @property
    def n_compared(self) -> int:
        """How many answers were compared."""
        return len(self.pairs)

    @property
    def is_blind(self) -> bool:
        """Whether there were no answers of the owner's to compare with."""
        return any(pair.own is None for pair in self.pairs)


def verify(
    suspect: Answers, queries: Any = None, *, own: Answers | None = None, mark: OwnershipMark, key: Key,
    references: Sequence[Answers] = (), controls: Sequence[Answers] = (), control_level: float = 0.01,
    conventions: Conventions | None = None, own_conventions: Conventions | None = None,
    reference_conventions: Conventions | None = None, tell: Callable[[int, int], object] | None = None,
) -> Proof:  # fmt: skip
    """Test whether a suspect's answers carry the mark of a key.

    Parameters
    ----------
    suspect : torch module, ONNX file or session, function, folder of its answers, or answers in memory
    queries : folder or pictures
        What the suspect is asked; None where both sides have answered already.
    own : as ``suspect``
        The owner's model without the mark, or its answers. Left out, the mark is read blind, which marks can that are a
        :class:`~watermarking.ownership.marks.BlindMark`.
    mark : OwnershipMark
    key : Key
        Of the mark, see :func:`subkey`. With several keys tried, multiply the p-value by their number.
    references : sequence of models or answers
        Surrogates trained on unmarked answers: what every surrogate does alike is then no evidence. They must be fixed
        before the suspect's answers are seen: chosen afterwards, they can make of chance what one likes.
    controls : sequence of models or answers
        Models that never saw the mark, as the suspect would be one were it innocent: the share of them that score as
        high is a p-value that trusts no theory. They are compared without the references.
    control_level : float
        Refuse too few controls for p-values as low as this, before anybody is asked anything.
    conventions, own_conventions, reference_conventions : Conventions, optional
        Range of values, channels and output of networks, and white of 16-bit pictures: of the suspect, the owner's
        side, and references and controls; the latter two are those of the suspect if left out.
    tell : callable, optional
        Called with the number of queries done and of all.

    Raises
    ------
    WatermarkError
        If nothing can be compared, the mark cannot be read blind and ``own`` is None, or controls are too few; single
        queries that fail are counted in the proof instead.
    """
    steps = Steps()
    if controls:
        check_enough(len(controls), control_level)
    if own is None:
        _check_blind(mark, references)
        pairs, failures, n_asked = taken(suspect, queries, conventions=conventions, tell=tell)
    else:
        pairs, failures, n_asked = pair_up(
            suspect, queries, own, conventions=conventions, own_conventions=own_conventions, tell=tell
        )
    steps.done(f"{len(pairs)} of {max(len(pairs), n_asked)} answers paired, {len(failures)} left out")
    how = conventions if reference_conventions is None else reference_conventions
    others = [_same_queries(one, pairs, how, "reference") for one in references]
    unmarked = [_same_queries(one, pairs, how, "control") for one in controls]
    if others or unmarked:
        steps.done(f"{len(others)} references and {len(unmarked)} controls asked the same")
    answers, owned = [pair.suspect for pair in pairs], [pair.own for pair in pairs if pair.own is not None]
    alone = found_by(mark, answers, owned, key)
    steps.done(f"{mark.id} looked for in them: {alone.statistic} {alone.score:.3g}, p = {alone.p_value:.2g}")
    detection = mark.verify(answers, owned, key=key, references=others) if others else alone
    if others:
        steps.done(f"without what the references do alike: p = {detection.p_value:.2g}")
    control = None
    if unmarked:
        scores = tuple(float(found_by(mark, one, owned, key).score) for one in unmarked)
        control = Control(null_p_value(alone.score, scores, level=control_level), control_level, scores)
        steps.done(f"beside {len(scores)} controls, the highest of which scores {max(scores):.3g}")
    return Proof(
        detection, mark_config(mark), key.commitment, max(len(pairs), n_asked), failures, pairs, others,
        alone if others else None, control, unmarked,
    )  # fmt: skip


def found_by(mark: OwnershipMark, answers: Sequence[Image], own: Sequence[Image], key: Key) -> Detection:
    """Return what a mark finds in answers beside the owner's own, or blind where there are none of these.

    Raises
    ------
    WatermarkError
        If there are none and the mark cannot be read blind.
    """
    if own:
        return mark.verify(answers, own, key=key)
    if not isinstance(mark, BlindMark):
        raise WatermarkError(f"the mark {mark.id!r} cannot be read blind: give your own answers without the mark")
    return mark.verify_blind(answers, key=key)


def _check_blind(mark: OwnershipMark, references: Sequence[Answers]) -> None:
    if not isinstance(mark, BlindMark):
        raise WatermarkError(f"the mark {mark.id!r} cannot be read blind: give your own answers without the mark")
    if references:
        raise WatermarkError("references are compared with your own answers: give these, or no references")


def _same_queries(source: Answers, pairs: Sequence[Pair], conventions: Conventions | None, who: str) -> list[Image]:
    """Return another's answers to the queries that count, in their order."""
    asked = {pair.name: pair.query for pair in pairs if pair.query is not None}
    beside = {pair.name: pair.suspect if pair.own is None else pair.own for pair in pairs}
    others, failures, _ = pair_up(source, asked or None, beside, conventions=conventions)
    found = {pair.name: pair.suspect for pair in others}
    if missing := [name for name in beside if name not in found]:
        reason = failures.get(missing[0], "it is missing")
        raise WatermarkError(f"a {who} has no answer to {missing[0]!r} ({reason}): each {who} answers all queries")
    kinds = {name: picture.ndim for name, picture in beside.items()}
    if other := [name for name in beside if found[name].ndim != kinds[name]]:
        raise WatermarkError(f"a {who}'s answer to {other[0]!r} is grey, the others are in colour: give all in colour")
    return [found[name] for name in beside]
