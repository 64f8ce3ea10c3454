"""What a suspect's labels alone say of a key whose mark swaps first classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, cg
from scipy.special import expit

from watermarking.interface import Detection
from watermarking.ownership.classifiers.swaps import first_two, lean
from watermarking.ownership.learnable.chance import cosine, direction_p_value

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.keyed import Keyed
    from watermarking.ownership.classifiers.mark import SoftLabelMark

    F64 = npt.NDArray[np.float64]
    I64 = npt.NDArray[np.int64]

__all__ = ["label_verdict", "odds_verdicts"]

_LEAST: Final = 1e-12
_FURTHEST: Final = 6.0  # log-odds, beyond which a reference is as sure as can be
_STEPS: Final = 25
_PRIOR: Final = 1e-2
_RIDGE: Final = 1.0
_ITERATIONS: Final = 60


def label_verdict(
    suspect: I64, own: F64, references: F64, coordinates: F64, mark: SoftLabelMark, key: Key
) -> Detection:
    """Test whether a suspect's labels lean as a key does where the owner's model is unsure.

    Of each query count the owner's first two classes, a and b, and whether the suspect says a or b; other labels say
    nothing. A logistic regression on the mean log-odds of the owner's model and of references takes off what all models
    do alike; each counts the same, so that none whose odds were forged explains all but the lean. What is left is
    regressed on the key's functions of the input times ``e_b - e_a``, and the direction found is compared with the
    key's. The queries, what is left and the functions are fixed by no part of that direction, so that a key which
    nobody knew is a uniform direction to them, in ``M (K - 1)`` dimensions: exact over keys, whatever the suspect, as
    long as the queries were not chosen by marked answers.

    Parameters
    ----------
    suspect : (N,) int64
    own : (N, K) float64, the owner's unmarked answers
    references : (R, N, K) float64
    coordinates : (N, A) float64
    mark, key : SoftLabelMark, Key
    """
    first, second, _ = first_two(own)
    used = np.flatnonzero((suspect == first) | (suspect == second))
    nothing = Detection(0.0, 1.0, "labels, none of them one of the owner's first two")
    if not used.size:
        return nothing
    first, second = first[used], second[used]
    chosen = (suspect[used] == second).astype(np.float64)
    sides = np.concatenate([own[np.newaxis], references])[:, used]
    mean = _log_odds(sides, first, second).mean(0)
    expected = _expected(chosen, np.stack([np.ones_like(mean), mean], 1))
    keyed = lean(key, mark.n_classes, mark.coarse.n_axes)
    found = _direction(keyed.psi(coordinates[used]), first, second, chosen - expected, expected, mark.n_classes)
    return _told(found, keyed, f"{used.size} labels")


def odds_verdicts(sides: F64, coordinates: F64, mark: SoftLabelMark, key: Key) -> list[tuple[int, Detection]]:
    """Test each side's log-odds for the key's lean, by itself and against the mean of the others; with its number.

    Parameters
    ----------
    sides : (S, N, K) float64, of the owner's model first
    coordinates : (N, A) float64
    mark, key : SoftLabelMark, Key
    """
    first, second, _ = first_two(sides[0])
    keyed, odds = lean(key, mark.n_classes, mark.coarse.n_axes), _log_odds(sides, first, second)
    psi, even = keyed.psi(coordinates), np.full(len(first), 0.5)
    found: list[tuple[int, Detection]] = []
    for number, one in enumerate(odds):
        others = np.delete(odds, number, axis=0)
        lefts = [one, one - others.mean(0)] if len(others) else [one]
        shown = [_direction(psi, first, second, left, even, mark.n_classes) for left in lefts]
        found += [(number, _told(direction, keyed, "odds")) for direction in shown]
    return found


def _told(direction: F64, keyed: Keyed, of: str) -> Detection:
    """Compare a direction (M, K), whose rows sum to 0, with the key's."""
    size = len(keyed.functions) * (direction.shape[1] - 1)
    rho = cosine(direction, keyed.functions)
    return Detection(rho, direction_p_value(rho, size), f"cosine in {size} dimensions ({of})")


def _log_odds(sides: F64, first: I64, second: I64) -> F64:
    """Return what each side says for the second class over the first, float64 (S, N)."""
    rows = np.arange(len(first))
    logs = np.log(np.maximum(sides, _LEAST))
    return np.asarray(np.clip(logs[:, rows, second] - logs[:, rows, first], -_FURTHEST, _FURTHEST), np.float64)


def _expected(chosen: F64, known: F64) -> F64:
    """Return the chance that the suspect says the second class, by what others say: a logistic regression."""
    weights = np.zeros(known.shape[1])
    prior = _PRIOR * np.eye(known.shape[1])
    for _ in range(_STEPS):
        chance = expit(known @ weights)
        slope = known.T @ (chosen - chance) - prior @ weights
        curve = (known * (chance * (1 - chance))[:, np.newaxis]).T @ known + prior
        step = np.linalg.solve(curve, slope)
        weights += step / max(1.0, float(np.abs(step).max()))  # no overshoot where labels are all alike
    return np.asarray(expit(known @ weights), np.float64)


def _direction(psi: F64, first: I64, second: I64, left: F64, expected: F64, n_classes: int) -> F64:
    """Return what is left as a direction like a key's, float64 (M, K): one ridge step of a logistic regression.

    Conjugate gradients on products alone: of thousands of classes a matrix would not fit. Where they stop early, the
    direction is another one, and the p-value as exact.
    """
    n, m = psi.shape
    ones, rows = np.ones(n), np.arange(n)
    signs = csr_array(
        (np.concatenate([ones, -ones]), (np.concatenate([rows, rows]), np.concatenate([second, first]))),
        shape=(n, n_classes),
    )
    weights = expected * (1 - expected)
    ridge = _RIDGE * 2 * float(weights @ (psi**2).sum(1)) / (m * n_classes) + _LEAST

    def across(values: F64) -> F64:
        return np.asarray(signs.T @ (psi * values[:, np.newaxis]), np.float64)

    def curve(flat: F64) -> F64:
        direction = flat.reshape(n_classes, m)
        seen = ((signs @ direction) * psi).sum(1)
        return np.asarray(across(weights * seen) + ridge * direction, np.float64).ravel()

    size = n_classes * m
    solved, _ = cg(LinearOperator((size, size), matvec=curve, dtype=np.float64), across(left).ravel(), rtol=1e-4,
                   maxiter=_ITERATIONS)  # fmt: skip
    return np.asarray(solved, np.float64).reshape(n_classes, m).T
