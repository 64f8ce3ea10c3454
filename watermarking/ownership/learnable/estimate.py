"""What a suspect's answers show of a key's functions, and its exact p-value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.interface import Detection
from watermarking.ownership.learnable.chance import correlation, correlation_p_value, orthonormal
from watermarking.ownership.learnable.features import evaluate, features, planes
from watermarking.ownership.learnable.tones import N_TONES, levels, tone_patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.interface import Image
    from watermarking.ownership.learnable.family import Family

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["Sums", "measure", "shown", "verdict"]

_CHUNK: Final = 2**16
"""Places whose functions are held together: 10 MB."""
_LEAST_SHARE: Final = 1e-3
"""Of the mean variance: what pictures have less of says nothing."""
_LEAST_VARIANCE: Final = 2e-3
"""Of a function, about 1 on photographs: flat pictures have some 5e-4 from rounding in float32."""
_LIMIT: Final = 12.0
"""Grey levels: a mark changes a carrier by less, what differs by more is an error at an edge or another picture."""
_BLACK: Final = 2.0
_WHITE: Final = 253.0
_LEAST_PLACES: Final = 64


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
    colour = family.direction.shape[1] == 2
    halves, answer, *others = (planes(one, colour=colour) for one in (own, suspect, *references))
    carriers = slice(1, 3) if colour else slice(0, 1)
    tones = tone_patterns(halves)
    changes = [other[carriers] - halves[carriers] for other in (answer, *others)]
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


def shown(sums: Sums, family: Family) -> tuple[F64, F64]:
    """Return what the answers show, and what each entry of the key's direction draws, in coordinates of one kind.

    With ``G = U diag(w) U^T`` the functions' centred Gram matrix over the places, the answers' parts along its vectors
    are ``w^{-1/2} U^T c``, in grey levels, and a direction draws ``w^{1/2} U^T kappa``. Errors of surrogates are about
    alike along all of them, while pictures have a hundred times more of one function than of another: a cosine
    taken here counts what is seen by how well it is seen. References are projected out of both. What lies where tones
    lead is brought down, in both, to the strength of the rest: to nothing if the suspect changed tones by a tenth, not
    at all if he did not. How far goes by the answers alone. Answers that show nothing, such as copies of the owner's
    own, leave zeros.

    Returns
    -------
    seen : (m,) float64
    drawn : (m, J C) float64
    """
    size = family.direction.size
    if not sums.n:
        return np.zeros(0), np.zeros((0, size))
    mean = sums.functions / sums.n
    gram = sums.gram / sums.n - np.outer(mean, mean)
    cross = sums.cross / sums.n - mean[:, np.newaxis] * (sums.answers / sums.n)[:, np.newaxis, :]
    gram, cross = family.basis @ gram @ family.basis.T, family.basis @ cross
    values, vectors = np.linalg.eigh(gram)
    kept = values > max(_LEAST_SHARE * float(np.trace(gram)) / mean.size, _LEAST_VARIANCE)
    roots, vectors = np.sqrt(values[kept]), vectors[:, kept]
    parts = (vectors / roots).T @ cross
    drawn = np.kron((vectors * roots).T, np.eye(cross.shape[2]))
    seen, others = parts[0].ravel(), [part.ravel() for part in parts[1:]]
    n_tones = N_TONES[family.direction.shape[1]]
    known = orthonormal(others[n_tones:], seen.size)
    seen, drawn = _without(seen, known), drawn - known.T @ (known @ drawn)
    return _evened(
        seen, drawn, orthonormal([_without(tone, known) for tone in others[:n_tones]], seen.size), len(known)
    )


def _evened(seen: F64, drawn: F64, tones: F64, n_gone: int) -> tuple[F64, F64]:
    """Scale what lies where tones lead so that its mean square is no more than that of the rest."""
    inside, rest = tones @ seen, _without(seen, tones)
    excess = float(inside @ inside) / max(1, len(tones))
    level = float(rest @ rest) / max(1, seen.size - len(tones) - n_gone)
    lost = 1 - math.sqrt(level / excess) if excess > level else 0.0
    return seen - lost * (tones.T @ inside), drawn - lost * (tones.T @ (tones @ drawn))


def verdict(sums: Sums, family: Family) -> Detection:
    """Return what the sums say of the key.

    Until the last step nothing looks at the key's direction, so that its p-value is exact.
    """
    seen, drawn = shown(sums, family)
    rho = correlation(seen, drawn, family.direction.ravel())
    return Detection(rho, correlation_p_value(rho, seen, drawn), f"correlation along {len(seen)} functions")


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
