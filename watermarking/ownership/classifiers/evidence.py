"""Evidence against a classifier, gathered query by query where each costs money, and stopped at any time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.classifiers.asking import Interface
from watermarking.ownership.classifiers.estimate import measure, views
from watermarking.ownership.classifiers.suspects import read_answers
from watermarking.ownership.classifiers.verdict import best_view, verdicts
from watermarking.ownership.learnable.evidence import Evidence, increment
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.estimate import Sums
    from watermarking.ownership.classifiers.mark import SoftLabelMark

    F64 = npt.NDArray[np.float64]

__all__ = ["bet", "follow", "gather", "next_checkpoint"]

_STAKE: Final = 2e-5


def gather(
    answers: Iterable[Any], inputs: Any, *, own: F64, mark: SoftLabelMark, key: Key, references: F64 | None = None,
    interface: Interface | None = None, every: int = 1,
) -> Iterator[Evidence]:  # fmt: skip
    """Yield the evidence after each query, or after every so many.

    Why one may stop at any time, :func:`watermarking.ownership.learnable.gather` says: over keys the p-value after a
    number of queries that was fixed beforehand is valid, so that the mean of an e-value made of it is at most 1; a sum
    over checkpoints 1, 2, 3, 4, 6, 8, 12, ... with weights fixed beforehand has a mean of at most 1, too, and never
    falls. Here each checkpoint's e-value is a :func:`bet` on a p-value below 2e-5, already times the number of views:
    it stays 0 for nearly all suspects that know nothing of the key, instead of wandering about 1. What is not allowed
    is to choose the next input, or to leave out an answer, by what the evidence was: which queries fail may depend on
    anything but the key.

    Parameters
    ----------
    answers : iterable
        Of the suspect's answers to the inputs, one at a time and in their order; None where it gave none. It may ask
        the suspect as it goes.
    inputs : N inputs
    own : (N, K) float
        The owner's unmarked answers.
    mark : SoftLabelMark
    key : Key
    references : (R, N, K) float, optional
        Of clean models.
    interface : Interface, optional
        Of the suspect: say what its answers are, one alone may be either probabilities or logits.
    every : int
        Queries that are read together: nothing is yielded between. The last ones are read even if they are fewer.

    Yields
    ------
    Evidence

    Raises
    ------
    ModelAnswerError
        If an answer cannot be read.
    WatermarkError
        If there are more answers than inputs, or the owner's do not fit.
    """
    if every < 1:
        raise WatermarkError(f"evidence after every {every} queries: give 1 or more")
    coordinates = mark.coarse(inputs)
    gathered = _begun(coordinates, own, references, mark, key)
    how, waiting = interface or Interface(output="probabilities"), []
    for number, answer in enumerate(answers):
        if number >= len(coordinates):
            raise WatermarkError(f"there are more answers than the {len(coordinates)} inputs: give one input for each")
        waiting.append((number, answer))
        if len(waiting) == every:
            yield gathered.add(waiting, how)
            waiting = []
    if waiting:
        yield gathered.add(waiting, how)


def follow(
    rows: Iterable[F64 | None], coordinates: F64, *, own: F64, mark: SoftLabelMark, key: Key,
    references: F64 | None = None,
) -> Iterator[tuple[int, float]]:  # fmt: skip
    """Yield how many answers count, and the e-value, after each query whose answer was read already.

    Parameters
    ----------
    rows : iterable of (K,) float64
        Probabilities, 0 for what was not said; None where there is no answer.
    coordinates : (N, A) float64, of all inputs, as ``mark.coarse`` returns them
    own, references, mark, key
        As for :func:`gather`.

    Raises
    ------
    WatermarkError
        If the owner's answers do not fit.
    """
    gathered = _begun(coordinates, own, references, mark, key)
    for number, row in enumerate(rows):
        if row is not None:
            gathered.add_rows(np.asarray(row, np.float64)[np.newaxis], np.array([number]))
        yield gathered.n_queries, gathered.e_value


def bet(p_value: float) -> float:
    """Turn a p-value into an e-value: ``ln(1 / c) / (p ln^2 p)`` below c = 2e-5, else 0; of mean 1 if p is uniform.

    Examples
    --------
    >>> bet(0.001), round(bet(1e-5)), f"{bet(1e-12):.1e}"
    (0.0, 8163, '1.4e+10')
    """
    if p_value >= _STAKE:
        return 0.0
    return math.log(1 / _STAKE) / (p_value * math.log(p_value) ** 2)


def _begun(coordinates: F64, own: F64, references: F64 | None, mark: SoftLabelMark, key: Key) -> _Gathered:
    """Check the owner's side, of which nothing is gathered yet."""
    sides = [np.asarray(one, np.float64) for one in (own, *(() if references is None else references))]
    wanted = (len(coordinates), mark.n_classes)
    for number, one in enumerate(sides):
        if one.shape != wanted:
            who = f"reference {number - 1}'s" if number else "the owner's"
            raise WatermarkError(f"{who} answers are {one.shape}, {wanted} are expected")
    return _Gathered(np.stack(sides), coordinates, mark, key)


