"""The proof that a suspect learnt from marked answers of a classifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.answers import as_rows, is_answers
from watermarking.ownership.classifiers.asking import Interface, ask, probabilities_of
from watermarking.ownership.classifiers.references import check_references
from watermarking.ownership.classifiers.suspects import check_order, read_answers
from watermarking.ownership.classifiers.verdict import Compared, best_of
from watermarking.ownership.marks import mark_config
from watermarking.ownership.models import ModelAnswerError
from watermarking.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from watermarking.interface import Detection
    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.proof import Metering

    F64 = npt.NDArray[np.float64]

__all__ = ["ClassifierProof", "compare", "given_answers", "limits", "of_owner", "verify_classifier"]

_LABELS_ALONE: Final = (
    "the suspect answers with labels alone: a mark that never changes the first class leaves nothing in them, so no "
    "claim is made; ask for probabilities, or for a few of them"
)
_LABELS_READ: Final = (
    "the suspect answers with labels alone: its choices between your model's first two classes are read, best for "
    "ambiguous queries of the client's own. The p-value holds for queries that were fixed before the client's first "
    "marked answer, such as one batch: on those that he chose by answers honest models may agree with the key"
)
_ENOUGH: Final = 3
"""Clean models beside the owner's, from which on fine-tuned suspects are read as measured."""


@dataclass(frozen=True, eq=False)
class ClassifierProof:
    """What was found in a suspect's answers.

    Attributes
    ----------
    detection : Detection
        Its p-value is the chance that a key which had nothing to do with the suspect fits its answers as well, already
        times the number of views.
    alone : Detection
        The same without references other than the owner's model, for whoever does not trust their choice.
    mark : dict, configuration of the mark
    commitment : str, of the key
    n_queries : int, that were asked or given
    failures : dict, number of a query -> why it does not count
    notes : list of str, what weakens or limits the verdict
    compared : the answers
    n_keys : int, that were tried: both p-values are already times their number
    metering : how evidence was gathered query by query, None if the number of queries was fixed; with it the p-values
        are inverses of e-values
    """

    detection: Detection
    alone: Detection
    mark: dict[str, Any]
    commitment: str
    n_queries: int
    failures: Mapping[int, str] = field(repr=False)
    notes: Sequence[str]
    compared: Compared = field(repr=False)
    n_keys: int = 1
    metering: Metering | None = None

    @property
    def n_compared(self) -> int:
        """How many answers were compared."""
        return len(self.compared.rows)


