"""The direction in a family of functions that a suspect's answers show, and its exact p-value."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betainc

from watermarking.interface import Detection
from watermarking.ownership.learnable.features import evaluate, features, planes
from watermarking.ownership.learnable.tones import levels, tone_patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.interface import Image
    from watermarking.ownership.learnable.family import Family

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["Sums", "cosine", "direction_p_value", "measure", "verdict"]

_CHUNK: Final = 2**16
"""Places whose functions are held together: 10 MB."""
_RIDGE: Final = 0.1
_TRUST_IN_BLURS: Final = 0.4
"""Surrogates' own errors are functions of blurred colours first of all."""
_LIMIT: Final = 12.0
"""Grey levels: a mark changes a carrier by less, what differs by more is an error at an edge or another picture."""
_BLACK: Final = 2.0
_WHITE: Final = 253.0
_LEAST_PLACES: Final = 64
_ROBUST: Final = 2.5
_TO_SIGMA: Final = 1.4826
_SMALLEST: Final = sys.float_info.min


@dataclass(frozen=True)
class Sums:
    """Sums over places of pictures, which add up with ``+``.

    Attributes
    ----------
    n : int, places
    functions : (J,) float64, sums of the functions
    gram : (J, J) float64, of their products
    answers : (T, C) float64, sums of what is projected on them: the suspect's change, the tones, the references'
    cross : (T, J, C) float64, of the products of both
    """

    n: int
    functions: F64
    gram: F64
    answers: F64
    cross: F64

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.n + other.n,
            self.functions + other.functions,
            self.gram + other.gram,
            self.answers + other.answers,
            self.cross + other.cross,
        )


def measure(suspect: Image, own: Image, references: Sequence[Image], family: Family) -> Sums:
    """Return the sums of one pair of answers of one shape; the functions are those of the owner's own answer."""
    halves, answer = planes(own), planes(suspect)
    carriers = slice(1, 3) if halves.shape[0] == 3 else slice(0, 1)
    tones = tone_patterns(halves)
    changes = [other[carriers] - halves[carriers] for other in (answer, *map(planes, references))]
    kept = _unclipped(halves, answer)
    if kept.sum() < _LEAST_PLACES:
        return _nothing(len(family.functions), 1 + len(tones) + len(references), len(changes[0]))
    patterns = tones.reshape(*tones.shape[:2], -1)[..., kept]
    limited = [_limited(change.reshape(change.shape[0], -1)[:, kept], patterns) for change in changes]
    stack = np.concatenate([limited[0][np.newaxis], patterns, *(change[np.newaxis] for change in limited[1:])])
    return _summed(features(halves, family.functions).reshape(-1, kept.size)[:, kept], stack, family)


def _nothing(functions: int, answers: int, carriers: int) -> Sums:
    """Return the sums of a picture that is black, white or too small."""
    empty = np.zeros((functions, functions))
    return Sums(0, np.zeros(functions), empty, np.zeros((answers, carriers)), np.zeros((answers, functions, carriers)))


def _summed(limited: F32, stack: F32, family: Family) -> Sums:
    """Return the sums over the places of limited features (R, n) and answers (T, C, n)."""
    flat, n, size = stack.reshape(-1, stack.shape[2]), stack.shape[2], len(family.functions)
    total, gram, cross = np.zeros(size), np.zeros((size, size)), np.zeros((size, flat.shape[0]))
    for start in range(0, n, _CHUNK):
        some = evaluate(limited, family.functions, start=start, stop=min(n, start + _CHUNK))
        total += some.sum(1, dtype=np.float64)
        gram += some @ some.T
        cross += some @ flat[:, start : start + _CHUNK].T
    answers = flat.sum(1, dtype=np.float64).reshape(stack.shape[:2])
    return Sums(n, total, gram, answers, np.moveaxis(cross.reshape(size, *stack.shape[:2]), 0, 1))


