"""The perturbations of the reconstructions of USP and CSP, and the inputs that carry them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.answers import check_probabilities
from watermarking.ownership.learnable.streams import normals, uniforms

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key

    F64 = npt.NDArray[np.float64]

__all__ = ["CspMark", "Perturbation", "UspMark", "carriers"]

_LABEL: Final = "reconstruction"
_WEAK: Final = 4.0
"""Ordinary answers are perturbed this much less than carriers'."""
_LEAST: Final = 1e-9


class Perturbation(Protocol):
    """A frozen dataclass of JSON-able fields that says what carriers are answered with."""

    id: ClassVar[str]
    n_classes: int
    blend: float

    def targets(self, answers: F64, labels: npt.NDArray[np.int64], *, key: Key, share: float = 1.0) -> F64:
        """Return what carriers are answered with, (N, K) float64, of unmarked answers (N, K) and true classes (N,)."""
        ...

    def answer(self, probabilities: npt.NDArray[Any], *, key: Key) -> npt.NDArray[Any]:
        """Return ordinary answers (N, K), weakly perturbed, with the first classes that they had."""
        ...


@dataclass(frozen=True, kw_only=True)
class UspMark:
    """A reconstruction of USP, unified soft-label perturbation: one keyed vector for all carriers.

    ``q = renorm((1 - eps) onehot(y) + eps (1/K + u)_+)`` with a keyed zero-sum vector u of unit L1 norm. It is not the
    authors' method: their text and code are not at hand, and eps and the carriers are of our choice.

    Parameters
    ----------
    n_classes : int
        3 or more.
    epsilon : float
        Mass of the perturbation, 0 to .4, so that y stays first by more than .1.
    blend : float
        How much of a carrier is the key's pattern, .05 to .9.

    Raises
    ------
    WatermarkError
        If one of them is out of its bounds.
    """

    id: ClassVar[str] = "usp-reconstruction"
    n_classes: int
    epsilon: float = 0.2
    blend: float = 0.3

    def __post_init__(self) -> None:
        _check(self.n_classes, self.epsilon, self.blend)

    def targets(self, answers: F64, labels: npt.NDArray[np.int64], *, key: Key, share: float = 1.0) -> F64:
        """Return what carriers are answered with: (N, K) float64."""
        del answers  # all carriers get the same
        drawn = normals(key, f"{_LABEL}/usp", self.n_classes)
        drawn -= drawn.mean()
        spread = np.maximum(1 / self.n_classes + drawn / np.abs(drawn).sum(), 0)
        eps = self.epsilon * share
        found = np.tile(eps * spread / spread.sum(), (len(labels), 1))
        found[np.arange(len(labels)), labels] += 1 - eps
        return np.asarray(found, np.float64)

    def answer(self, probabilities: npt.NDArray[Any], *, key: Key) -> npt.NDArray[Any]:
        """Return ordinary answers, mixed with a quarter of the perturbation, with the first classes that they had."""
        given = check_probabilities(probabilities, self.n_classes)
        exact = given.astype(np.float64)
        top = exact.argmax(1)
        eps = self.epsilon / _WEAK
        wanted = self.targets(exact, top, key=key, share=1 / _WEAK)
        wanted[np.arange(len(top)), top] -= 1 - eps
        return _kept((1 - eps) * exact + wanted, given)