def verify_classifier(
    suspect: Any, inputs: Any, *, own: Any, mark: SoftLabelMark, key: Key, references: Sequence[Any] = (),
    smoothed: Sequence[Any] = (), n_queries: int | None = None, interface: Interface | None = None,
    own_interface: Interface | None = None, features: Any = None, tell: Callable[[int, int], object] | None = None,
) -> ClassifierProof:  # fmt: skip
    """Test whether a suspect learnt from answers that carry the mark of a key.

    Parameters
    ----------
    suspect : torch module, ONNX file or session, function of batches, or its answers, one for each input
        Answers are rows of probabilities or logits (N, K), rounded or not, mappings or pairs of a few labels, or None
        where there is none. No claim rests on labels alone, unless the mark swaps first classes: see
        :meth:`watermarking.ownership.classifiers.mark.SoftLabelMark.for_labels`.
    inputs : N inputs like those that the mark was fitted on, chosen by nothing that a marked answer said
        To read labels: :func:`watermarking.ownership.classifiers.swaps.most_ambiguous` of what the client asked.
    own : the owner's model without the mark, or its answers (N, K)
    mark : SoftLabelMark
    key : Key
        Of one client. With several keys tried see :func:`watermarking.ownership.classifiers.clients.identify`.
    references : sequence of models or answers (N, K)
        Clean models of the same task, best three or more: what all models do alike is then no evidence. They must be
        fixed before the suspect is asked.
    smoothed : sequence of models or answers (N, K)
        Clean models trained with smoothed labels: for suspects that were fine-tuned so. They add views of their own.
    n_queries : int, optional
        How many of the inputs are asked, the first ones.
    interface, own_interface : Interface, optional
        Of the suspect; of the owner's model and the references.
    features : callable, optional
        Makes of a batch of inputs the features that the mark was fitted on, if it was not on the inputs themselves.
    tell : callable, optional
        Called with the number of queries done and of all.

    Raises
    ------
    ModelAnswerError
        If the suspect answers nothing that can be read, or in another number or order of classes.
    WatermarkError
        If a reference or the owner's model carries the mark itself, or there is no input.
    """
    if n_queries is not None and n_queries < 1:
        raise WatermarkError(f"{n_queries} queries say nothing: ask 1 or more, or leave n_queries out to ask all")
    if is_answers(suspect) and len(suspect) > len(inputs):
        raise WatermarkError(f"the suspect has {len(suspect)} answers to {len(inputs)} inputs: which are of which?")
    asked = inputs if n_queries is None else inputs[:n_queries]
    if not len(asked):
        raise WatermarkError("there is no input to ask: give one or more")
    steps = Steps()
    how, mine = interface or Interface(), own_interface or Interface()
    models = is_answers(suspect)
    given = given_answers(suspect, len(asked)) if models else ask(suspect, asked, how, tolerant=True, tell=tell)
    answers, failures = (given, {}) if isinstance(given, list) else (given.answers, given.failures)
    if failures and all(one is None for one in answers):
        raise ModelAnswerError(f"the suspect answered none of {len(asked)} queries: {next(iter(failures.values()))}")
    read = read_answers(answers, mark.n_classes, how)
    steps.done(f"the suspect asked: {len(read.rows)} of {len(asked)} answers can be read, as {read.form}")
    sides = of_owner([own, *references, *smoothed], asked, mine, mark, n_queries)
    steps.done(f"your side asked: {len(references)} references, {len(smoothed)} with smoothed labels")
    numbers = mark.coarse.numbers(features(asked) if features is not None else asked)
    if len(numbers) != len(asked):
        raise WatermarkError(f"there are {len(numbers)} coarse features of {len(asked)} inputs: give one each")
    compared = Compared(read.rows, read.values, np.stack(sides), len(references), numbers, read.form)
    check_order(compared.suspect, compared.own)
    detection, alone, notes = compare(compared, mark, key)
    steps.done(f"compared: {detection.statistic} {detection.score:.3g}, p = {detection.p_value:.2g}")
    missing = {n: "no answer" for n, one in enumerate(answers) if one is None and n not in failures}
    return ClassifierProof(
        detection, alone, mark_config(mark), key.commitment, len(asked), {**missing, **failures, **read.failures},
        notes, compared,
    )  # fmt: skip


def compare(compared: Compared, mark: SoftLabelMark, key: Key) -> tuple[Detection, Detection, list[str]]:
    """Return the verdict with references, that without them, and what limits it.

    Raises
    ------
    WatermarkError
        If a reference or the owner's model carries the mark.
    """
    check_references(compared, mark, key)
    detection = best_of(compared, mark, key)
    has_more = len(compared.references) or len(compared.smoothed)
    alone = best_of(compared, mark, key, alone=True) if has_more else detection
    return detection, alone, limits(compared, mark)


def limits(compared: Compared, mark: SoftLabelMark) -> list[str]:
    """Return what limits a verdict, whichever way it comes about."""
    notes = []
    if compared.form == "labels":
        notes.append(_LABELS_READ if mark.reach else _LABELS_ALONE)
    if compared.form == "top-k":
        notes.append("the suspect names a few classes only: what it leaves out counts as 0")
    if (n := len(compared.references)) < _ENOUGH and (mark.reach or compared.form != "labels"):
        notes.append(
            f"{n} clean references beside your own model are few: distilled suspects are read, fine-tuned ones often "
            f"missed; train {_ENOUGH} clean models"
        )
    return notes


def given_answers(suspect: Any, n: int) -> list[Any]:
    """Return answers that are in memory, one for each query."""
    found = list(as_rows(suspect) if hasattr(suspect, "detach") else suspect)
    if len(found) < n:
        raise WatermarkError(f"the suspect has {len(found)} answers to {n} inputs: give one each, or None")
    return found[:n]


def of_owner(models: list[Any], asked: Any, how: Interface, mark: SoftLabelMark, n_queries: int | None) -> list[F64]:
    """Return the answers of the owner's model and the references, (n, K) each."""
    found = []
    for number, model in enumerate(models):
        is_given = is_answers(model)
        some = model[: len(asked)] if is_given and n_queries is not None else model
        answers = probabilities_of(some, asked, how, mark.n_classes)
        who = f"reference {number - 1}" if number else "your own model"
        if len(answers) != len(asked):
            raise WatermarkError(f"{who} has {len(answers)} answers to {len(asked)} inputs: it must answer each")
        found.append(answers)
        if number:
            check_order(answers, found[0], who)
    return found
