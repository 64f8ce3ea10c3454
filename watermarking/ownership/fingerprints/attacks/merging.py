"""One model of several colluders' copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.generic]
    F64 = npt.NDArray[np.float64]
    Merge = Callable[[F64, np.random.Generator], F64]

__all__ = ["MERGES", "merged"]


def _mean(stack: F64, rng: np.random.Generator) -> F64:
    del rng
    return np.asarray(stack.mean(axis=0))


def _median(stack: F64, rng: np.random.Generator) -> F64:
    del rng
    return np.asarray(np.median(stack, axis=0))


def _minimum(stack: F64, rng: np.random.Generator) -> F64:
    del rng
    return np.asarray(stack.min(axis=0))


def _maximum(stack: F64, rng: np.random.Generator) -> F64:
    del rng
    return np.asarray(stack.max(axis=0))


def _random(stack: F64, rng: np.random.Generator) -> F64:
    chosen = rng.integers(0, len(stack), stack.shape[1:])
    return np.asarray(np.take_along_axis(stack, chosen[None], axis=0)[0])


def _layer(stack: F64, rng: np.random.Generator) -> F64:
    return np.asarray(stack[rng.integers(0, len(stack))])


def _interpolated(stack: F64, rng: np.random.Generator) -> F64:
    """Weigh copies unevenly, drawn anew for each array: of two copies half and half and nearly one alone both occur."""
    return np.asarray(np.tensordot(rng.dirichlet(np.ones(len(stack))), stack, axes=1))


MERGES: Final[dict[str, Merge]] = {
    "mean": _mean,
    "median": _median,
    "minimum": _minimum,
    "maximum": _maximum,
    "random": _random,
    "layers": _layer,
    "interpolation": _interpolated,
}
"""What becomes of one array of all copies, (colluders, ...): per weight, but for ``layers``, each array from one."""


def merged(copies: Sequence[Mapping[str, Array]], way: str, *, rng: np.random.Generator) -> dict[str, Array]:
    """Return one model's weights, made of several copies' as they are.

    Parameters
    ----------
    copies : sequence of mappings of the same names to arrays
    way : str
        One of :data:`MERGES`.
    rng : numpy Generator

    Raises
    ------
    WatermarkError
        If there is no such way, no copy, or they are not of one architecture.

    Examples
    --------
    >>> two = [{"w": np.zeros((1, 2))}, {"w": np.ones((1, 2))}]
    >>> merged(two, "mean", rng=np.random.default_rng(0))["w"].tolist()
    [[0.5, 0.5]]
    """
    if way not in MERGES:
        raise WatermarkError(f"there is no way {way!r} to merge copies: it is one of {', '.join(MERGES)}")
    shapes = [{name: value.shape for name, value in copy.items()} for copy in copies]
    if not copies or any(one != shapes[0] for one in shapes):
        raise WatermarkError(f"{len(copies)} copies of one architecture cannot be merged: give one or more, all alike")
    found: dict[str, Array] = {}
    for name, first in copies[0].items():
        if first.dtype.kind != "f":
            found[name] = first
            continue
        stack = np.stack([np.asarray(copy[name], np.float64) for copy in copies])
        found[name] = MERGES[way](stack, rng).astype(first.dtype)
    return found
