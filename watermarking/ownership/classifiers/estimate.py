"""The direction that a suspect's answers show against references, and its exact p-value over keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from watermarking.ownership.classifiers.keyed import project
from watermarking.ownership.learnable.chance import cosine, direction_p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.ownership.classifiers.keyed import Keyed

    F64 = npt.NDArray[np.float64]

__all__ = ["Group", "Sums", "View", "differences", "from_differences", "measure", "p_values", "views"]

Rows: TypeAlias = Literal["all", "classes"]

_FINE: Final = (1e-5, 1e-7)
"""Probabilities below the tail's mean: fine-tuning leaves a mark there."""
_CLIP: Final = 3.0
"""Natural logarithm: what is further off is a disagreement, not a mark."""
_LEAST: Final = 1e-9
_RIDGE: Final = 0.1
_LEAST_RIDGE: Final = 0.7
_LEAST_SPREAD: Final = 0.1


@dataclass(frozen=True)
class View:
    """One way of looking at answers.

    Attributes
    ----------
    delta : float, probability that is added before logarithms: what is smaller is not looked at
    rows : "all" or "classes", which part of the direction is compared with the key's
    """

    delta: float
    rows: Rows


def views(delta: float, n_classes: int) -> list[View]:
    """Return the ways of looking at a group, by whose number a p-value is multiplied: 6, or 3 of two classes."""
    kinds: tuple[Rows, ...] = ("all", "classes") if n_classes > 2 else ("all",)
    return [View(one, rows) for one in (delta, *_FINE) for rows in kinds]


@dataclass(frozen=True)
class Sums:
    """Sums over queries, which add up with ``+``.

    Attributes
    ----------
    n : int, queries
    gram : (F, F) float64, of the features' products
    cross : (V, 1 + R, F, K) float64, of features and differences at each delta: the suspect's, then each reference's
        from the others, if there are two or more
    """

    n: int
    gram: F64
    cross: F64

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.n + other.n, self.gram + other.gram, self.cross + other.cross)


@dataclass(frozen=True, eq=False)
class Group:
    """What a suspect is compared with.

    Attributes
    ----------
    answers : (R, N, K) float64, of references
    weighted : bool
        Whether classes that the references find likely count less: there a tail is too small to be seen. It helps with
        suspects that learnt true labels, too, and costs a little with those that learnt nothing but marked answers.
    """

    answers: F64
    weighted: bool

    def rows(self, kept: npt.NDArray[np.int64]) -> Group:
        """Return the answers to some queries."""
        return Group(self.answers[:, kept], self.weighted)


def differences(suspect: F64, group: Group, top: npt.NDArray[np.int64], delta: float, tail: float) -> F64:
    """Return how a suspect's answers differ from references', float64 (1 + R, N, K), R = 0 for fewer than two.

    ``log(P + delta)`` less the references' mean, P being less the least of a row's other classes: nobody's floor is a
    mark. Clipped at 3, centred over all classes but the top one, and 0 there; where it is weighted by
    ``tail / (tail + p)``, with p the references' geometric mean. The rows after the first are references', each from
    the others.
    """
    own = [logarithms(one, top, delta) for one in group.answers]
    total = np.sum(own, axis=0) if own else np.zeros(suspect.shape)
    found = [logarithms(suspect, top, delta) - total / max(1, len(own))]
    if len(own) > 1:
        found += [one - (total - one) / (len(own) - 1) for one in own]
    weights = np.ones(suspect.shape)
    if group.weighted and own:
        weights = tail / (tail + np.exp(np.log(np.maximum(group.answers, 0) + _LEAST).mean(0)))
    return np.stack([centred(np.clip(one, -_CLIP, _CLIP), top, weights) for one in found])


def logarithms(answers: F64, top: npt.NDArray[np.int64], delta: float) -> F64:
    """Return ``log(P + delta)``, P being less its row's least, (N, K) float64."""
    others = answers
    if answers.shape[1] > 2:
        masked = answers.copy()
        masked[np.arange(len(top)), top] = np.inf
        others = answers - masked.min(1, keepdims=True)
    return np.asarray(np.log(np.maximum(others, 0) + delta), np.float64)


def centred(values: F64, top: npt.NDArray[np.int64], weights: F64) -> F64:
    """Return values (N, K) of weighted mean 0 over all classes but the top one, times their weights; 0 at the top one.

    Of two classes there is but one other: what it has on average for either top class, the features for classes take.
    """
    rows = np.arange(len(top))
    found, share = values.copy(), weights.copy()
    share[rows, top] = 0
    if values.shape[1] > 2:
        found -= (found * share).sum(1, keepdims=True) / share.sum(1, keepdims=True)
    return np.asarray(found * share, np.float64)


def measure(
    suspect: F64, group: Group, top: npt.NDArray[np.int64], coordinates: F64, keyed: Keyed, deltas: Sequence[float]
) -> Sums:
    """Return the sums of some queries: answers (N, K), top classes (N,), coordinates (N, A).

    The first delta is the tail's mean.
    """
    shown = [differences(suspect, group, top, delta, deltas[0]) for delta in deltas]
    return from_differences(keyed.phi(top, coordinates), shown)


def from_differences(phi: F64, shown: Sequence[F64]) -> Sums:
    """Return the sums of features (N, F) and differences (1 + R, N, K) at each delta."""
    return Sums(len(phi), phi.T @ phi, np.stack([phi.T @ one for one in shown]))


def directions(sums: Sums) -> F64:
    """Return what the sums show, projected like a key, float64 (V, 1 + R, F, K): a ridge regression."""
    ridge = max(_RIDGE * float(np.trace(sums.gram)) / len(sums.gram), _LEAST_RIDGE)
    size, k = sums.cross.shape[-2:]
    flat = np.moveaxis(sums.cross, -2, 0).reshape(size, -1)
    solved = np.linalg.solve(sums.gram + ridge * np.eye(size), flat)
    shape = (size, *sums.cross.shape[:2], k)
    found = np.moveaxis(solved.reshape(shape), 0, -2)
    for index in np.ndindex(found.shape[:2]):
        found[index] = np.concatenate(project(found[index][:k], found[index][k:]))
    return found


def p_values(sums: Sums, keyed: Keyed, looks: Sequence[View]) -> list[tuple[float, float, int]]:
    """Return the cosine, its p-value and its dimensions for each view; the sums are of the views' deltas, in order.

    Exact over keys: whatever the answers show, a key that nobody knew is a uniform direction to it.
    """
    found, k = directions(sums), len(keyed.classes)
    deltas = list(dict.fromkeys(look.delta for look in looks))
    result = []
    for look in looks:
        shown = found[deltas.index(look.delta)]
        estimate = shown[0]
        if look.delta <= max(_FINE) and len(shown) > 1:
            spread = np.sqrt((shown[1:] ** 2).mean((0, 2)))
            estimate = estimate / np.maximum(spread, _LEAST_SPREAD * np.median(spread) + 1e-12)[:, np.newaxis]
        rows = slice(None) if look.rows == "all" else slice(0, k)
        rho = cosine(estimate[rows], keyed.direction[rows])
        m = len(keyed.functions)
        size = k * (k - 2) + (m * (k - 1) if look.rows == "all" else 0)
        result.append((rho, direction_p_value(rho, size), size))
    return result
