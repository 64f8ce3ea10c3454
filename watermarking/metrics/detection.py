"""How well scores separate marked pictures from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Roc", "roc", "threshold_at_fpr", "tpr_at_fpr"]


@dataclass(frozen=True, slots=True)
class Roc:
    """A receiver operating characteristic: what a rule "score >= threshold" does.

    Attributes
    ----------
    fpr, tpr : (n,) float64, from (0, 0) to (1, 1)
    thresholds : (n,) float64, falling; the first is infinite
    """

    fpr: npt.NDArray[np.float64]
    tpr: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]

    @property
    def area(self) -> float:
        """The area under the curve: the chance that a marked picture scores above another, ties counting half."""
        return float(np.sum(np.diff(self.fpr) * (self.tpr[1:] + self.tpr[:-1]) / 2))


def roc(absent: npt.ArrayLike, present: npt.ArrayLike) -> Roc:
    """Return the curve of scores without the mark (n,) and with it (m,); higher speaks for the mark.

    Raises
    ------
    ValueError
        If either has no scores, or scores are NaN.
    """
    null, marked = _scores(absent), _scores(present)
    thresholds = np.unique(np.concatenate([null, marked]))[::-1]
    fpr = 1 - np.searchsorted(np.sort(null), thresholds, side="left") / null.size
    tpr = 1 - np.searchsorted(np.sort(marked), thresholds, side="left") / marked.size
    return Roc(np.append(0.0, fpr), np.append(0.0, tpr), np.append(np.inf, thresholds))


def threshold_at_fpr(absent: npt.ArrayLike, fpr: float) -> float:
    """Return the lowest threshold at which at most `fpr` of the scores without the mark count as detections.

    The rule is "score >= threshold".

    Raises
    ------
    ValueError
        If fewer than 1 / fpr scores are there: then the threshold cannot be measured, only extrapolated.
    """
    null = np.sort(_scores(absent))[::-1]
    if not 0 < fpr < 1:
        raise ValueError(f"a false-positive rate lies between 0 and 1, not {fpr}")
    # A hair above: 0.01 x 300 is 3, and floating point must not make it 2.
    allowed = int(np.floor(null.size * fpr * (1 + 1e-12)))
    if allowed < 1:
        raise ValueError(
            f"a false-positive rate of {fpr:g} needs {int(np.ceil(1 / fpr))} scores, there are {null.size}"
        )
    return float(np.nextafter(null[allowed], np.inf))


def tpr_at_fpr(absent: npt.ArrayLike, present: npt.ArrayLike, fpr: float) -> float:
    """Return the share of marked pictures that are found at a false-positive rate.

    Parameters
    ----------
    absent, present : (n,), (m,)
        Scores without and with the mark; higher speaks for the mark. Where p-values are there, use minus p-values, or
        count ``p <= fpr`` straight away: that needs no scores without the mark.
    fpr : float

    Raises
    ------
    ValueError
        As :func:`threshold_at_fpr`.
    """
    return float(np.mean(_scores(present) >= threshold_at_fpr(absent, fpr)))


def _scores(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64).ravel()
    if scores.size == 0 or np.isnan(scores).any():
        raise ValueError("at least one score is needed, and none may be NaN")
    return scores
