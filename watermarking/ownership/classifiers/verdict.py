"""What compared answers say of a key, over all views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.interface import Detection
from watermarking.ownership.classifiers.estimate import View, from_logarithms, logarithms, measure, p_values, views
from watermarking.ownership.classifiers.labels import label_verdict
from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.estimate import Sums
    from watermarking.ownership.classifiers.keyed import Keyed
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.suspects import Form

    F64 = npt.NDArray[np.float64]

__all__ = ["Compared", "best_of", "best_of_each", "by_labels", "each_view"]


@dataclass(frozen=True, eq=False)
class Compared:
    """Answers to one set of N queries, of which the suspect answered n.

    Attributes
    ----------
    rows : (n,) numbers of the queries that the suspect answered
    suspect : (n, K) float64
    sides : (1 + R, N, K) float64
        Of the owner's model, and of R clean ones.
    asked : (N, size) float32, what the inputs are coarsely, before whitening
    form : in which the suspect answered
    """

    rows: npt.NDArray[np.int64]
    suspect: F64
    sides: F64
    asked: npt.NDArray[np.float32]
    form: Form

    @property
    def own(self) -> F64:
        """The owner's answers to what the suspect answered, (n, K)."""
        return np.asarray(self.sides[0, self.rows], np.float64)

    @property
    def references(self) -> F64:
        """The clean models' answers to it, (R, n, K)."""
        return np.asarray(self.sides[1:, self.rows], np.float64)

    @property
    def numbers(self) -> npt.NDArray[np.float32]:
        """What the inputs are that the suspect answered, (n, size)."""
        return self.asked[self.rows]

    @property
    def top(self) -> npt.NDArray[np.int64]:
        """The first class of each of the owner's answers, (n,)."""
        return np.asarray(self.own.argmax(1), np.int64)

    @property
    def groups(self) -> list[F64]:
        """What the suspect is compared with: the owner's model, (1, n, K), and clean models with it, if any."""
        everyone = np.asarray(self.sides[:, self.rows], np.float64)
        return [everyone[:1], everyone] if len(everyone) > 1 else [everyone]


def best_of(compared: Compared, mark: SoftLabelMark, key: Key, *, alone: bool = False) -> Detection:
    """Return the verdict of the best view, its p-value times their number; see :func:`best_of_each`."""
    return next(best_of_each(compared, mark, [key], alone=alone))


def best_of_each(
    compared: Compared, mark: SoftLabelMark, keys: Iterable[Key], *, alone: bool = False
) -> Iterator[Detection]:
    """Yield for each key the verdict of the best view, its p-value times the number of views, not of keys.

    Logarithms are taken once: a key more costs a few products. With ``alone`` they are compared with
    the owner's model and nothing else. Labels alone have one view, if the mark swaps first classes; other answers have
    it beside the rest.
    """
    looks = views(mark.delta, mark.n_classes)
    coordinates, top = mark.coarse.whitened(compared.numbers), compared.top
    groups = compared.groups[:1] if alone else compared.groups
    shown = [] if compared.form == "labels" else [
        [logarithms(np.concatenate([compared.suspect[np.newaxis], group]), top, delta) for delta in _deltas(looks)]
        for group in groups
    ]  # fmt: skip
    for key in keys:
        keyed = mark.keyed(key)
        phi = keyed.phi(top, coordinates)
        found = [one for some in shown for one in _verdicts(from_logarithms(phi, some), keyed, looks)]
        if mark.reach:
            found.append(by_labels(compared, mark, key, alone=alone))
        if not found:
            yield Detection(0.0, 1.0, "labels alone")
            continue
        best = min(found, key=lambda one: one.p_value)
        yield Detection(best.score, any_of(best.p_value, len(found)), f"{best.statistic}, best of {len(found)} views")


def by_labels(compared: Compared, mark: SoftLabelMark, key: Key, *, alone: bool = False) -> Detection:
    """Return the verdict on the suspect's labels, of marks that swap first classes."""
    references = compared.references[:0] if alone else compared.references
    labels = np.asarray(compared.suspect.argmax(1), np.int64)
    return label_verdict(labels, compared.own, references, mark.coarse.whitened(compared.numbers), mark, key)


def each_view(
    suspect: F64, group: F64, top: npt.NDArray[np.int64], numbers: npt.NDArray[np.float32], mark: SoftLabelMark,
    key: Key,
) -> list[Detection]:  # fmt: skip
    """Return the verdict of each view by itself: its p-value is not yet multiplied by their number."""
    looks, keyed = views(mark.delta, mark.n_classes), mark.keyed(key)
    return _verdicts(
        measure(suspect, group, top, mark.coarse.whitened(numbers), keyed, _deltas(looks)), keyed, looks
    )  # fmt: skip


def _deltas(looks: Sequence[View]) -> list[float]:
    return list(dict.fromkeys(look.delta for look in looks))


def _verdicts(sums: Sums, keyed: Keyed, looks: Sequence[View]) -> list[Detection]:
    return [
        Detection(cosine, p_value, said(look, size))
        for look, (cosine, p_value, size) in zip(looks, p_values(sums, keyed, looks), strict=True)
    ]


def said(look: View, size: int) -> str:
    """Say what a view measures."""
    return f"cosine in {size} dimensions (delta {look.delta:.2g}, {look.rows})"
