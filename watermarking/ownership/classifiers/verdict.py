"""What compared answers say of a key, over all views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.interface import Detection
from watermarking.ownership.classifiers.estimate import View, measure, p_values, views
from watermarking.significance import any_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.suspects import Form

    F64 = npt.NDArray[np.float64]

__all__ = ["Compared", "best_of", "tested"]


@dataclass(frozen=True, eq=False)
class Compared:
    """Answers that were compared: all to the same n inputs, in one order.

    Attributes
    ----------
    rows : (n,) numbers of the queries
    suspect, own : (n, K) float64
    references, smoothed : (R, n, K) float64
        Of clean models, and of clean ones that were trained with smoothed labels.
    numbers : (n, size) float32, what the inputs are coarsely, before whitening
    form : in which the suspect answered
    """

    rows: npt.NDArray[np.int64]
    suspect: F64
    own: F64
    references: F64
    smoothed: F64
    numbers: npt.NDArray[np.float32]
    form: Form

    @property
    def top(self) -> npt.NDArray[np.int64]:
        """The first class of each of the owner's answers."""
        return np.asarray(self.own.argmax(1), np.int64)


def best_of(compared: Compared, mark: SoftLabelMark, key: Key, *, alone: bool = False) -> Detection:
    """Return the verdict of the best view, its p-value times their number.

    With ``alone`` the owner's model is the only reference.
    """
    own = compared.own[np.newaxis]
    groups = [own if alone else np.concatenate([own, compared.references])]
    if len(compared.smoothed) and not alone:
        groups.append(np.concatenate([own, compared.smoothed]))
    found = [
        one for group in groups for one in tested(compared.suspect, group, compared.top, compared.numbers, mark, key)
    ]
    best = min(found, key=lambda one: one.p_value)
    return Detection(best.score, any_of(best.p_value, len(found)), f"{best.statistic}, best of {len(found)} views")


def tested(
    suspect: F64, references: F64, top: npt.NDArray[np.int64], numbers: npt.NDArray[np.float32], mark: SoftLabelMark,
    key: Key,
) -> list[Detection]:  # fmt: skip
    """Return the verdict of each view by itself: its p-value is not yet multiplied by their number."""
    looks = views(mark.delta, mark.n_classes)
    keyed = mark.keyed(key)
    deltas = list(dict.fromkeys(look.delta for look in looks))
    sums = measure(suspect, references, top, mark.coarse.whitened(numbers), keyed, deltas)
    return [
        Detection(cosine, p_value, said(look, size))
        for look, (cosine, p_value, size) in zip(looks, p_values(sums, keyed, looks), strict=True)
    ]


def said(look: View, size: int) -> str:
    """Say what a view measures."""
    return f"cosine in {size} dimensions (delta {look.delta:.2g}, {look.rows})"