class _Gathered:
    """Sums so far, and the e-value."""

    def __init__(self, sides: F64, coordinates: F64, mark: SoftLabelMark, key: Key) -> None:
        self._sides, self._coordinates, self._mark = sides, coordinates, mark
        self._groups = [[0, 1], list(range(1 + len(sides)))][: len(sides)]
        self._keyed, self._looks = mark.keyed(key), views(mark.delta, mark.n_classes)
        self._sums: Sums | None = None
        self.n_queries, self.e_value, self._fresh = 0, 0.0, True
        self._latest = Detection(0.0, 1.0, "no query yet")

    def add(self, waiting: list[tuple[int, Any]], how: Interface) -> Evidence:
        """Add some queries' answers one by one, so that no checkpoint is passed over."""
        given = [(number, answer) for number, answer in waiting if answer is not None]
        if given:
            read = read_answers([answer for _, answer in given], self._mark.n_classes, how)
            if read.form == "labels" and self.n_queries == 0 and len(given) > 1:
                raise ModelAnswerError(
                    "the suspect answers with labels alone: query by query there is no evidence in them; if the mark "
                    "swaps first classes, collect the labels and give them to verify_classifier"
                )
            numbers = np.array([number for number, _ in given])[read.rows]
            self.add_rows(read.values, numbers)
        return Evidence(self.n_queries, self.e_value, self.latest())

    def latest(self) -> Detection:
        """Return the verdict on all queries so far."""
        if not self._fresh and self._sums is not None:
            self._latest = self._tested(self._sums)
            self._fresh = True
        return self._latest

    def add_rows(self, values: F64, numbers: npt.NDArray[np.int64]) -> None:
        """Add answers (n, K) that were read, to the queries of some numbers."""
        start = 0
        while start < len(numbers):
            stop = min(len(numbers), start + next_checkpoint(self.n_queries) - self.n_queries)
            rows = numbers[start:stop]
            everyone = np.concatenate([values[np.newaxis, start:stop], self._sides[:, rows]])
            top = np.asarray(everyone[1].argmax(1), np.int64)
            new = measure(everyone, top, self._coordinates[rows], self._keyed, self._looks)
            self._sums = new if self._sums is None else self._sums + new
            self.n_queries, self._fresh, start = self.n_queries + stop - start, False, stop
            if increment(self.n_queries, 1.0) > 0:
                self._latest = self._tested(self._sums)
                self._fresh = True
                self.e_value += 2 * increment(self.n_queries, 1.0) * bet(self._latest.p_value)

    def _tested(self, sums: Sums) -> Detection:
        found = [one for group in self._groups for one in verdicts(sums.of(group), self._keyed, self._looks)]
        return best_view(found)


def next_checkpoint(n: int) -> int:
    """Return the first checkpoint after n queries: 1, 2, 3, 4, 6, 8, 12, 16, 24, ..."""
    power = 1 << max(0, (n + 1).bit_length() - 1)
    return next(one for one in (power, power + power // 2, 2 * power) if one > n)
