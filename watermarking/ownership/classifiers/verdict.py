"""What compared answers say of a key, over all views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.interface import Detection
from watermarking.ownership.classifiers.estimate import deltas_of, from_logarithms, logarithms, p_values, views
from watermarking.ownership.classifiers.labels import label_verdict
from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.estimate import Sums, View
    from watermarking.ownership.classifiers.keyed import Keyed
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.suspects import Form

    F64 = npt.NDArray[np.float64]

__all__ = ["Compared", "best_of", "best_of_each", "best_view", "by_labels", "verdicts"]


@dataclass(frozen=True, eq=False)
class Compared:
    """Answers to one set of N queries, of which the suspect answered n.

    Attributes
    ----------
    rows : (n,) numbers of the queries that the suspect answered
    suspect : (n, K) float64
    sides : (1 + R + S, N, K) float64
        Of the owner's model, of R clean ones, and of S clean ones that were trained with smoothed labels.
    n_references : int, R
    asked : (N, size) float32, what the inputs are coarsely, before whitening
    form : in which the suspect answered
    """

    rows: npt.NDArray[np.int64]
    suspect: F64
    sides: F64
    n_references: int
    asked: npt.NDArray[np.float32]
    form: Form

    @property
    def own(self) -> F64:
        """The owner's answers to what the suspect answered, (n, K)."""
        return np.asarray(self.sides[0, self.rows], np.float64)

    @property
    def references(self) -> F64:
        """The clean models' answers to it, (R, n, K)."""
        return np.asarray(self.sides[1 : 1 + self.n_references, self.rows], np.float64)

    @property
    def smoothed(self) -> F64:
        """The answers of those trained with smoothed labels to it, (S, n, K)."""
        return np.asarray(self.sides[1 + self.n_references :, self.rows], np.float64)

    @property
    def numbers(self) -> npt.NDArray[np.float32]:
        """What the inputs are that the suspect answered, (n, size)."""
        return self.asked[self.rows]

    @property
    def top(self) -> npt.NDArray[np.int64]:
        """The first class of each of the owner's answers, (n,)."""
        return np.asarray(self.own.argmax(1), np.int64)

    @property
    def groups(self) -> list[list[int]]:
        """The suspect, 0, and what it is compared with: the owner's model, 1, and clean ones, or smoothed ones."""
        clean, smoothed = np.split(np.arange(2, 1 + len(self.sides)), [self.n_references])
        return [[0, 1], *([0, 1, *some] for some in (clean.tolist(), smoothed.tolist()) if some)]


def best_of(compared: Compared, mark: SoftLabelMark, key: Key, *, alone: bool = False) -> Detection:
    """Return the verdict of the best view, its p-value times their number; see :func:`best_of_each`."""
    return next(best_of_each(compared, mark, [key], alone=alone))


def best_of_each(
    compared: Compared, mark: SoftLabelMark, keys: Iterable[Key], *, alone: bool = False
) -> Iterator[Detection]:
    """Yield for each key the verdict of the best view, its p-value times the number of views, not of keys.

    Logarithms are taken once: a key more costs a few products. With ``alone`` they are compared with the owner's model
    and nothing else. Labels alone have one view, if the mark swaps first classes; other answers have it beside the
    rest.
    """
    looks = views(mark.delta, mark.n_classes)
    coordinates, top = mark.coarse.whitened(compared.numbers), compared.top
    groups = compared.groups[:1] if alone else compared.groups
    sides = np.asarray(compared.sides[: 1 if alone else None, compared.rows], np.float64)
    everyone = np.concatenate([compared.suspect[np.newaxis], sides])
    shown = [] if compared.form == "labels" else [logarithms(everyone, top, delta) for delta in deltas_of(looks)]
    for key in keys:
        keyed = mark.keyed(key)
        found: list[Detection] = []
        if shown:
            sums = from_logarithms(keyed.phi(top, coordinates), shown)
            found = [one for group in groups for one in verdicts(sums.of(group), keyed, looks)]
        if mark.reach:
            found.append(by_labels(compared, mark, key, alone=alone))
        if not found:
            yield Detection(0.0, 1.0, "labels alone")
            continue
        yield best_view(found)


def by_labels(compared: Compared, mark: SoftLabelMark, key: Key, *, alone: bool = False) -> Detection:
    """Return the verdict on the suspect's labels, of marks that swap first classes."""
    references = compared.references[:0] if alone else compared.references
    labels = np.asarray(compared.suspect.argmax(1), np.int64)
    return label_verdict(labels, compared.own, references, mark.coarse.whitened(compared.numbers), mark, key)


def verdicts(sums: Sums, keyed: Keyed, looks: Sequence[View]) -> list[Detection]:
    """Return the verdict of each view by itself: its p-value is not yet multiplied by their number."""
    return [
        Detection(cosine, p_value, _said(look, size))
        for look, (cosine, p_value, size) in zip(looks, p_values(sums, keyed, looks), strict=True)
    ]


def best_view(found: Sequence[Detection]) -> Detection:
    """Return the verdict of the best of some views, its p-value times their number."""
    best = min(found, key=lambda one: one.p_value)
    return Detection(best.score, any_of(best.p_value, len(found)), f"{best.statistic}, best of {len(found)} views")


def _said(look: View, size: int) -> str:
    """Say what a view measures."""
    return f"cosine in {size} dimensions (delta {look.delta:.2g}, {look.rows})"
