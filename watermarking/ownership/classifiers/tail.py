"""The keyed tail: what an answer says of the classes that are not its first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    F64 = npt.NDArray[np.float64]

__all__ = ["with_tail"]

_SCALES: Final = (1.0, 0.75, 0.5, 0.25, 0.1)
"""Strengths that are tried in turn; where none will do, the answer stays as it is."""
_BELOW_TOP: Final = 0.98


def with_tail(probabilities: F64, favour: F64, *, tau: float, b1: float, b2: float) -> F64:
    """Return answers whose other classes follow a key's favour; the first class stays the first.

    With m the others' mass and y the first class, ``q_y = (1 - tau) p_y`` and
    ``q_j = (1 - tau) m p_j e^(b1 g_j) / sum_i p_i e^(b1 g_i) + tau softmax_j(b2 g_j)``, i and j over all but y. Of two
    classes the other has no rival: there its odds are multiplied by ``e^(b1 g)``, and of tau it gets
    ``2 / (1 + e^(-b2 g))`` parts. Both tau and b1 are scaled by the first of 1, .75, .5, .25, .1 that leaves the
    second class at most .98 of the first; where none does, nothing changes.

    Parameters
    ----------
    probabilities : (N, K) float64
    favour : (N, K) float64, 0 at the first class
    tau : float, mass of the tail
    b1, b2 : float, exponents of the favour: in what was there, and in the tail

    Returns
    -------
    (N, K) float64
        Rows have the sums that they had.
    """
    found = probabilities.copy()
    top = probabilities.argmax(1)
    pending = np.arange(len(found))
    tail = _tail(favour, top, b2)
    for scale in _SCALES:
        tried = _at(probabilities[pending], favour[pending], tail[pending], top[pending], tau * scale, b1 * scale)
        rows = np.arange(len(pending))
        first = tried[rows, top[pending]].copy()
        tried[rows, top[pending]] = -1.0
        good = tried.max(1) <= _BELOW_TOP * first
        tried[rows, top[pending]] = first
        found[pending[good]] = tried[good]
        pending = pending[~good]
        if not pending.size:
            break
    return found


def _tail(favour: F64, top: npt.NDArray[np.int64], b2: float) -> F64:
    """Return how the tail's mass is shared, float64 (N, K): 0 at the first class."""
    if favour.shape[1] == 2:
        found = 2 / (1 + np.exp(-b2 * favour))
    else:
        found = np.exp(b2 * favour)
    found[np.arange(len(top)), top] = 0
    return np.asarray(found if favour.shape[1] == 2 else found / found.sum(1, keepdims=True), np.float64)


def _at(p: F64, favour: F64, tail: F64, top: npt.NDArray[np.int64], tau: float, b1: float) -> F64:
    """Return answers at one strength."""
    rows = np.arange(len(top))
    first = p[rows, top].copy()
    others = p * np.exp(b1 * favour)
    others[rows, top] = 0
    total, rest = p.sum(1), p.sum(1) - first
    weight = others.sum(1)
    if p.shape[1] == 2:
        share = total / (first + weight)
        first = first * share
        found = others * share[:, np.newaxis]
    else:
        found = others * (rest / np.where(weight > 0, weight, 1))[:, np.newaxis]
    found = (1 - tau) * found + (tau * total)[:, np.newaxis] * tail
    found[rows, top] = 0
    found[rows, top] = total - found.sum(1)
    return np.asarray(found, np.float64)
