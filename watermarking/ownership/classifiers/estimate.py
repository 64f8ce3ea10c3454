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

__all__ = ["Sums", "View", "deltas_of", "from_logarithms", "logarithms", "measure", "p_values", "views"]

Rows: TypeAlias = Literal["all", "classes"]

_FINE: Final = (1e-5, 1e-7)
"""Probabilities below the tail's mean: fine-tuning leaves a mark there."""
_PRIOR: Final = 2.0
"""Queries' worth of belief that a suspect is as sure of itself as the sides are."""
_RIDGE: Final = 0.1
_LEAST_RIDGE: Final = 0.7
_LEAST_SPREAD: Final = 0.1
_NOTHING: Final = 1e-13
"""Of what is compared, by its square: less is left by rounding alone."""


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


def deltas_of(looks: Sequence[View]) -> list[float]:
    """Return the deltas of some views, each once."""
    return list(dict.fromkeys(look.delta for look in looks))


@dataclass(frozen=True)
class Sums:
    """Sums over queries, which add up with ``+``.

    Attributes
    ----------
    n : int, queries
    gram : (F, F) float64, of the features' products
    cross : (V, 1 + S, F, K) float64, of features and :func:`logarithms` at each delta: the suspect's, then each side's
    inner : (V, 1 + S, 1 + S) float64, of these logarithms' products
    """

    n: int
    gram: F64
    cross: F64
    inner: F64

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.n + other.n, self.gram + other.gram, self.cross + other.cross, self.inner + other.inner)

    def of(self, members: Sequence[int]) -> Sums:
        """Return the sums of some: the first is the suspect among them, the others are its sides."""
        those = list(members)
        return Sums(self.n, self.gram, self.cross[:, those], self.inner[:, those][:, :, those])


def logarithms(answers: F64, top: npt.NDArray[np.int64], delta: float) -> F64:
    """Return ``log(P + delta)`` of answers (..., N, K), of mean 0 over all classes but the top one, and 0 there.

    P is less the least of a row's other classes: nobody's floor is a mark. Of two classes there is but one other, from
    which nothing is taken: what it has on average for either top class, the features for classes take.
    """
    rows, k = np.arange(len(top)), answers.shape[-1]
    others = answers
    if k > 2:
        masked = answers.copy()
        masked[..., rows, top] = np.inf
        others = answers - masked.min(-1, keepdims=True)
    found = np.log(np.maximum(others, 0) + delta)
    found[..., rows, top] = 0
    if k > 2:
        found -= found.sum(-1, keepdims=True) / (k - 1)
        found[..., rows, top] = 0
    return np.asarray(found, np.float64)


def measure(
    everyone: F64, top: npt.NDArray[np.int64], coordinates: F64, keyed: Keyed, looks: Sequence[View]
) -> Sums:
    """Return the sums of some queries: answers (1 + S, N, K), top classes (N,), coordinates (N, A)."""
    return from_logarithms(keyed.phi(top, coordinates), [logarithms(everyone, top, one) for one in deltas_of(looks)])


def from_logarithms(phi: F64, shown: Sequence[F64]) -> Sums:
    """Return the sums of features (N, F) and logarithms (1 + S, N, K) at each delta."""
    flat = [one.reshape(len(one), -1) for one in shown]
    return Sums(len(phi), phi.T @ phi, np.stack([phi.T @ one for one in shown]), np.stack([f @ f.T for f in flat]))


def directions(sums: Sums) -> F64:
    """Return what the sums show, projected like a key, float64 (V, 1 + S, F, K), or (V, 1, F, K) with one side or none.

    A ridge regression of logarithms on features, less the mean of the sides. A suspect is surer of itself than some of
    them, or less sure, and then all its logarithms differ: so each side's logarithms are brought to one size, and their
    mean to that which fits the suspect best, by least squares over all queries. Each side counts alike, whatever the
    suspect is: shares that fit him best would let a side with a forged lean explain all but the lean. What a side shows
    beyond the mean of the others comes after the suspect's: it says how far models differ anyway.
    """
    ridge = max(_RIDGE * float(np.trace(sums.gram)) / len(sums.gram), _LEAST_RIDGE)
    size, k = sums.cross.shape[-2:]
    flat = np.moveaxis(sums.cross, -2, 0).reshape(size, -1)
    solved = np.linalg.solve(sums.gram + ridge * np.eye(size), flat)
    plain = np.moveaxis(solved.reshape(size, *sums.cross.shape[:2], k), 0, -2)
    found = np.stack([_beyond(one, inner, sums.n) for one, inner in zip(plain, sums.inner, strict=True)])
    for index in np.ndindex(found.shape[:2]):
        found[index] = np.concatenate(project(found[index][:k], found[index][k:]))
    return found


def _beyond(shown: F64, inner: F64, n: int) -> F64:
    """Return what each of (1 + S, F, K) has beyond the mean of the other sides; of one side or none, only the first."""
    numbers, k = np.arange(len(shown)), shown.shape[-1]
    sizes = np.sqrt(inner.diagonal() + _NOTHING * n * k)
    found = []
    for target in numbers if len(shown) > 2 else numbers[:1]:
        others = numbers[(numbers > 0) & (numbers != target)]
        shares = np.zeros(len(shown))
        shares[others] = sizes[others].sum() / len(others) ** 2 / sizes[others] if len(others) else 0
        size = shares @ inner @ shares
        fits = (shares @ inner[target] + _PRIOR / n * size) / (size * (1 + _PRIOR / n)) if size > 0 else 0
        left = inner[target, target] - 2 * fits * (shares @ inner[target]) + fits**2 * size
        is_nothing = left < _NOTHING * inner[target, target]
        found.append(np.zeros_like(shown[0]) if is_nothing else shown[target] - np.tensordot(fits * shares, shown, 1))
    return np.stack(found)


def p_values(sums: Sums, keyed: Keyed, looks: Sequence[View]) -> list[tuple[float, float, int]]:
    """Return the cosine, its p-value and its dimensions for each view; the sums are of the views' deltas, in order.

    Exact over keys: whatever the answers show, a key that nobody knew is a uniform direction to it.
    """
    found, k = directions(sums), len(keyed.classes)
    deltas = deltas_of(looks)
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