def cosine(sums: Sums, family: Family) -> tuple[float, int]:
    """Return the cosine between the direction that the answers show and the key's, and the dimensions it lies in.

    ``e = (G + 0.1 mean(diag G) I)^-1 c`` of the centred sums. What tones and references give in its place is projected
    out of ``e`` and of the key's direction; ``e`` is then brought to one scale in each carrier, clipped at 2.5 robust
    standard deviations, its entries for blurs are weighed 0.4, and it is projected again. Until then nothing looks at
    the key's direction. Answers that show no direction, such as copies of the owner's own, have no dimensions.
    """
    if not sums.n:
        return 0.0, 0
    shown, others = _directions(sums, family)
    basis = _orthonormal(others)
    entries = _without(shown, basis).reshape(family.direction.shape)
    middle = np.median(np.abs(entries), axis=0)
    entries = entries / np.where(middle > 0, _TO_SIGMA * middle, 1)
    estimate = _without((np.clip(entries, -_ROBUST, _ROBUST) * _trust(family)[:, np.newaxis]).ravel(), basis)
    key = _without(family.direction.ravel(), basis)
    lengths = float(np.linalg.norm(estimate)) * float(np.linalg.norm(key))
    return (float(estimate @ key) / lengths, key.size - basis.shape[0]) if lengths > 0 else (0.0, 0)


def direction_p_value(rho: float, dimensions: int) -> float:
    """Return the probability that a uniform direction has at least this cosine with any fixed one.

    ``1/2 I_{1 - rho^2}((d - 1) / 2, 1/2)`` for positive cosines, with I the regularised incomplete beta function.

    Examples
    --------
    >>> direction_p_value(0.0, 40), f"{direction_p_value(0.8, 40):.1e}"
    (0.5, '1.7e-10')
    """
    if dimensions < 2:
        return 1.0
    tail = 0.5 * float(betainc((dimensions - 1) / 2, 0.5, max(0.0, 1 - rho * rho)))
    return max(_SMALLEST, tail if rho >= 0 else 1 - tail)


def verdict(sums: Sums, family: Family) -> Detection:
    """Return what the sums say of the key."""
    rho, dimensions = cosine(sums, family)
    return Detection(rho, direction_p_value(rho, dimensions), f"cosine in {dimensions} dimensions")


def _directions(sums: Sums, family: Family) -> tuple[F64, list[F64]]:
    """Return the direction that the suspect's answers show, and those of tones and references."""
    mean = sums.functions / sums.n
    gram = sums.gram / sums.n - np.outer(mean, mean)
    cross = sums.cross / sums.n - mean[:, np.newaxis] * (sums.answers / sums.n)[:, np.newaxis, :]
    gram, cross = family.basis @ gram @ family.basis.T, family.basis @ cross
    ridge = _RIDGE * max(float(np.trace(gram)) / mean.size, 1e-9)
    solved = np.linalg.solve(gram + ridge * np.eye(mean.size), np.concatenate(list(cross), axis=1))
    parts = np.moveaxis(solved.reshape(mean.size, cross.shape[0], -1), 1, 0)
    return parts[0].ravel(), [part.ravel() for part in parts[1:]]


def _trust(family: Family) -> F64:
    """Return how much each function's entries count."""
    weights = np.ones(len(family.functions))
    weights[[i for i, feature in enumerate(family.functions.features) if feature.kind == "blur"]] = _TRUST_IN_BLURS
    return weights


def _orthonormal(vectors: list[F64]) -> F64:
    """Return orthonormal rows that span vectors, leaving out those that others span."""
    kept = [vector / np.linalg.norm(vector) for vector in vectors if np.linalg.norm(vector) > 0]
    if not kept:
        return np.zeros((0, vectors[0].size if vectors else 1))
    _, values, rows = np.linalg.svd(np.stack(kept), full_matrices=False)
    return np.asarray(rows[values > 1e-6 * values[0]], np.float64)


def _without(vector: F64, basis: F64) -> F64:
    return np.asarray(vector - basis.T @ (basis @ vector) if basis.size else vector, np.float64)


def _unclipped(own: F32, suspect: F32) -> npt.NDArray[np.bool_]:
    """Return which places (h w,) have no channel near black or white in either answer.

    What is clipped no longer changes as a tone does.
    """
    colours = np.concatenate([levels(own), levels(suspect)]).reshape(2 * own.shape[0], -1)
    return np.asarray(((colours > _BLACK) & (colours < _WHITE)).all(0), np.bool_)


def _limited(change: F32, patterns: F32) -> F32:
    """Clip what neither tones nor an offset explain of a change (C, n)."""
    flat = patterns.reshape(len(patterns), -1).astype(np.float64)
    middle = change.mean(1, keepdims=True)
    gram = flat @ flat.T
    gram += 1e-6 * (np.trace(gram) + 1) * np.eye(len(gram))
    explained = np.linalg.solve(gram, flat @ (change - middle).ravel()) @ flat
    smooth = explained.reshape(change.shape)
    smooth = smooth + np.median(change - smooth, axis=1, keepdims=True)
    return np.asarray(smooth + np.clip(change - smooth, -_LIMIT, _LIMIT), np.float32)
