"""A suspect that costs money by the query: asked one by one, until the evidence is enough."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.classifiers.answers import is_answers
from watermarking.ownership.classifiers.asking import Interface, as_classifier, ask
from watermarking.ownership.classifiers.evidence import follow
from watermarking.ownership.classifiers.proof import ClassifierProof, given_answers, limits, of_owner
from watermarking.ownership.classifiers.references import check_course
from watermarking.ownership.classifiers.suspects import check_order, read_answers
from watermarking.ownership.classifiers.verdict import Compared
from watermarking.ownership.marks import mark_config
from watermarking.ownership.models import ModelAnswerError
from watermarking.ownership.proof import Metering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.suspects import Form

    F64 = npt.NDArray[np.float64]

__all__ = ["course_of", "gather_classifier", "verdict_of"]

_ENOUGH, _ALL, _MOST, _CUT = "enough evidence", "no more queries", "as many queries as allowed", "interrupted"
_GONE, _BARE = "it failed 50 times in a row", "it answers with labels alone"
_PATIENCE: Final = 50
_UNMETERED: Final = (
    "the suspect answers with labels alone, which are read all together: ask a fixed number of queries instead of one "
    "by one (verify_classifier; no --metered)"
)


def gather_classifier(
    suspect: Any, inputs: Any, *, own: Any, mark: SoftLabelMark, key: Key, references: Sequence[Any] = (),
    level: float = 1e-6, at_most: int | None = None, interface: Interface | None = None,
    own_interface: Interface | None = None, features: Any = None, tell: Callable[[int, float], object] | None = None,
) -> ClassifierProof:  # fmt: skip
    """Ask a suspect query by query, in the inputs' order, and stop as soon as the evidence is enough.

    The e-value may be watched, and one may stop whenever one likes: the chance that it ever reaches ``1 / level``, if
    the suspect had nothing to do with the key, is at most ``level``; see
    :func:`watermarking.ownership.classifiers.evidence.gather`.

    Parameters
    ----------
    suspect, inputs, own, mark, key, references, interface, own_interface, features
        As for :func:`watermarking.ownership.classifiers.proof.verify_classifier`. Answers that are there cost nothing,
        and are taken in their order.
    level : float
        False-positive rate at which the evidence is enough.
    at_most : int, optional
        Queries to ask; those that fail cost money, too, and count.
    tell : callable, optional
        Called after each answer that counts, with the number of queries asked and the e-value so far.

    Returns
    -------
    ClassifierProof
        Of all answers that came, also where some failed, and where whoever waits pressed Ctrl-C. Its p-value is 1 / e,
        its score log10 e.

    Raises
    ------
    ModelAnswerError
        If the suspect answers nothing that can be read, or in another number or order of classes.
    WatermarkError
        If a reference carries the mark, the level is none, or there is no input.
    KeyboardInterrupt
        If it comes before the first answer.
    """
    if not 0 < level < 1 or (at_most is not None and at_most < 1) or not len(inputs):
        raise WatermarkError(
            f"a level of {level:g} and at most {at_most} of {len(inputs)} queries say nothing: give a level between 0 "
            "and 1, as 1e-6, and 1 query or more"
        )
    sides = np.stack(of_owner([own, *references], inputs, own_interface or Interface(), mark, None))
    numbers = mark.coarse.numbers(features(inputs) if features is not None else inputs)
    everything = Compared(np.arange(len(inputs)), sides[0], sides, len(references), numbers, "probabilities")
    check_course(everything, mark, key)  # before the suspect is asked who costs money
    queue = _Queue(suspect, inputs, interface or Interface(), at_most, mark.n_classes)
    values, stopped = _course(queue, everything, mark, key, level, tell)
    compared = replace(everything, rows=np.array(queue.rows, np.int64), suspect=queue.values, form=queue.form)
    check_order(compared.suspect, compared.own)
    is_bare = compared.form == "labels"
    detection = verdict_of([] if is_bare else values)
    alone = detection if is_bare or not references else verdict_of(course_of(compared, mark, key, alone=True))
    notes = [_UNMETERED] if is_bare and mark.reach else limits(compared, mark)
    return ClassifierProof(
        detection, alone, mark_config(mark), key.commitment, queue.n_asked, queue.failures, notes, compared,
        metering=Metering(level, tuple(values), stopped),
    )  # fmt: skip


def course_of(compared: Compared, mark: SoftLabelMark, key: Key, *, alone: bool = False) -> list[float]:
    """Return the e-values after each answer that is there, as they were while it was asked.

    Parameters
    ----------
    alone : bool
        Whether references do not count.
    """
    course = follow(
        compared.suspect, mark.coarse.whitened(compared.numbers), own=compared.own, mark=mark, key=key,
        references=None if alone else compared.references,
    )  # fmt: skip
    return [e_value for _, e_value in course]


def verdict_of(values: Sequence[float]) -> Detection:
    """Return the verdict of a course of e-values, whenever it was stopped."""
    last = max(values[-1] if values else 0.0, 1e-300)
    return Detection(math.log10(last), min(1.0, 1 / last), "e-value")


def _course(
    queue: _Queue, everything: Compared, mark: SoftLabelMark, key: Key, level: float,
    tell: Callable[[int, float], object] | None,
) -> tuple[list[float], str]:  # fmt: skip
    """Ask until it is enough; return the e-values after each answer that counts, and why it ended."""
    values: list[float] = []
    course = follow(
        queue.answers(), mark.coarse.whitened(everything.asked), own=everything.own, mark=mark, key=key,
        references=everything.references,
    )  # fmt: skip
    try:
        for n_counted, e_value in course:
            if len(values) == n_counted:
                continue  # it failed
            values.append(e_value)
            if tell is not None:
                tell(queue.n_asked, values[-1])
            if values[-1] >= 1 / level:
                return values, _ENOUGH
    except KeyboardInterrupt:
        if not values:
            raise
        return values, _CUT
    if not values:
        reason = next(iter(queue.failures.values()), "nothing was asked")
        raise ModelAnswerError(f"the suspect answered none of {queue.n_asked} queries: {reason}")
    return values, queue.ended


class _Queue:
    """Queries in their order, asked when they are wanted; it counts them and keeps what came of them."""

    def __init__(self, suspect: Any, inputs: Any, how: Interface, at_most: int | None, n_classes: int) -> None:
        self.rows: list[int] = []
        self.failures: dict[int, str] = {}
        self.n_asked, self.ended = 0, _ALL
        self._read: list[F64] = []
        self._forms: set[Form] = set()
        self._inputs, self._at_most, self._n_classes = inputs, at_most, n_classes
        is_there = is_answers(suspect)
        self._given = given_answers(suspect, len(inputs)) if is_there else None
        self._run = None if is_there else as_classifier(suspect, how)
        self._how = replace(how, prepare=None, which=None)  # the function above has seen to both
        if self._given is not None and how.output == "auto":
            form = read_answers(self._given, n_classes, how).form  # of all: one by itself may leave it open
            self._how = replace(self._how, output="logits" if form == "logits" else "probabilities")

    @property
    def values(self) -> F64:
        """What was read, (n, K)."""
        return np.stack(self._read)

    @property
    def form(self) -> Form:
        """In which form it came, the plainest of them."""
        return next(one for one in ("logits", "probabilities", "top-k", "labels") if one in self._forms)

    def answers(self) -> Iterator[F64 | None]:
        """Yield the answers as they are wanted, None where there is none."""
        in_a_row = 0
        for number in range(len(self._inputs)):
            if self._at_most is not None and self.n_asked >= self._at_most:
                self.ended = _MOST
                return
            self.n_asked += 1
            found = self._answer(number)
            in_a_row = in_a_row + 1 if found is None else 0
            yield found
            if in_a_row >= _PATIENCE:
                self.ended = _GONE
                return
            if self._forms == {"labels"} and len(self.rows) >= _PATIENCE:  # whatever the key is
                self.ended = _BARE
                return

    def _answer(self, number: int) -> F64 | None:
        """Ask one query, or look its answer up, and read it."""
        if self._given is not None:
            answer, reasons = self._given[number], {}
        else:
            asked = ask(self._run, self._inputs[number : number + 1], replace(self._how, batch=1), tolerant=True)
            answer, reasons = asked.answers[0], asked.failures
        if answer is None:
            self.failures[number] = reasons.get(0, "no answer")
            return None
        try:
            read = read_answers([answer], self._n_classes, self._how)
        except ModelAnswerError as error:
            self.failures[number] = str(error)
            return None
        if self._how.output == "auto" and read.form in ("logits", "probabilities"):
            self._how = replace(self._how, output=read.form)
        self.rows.append(number)
        row: F64 = read.values[0]
        self._read.append(row)
        self._forms.add(read.form)
        return row
