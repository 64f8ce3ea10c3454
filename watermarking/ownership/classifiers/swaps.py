"""Answers whose first two classes change places as a key says: what thieves who take labels alone learn."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.ownership.classifiers.keyed import Keyed
from watermarking.ownership.learnable.streams import normals, uniforms

if TYPE_CHECKING:
    import numpy.typing as npt

    F64 = npt.NDArray[np.float64]
    I64 = npt.NDArray[np.int64]

__all__ = ["first_two", "lean", "lean_of", "most_ambiguous", "reach_for", "swapped"]

_LABEL: Final = "hard-label"
_FREQUENCY: Final = 2.5
_LEAST_FUNCTIONS: Final = 32
_LEAST_DIMENSIONS: Final = 64
_CLIP: Final = 2.0
_LEAST: Final = 1e-12
_KEYS: Final = 32
"""Keys over which a price is averaged: a reach is public, and may not depend on the key in use."""


@functools.lru_cache(maxsize=64)
def lean(key: Key, n_classes: int, n_axes: int) -> Keyed:
    """Draw a key's functions of an input, and how much each favours each class; nothing by class alone.

    32 functions, 64 of two classes: fewer are learnt better and leave a test too few dimensions, more the reverse.
    """
    m = max(_LEAST_FUNCTIONS, -(-_LEAST_DIMENSIONS // (n_classes - 1)))
    waves = normals(key, f"{_LABEL}/waves", m * n_axes).reshape(m, n_axes) * (_FREQUENCY / np.sqrt(n_axes))
    phases = uniforms(key, f"{_LABEL}/phases", m) * (2 * np.pi)
    functions = normals(key, f"{_LABEL}/functions", m * n_classes).reshape(m, n_classes)
    return Keyed(
        waves, phases, np.zeros((n_classes, n_classes)), functions - functions.mean(1, keepdims=True)
    )  # fmt: skip


def first_two(answers: npt.NDArray[Any]) -> tuple[I64, I64, F64]:
    """Return the first class, the second, and the log-odds between them, all (N,), of probabilities (N, K)."""
    order = np.argsort(-answers, axis=1, kind="stable")[:, :2]
    rows = np.arange(len(answers))
    logs = np.log(np.maximum(answers.astype(np.float64), _LEAST))
    first, second = order[:, 0].astype(np.int64), order[:, 1].astype(np.int64)
    return first, second, np.asarray(logs[rows, first] - logs[rows, second], np.float64)


def lean_of(keyed: Keyed, coordinates: F64, first: I64, second: I64) -> F64:
    """Return how much a key favours the second class over the first, float64 (N,), within 2."""
    scale = 1 / np.sqrt(2 * len(keyed.functions))
    shares = (keyed.functions[:, second] - keyed.functions[:, first]).T * scale
    return np.asarray(np.clip((keyed.psi(coordinates) * shares).sum(1), -_CLIP, _CLIP), np.float64)


def swapped(answers: npt.NDArray[Any], coordinates: F64, key: Key, reach: float) -> npt.NDArray[Any]:
    """Return answers (N, K) in which the first two classes have changed places where a key leans so far.

    That is where ``reach`` times the lean exceeds the log-odds between them: the boundary between two classes moves
    by a smooth keyed function of what the input is, coarsely.
    """
    first, second, odds = first_two(answers)
    leans = lean_of(lean(key, answers.shape[1], coordinates.shape[1]), coordinates, first, second)
    rows = np.flatnonzero(reach * leans > odds)
    found = answers.copy()
    found[rows, first[rows]] = answers[rows, second[rows]]
    found[rows, second[rows]] = answers[rows, first[rows]]
    return found


def most_ambiguous(answers: npt.NDArray[Any], n: int) -> I64:
    """Return the places of the n answers whose first two classes are closest, in order.

    These are what a suspect is asked to be judged by its labels. Best are queries that the protected model was asked by
    the client; any inputs like them do, too, and show less. Take queries that were fixed before the client saw a marked
    answer, one batch or the log's first: who asks on where answers agreed with his own model, as self-training does,
    ends with queries on which that model agrees with the key, though it never learnt from one.

    Parameters
    ----------
    answers : (N, K), the owner's unmarked probabilities
        Unmarked: what is asked must not depend on the key.
    n : int

    Raises
    ------
    WatermarkError
        If there are none, or n is none.

    Examples
    --------
    >>> most_ambiguous(np.array([[0.9, 0.1], [0.5, 0.5], [0.3, 0.7]]), 2).tolist()
    [1, 2]
    """
    found = np.asarray(answers)
    if found.ndim != 2 or found.shape[1] < 2 or n < 1:
        raise WatermarkError(f"{n} of answers {found.shape} cannot be chosen: give 1 or more, and answers (N, K)")
    return np.sort(np.argsort(first_two(found)[2], kind="stable")[:n]).astype(np.int64)


def reach_for(answers: npt.NDArray[Any], coordinates: F64, labels: Any, price: float, most: float) -> float:
    """Return the largest reach at which no more than a price of accuracy is lost, on average over keys.

    Parameters
    ----------
    answers : (N, K) float
    coordinates : (N, A) float64
    labels : (N,) integers or None
        True classes: what is lost is then the larger of what they and what the answers' probabilities say.
    price : float
        Share of answers, 0 to 1.
    most : float
        Above which no reach is returned.
    """
    first, second, odds = first_two(answers)
    rows = np.arange(len(answers))
    losses = [np.asarray(answers[rows, first] - answers[rows, second], np.float64)]
    if labels is not None:
        true = np.asarray(labels)
        losses.append((true == first).astype(np.float64) - (true == second))
    where, lost = [], []
    for number in range(_KEYS):
        key = Key(hashlib.sha256(b"hard-label reach %d" % number).digest())
        leans = lean_of(lean(key, answers.shape[1], coordinates.shape[1]), coordinates, first, second)
        towards = leans > 0
        where.append(odds[towards] / leans[towards])
        lost.append(np.stack(losses)[:, towards])
    reaches, each = np.concatenate(where), np.concatenate(lost, 1)
    order = np.argsort(reaches, kind="stable")
    total = np.maximum.accumulate(np.cumsum(each[:, order], 1).max(0)) / (_KEYS * len(answers))
    within = int(np.searchsorted(total, price, side="right"))
    return min(most, float(reaches[order[within]]) if within < len(order) else most)