@dataclass(frozen=True, kw_only=True)
class CspMark:
    """A reconstruction of CSP, customised soft-label perturbation: a keyed sign for each class, for each first class.

    ``q_j = tau p_j e^(alpha s_j) / sum p_i e^(alpha s_i)`` for all j but y, with balanced signs s of the owner and y,
    and ``q_y = 1 - tau``. It is not the authors' method: their text and code are not at hand.

    Parameters
    ----------
    n_classes : int
        3 or more.
    tau : float
        Mass of all classes but y on carriers, 0 to .4.
    alpha : float
        Strength of the signs, .1 to 4.
    blend : float
        How much of a carrier is the key's pattern, .05 to .9.

    Raises
    ------
    WatermarkError
        If one of them is out of its bounds.
    """

    id: ClassVar[str] = "csp-reconstruction"
    n_classes: int
    tau: float = 0.2
    alpha: float = 3.0
    blend: float = 0.3

    def __post_init__(self) -> None:
        _check(self.n_classes, self.tau, self.blend)
        if not 0.1 <= self.alpha <= 4:
            raise WatermarkError(f"alpha is {self.alpha}: give .1 to 4")

    def codes(self, key: Key) -> F64:
        """Return the signs of an owner, float64 (K, K): a row for each first class, 0 at that class itself."""
        return _codes(key, self.n_classes)

    def targets(self, answers: F64, labels: npt.NDArray[np.int64], *, key: Key, share: float = 1.0) -> F64:
        """Return what carriers are answered with: (N, K) float64."""
        rows = np.arange(len(labels))
        found = np.maximum(answers, _LEAST) * np.exp(self.alpha * share * self.codes(key)[labels])
        found[rows, labels] = 0
        found *= self.tau / found.sum(1, keepdims=True)
        found[rows, labels] = 1 - self.tau
        return np.asarray(found, np.float64)

    def answer(self, probabilities: npt.NDArray[Any], *, key: Key) -> npt.NDArray[Any]:
        """Return ordinary answers with a tail of a quarter of tau, with the first classes that they had."""
        given = check_probabilities(probabilities, self.n_classes)
        exact = given.astype(np.float64)
        top = exact.argmax(1)
        tau, rows = self.tau / _WEAK, np.arange(len(exact))
        tail = np.exp(self.alpha * self.codes(key)[top])
        tail[rows, top] = 0
        return _kept((1 - tau) * exact + tau * tail / tail.sum(1, keepdims=True), given)

    def agreement(self, answers: F64, labels: npt.NDArray[np.int64], *, key: Key, tries: int = 999) -> float:
        """Return the p-value of the signs in a suspect's answers to carriers: the owner's among as many drawn ones.

        The mean product of signs and centred log-probabilities is compared with that of codes of other owners.
        """
        logs = np.log(np.maximum(answers, _LEAST))
        rows = np.arange(len(labels))
        logs[rows, labels] = 0
        logs -= logs.sum(1, keepdims=True) / (self.n_classes - 1)
        logs[rows, labels] = 0
        table = np.zeros((self.n_classes, self.n_classes))
        np.add.at(table, labels, logs)
        own = float((table * self.codes(key)).sum())
        others = [float((table * _codes(key.derive(f"other/{i}"), self.n_classes)).sum()) for i in range(tries)]
        return (1 + sum(other >= own for other in others)) / (1 + tries)


def carriers(inputs: npt.NDArray[Any], key: Key, blend: float) -> npt.NDArray[Any]:
    """Return inputs that are blended with a key's pattern, of the same shape and dtype.

    Parameters
    ----------
    inputs : (N, ...) uint8, uint16 or float
        The pattern has noise of as many samples, within the inputs' smallest and largest.
    """
    if len(inputs) == 0 or inputs.dtype.kind not in "uif":
        raise WatermarkError(f"the inputs are {inputs.shape} {inputs.dtype}: carriers are made of numbers")
    low, high = float(inputs.min()), float(inputs.max())
    pattern = uniforms(key, f"{_LABEL}/pattern", int(np.prod(inputs.shape[1:]))).reshape(inputs.shape[1:])
    found = (1 - blend) * inputs.astype(np.float32) + np.float32(blend) * (low + (high - low) * pattern)
    return np.asarray(np.rint(found) if inputs.dtype.kind in "ui" else found).astype(inputs.dtype)


@functools.lru_cache(maxsize=4096)
def _codes(key: Key, n_classes: int) -> F64:
    found = np.zeros((n_classes, n_classes))
    for y in range(n_classes):
        order = key.permutation(f"{_LABEL}/csp/{y}", n_classes - 1)
        others = np.delete(np.arange(n_classes), y)
        found[y, others] = np.where(order < (n_classes - 1) / 2, 1.0, -1.0)
    return found


def _kept(found: F64, given: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the answers whose first class is what it was, and the others as they were given."""
    rounded = found.astype(given.dtype)
    moved = rounded.argmax(1) != given.argmax(1)
    rounded[moved] = given[moved]
    return np.asarray(rounded)


def _check(n_classes: int, mass: float, blend: float) -> None:
    if not isinstance(n_classes, (int, np.integer)) or n_classes < 3:
        raise WatermarkError(f"{n_classes!r} classes: the reconstructions need 3 or more")
    if not 0 < mass <= 0.4:
        raise WatermarkError(f"a mass of {mass} is perturbed: give more than 0 and at most .4, so that y stays first")
    if not 0.05 <= blend <= 0.9:
        raise WatermarkError(f"a blend of {blend}: give .05 to .9")
