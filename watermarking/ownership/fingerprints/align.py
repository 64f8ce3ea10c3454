"""A suspect's channels in the owner's order and at the owner's scale, by matching weights.

Channels are assigned to one another group by group, from the input on, such that the rows that make them and the
columns that use them have the largest cosines in all (Ainsworth, Hayase and Srinivasa, "Git Re-Basin", ICLR 2023, with
cosines in the place of products, so that factors do not matter). Then factors of rows and columns are taken out by
least squares: of a normalisation that was merged into the layer before it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from watermarking.ownership.fingerprints.reshape import moved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from watermarking.ownership.fingerprints.structure import Group, Part

    F64 = npt.NDArray[np.float64]
    I64 = npt.NDArray[np.int64]
    Arrays = Mapping[str, npt.NDArray[np.generic]]

__all__ = ["aligned", "likeness"]

_SWEEPS: Final = 6
_ROUNDS: Final = 4
_IN_PLACE: Final = 0.8
"""Cosine of all weights from which on nothing was moved."""
_BETTER: Final = 0.9
"""What factors must leave of a layer's difference, at most, to be believed."""


def likeness(suspect: Arrays, own: Arrays, layers: Sequence[str]) -> float:
    """Return the mean cosine of layers, place by place, weighed by their weights."""
    cosines: list[float] = []
    sizes: list[int] = []
    for name in layers:
        if name in suspect:
            a, b = (np.asarray(one[name], np.float64).ravel() for one in (suspect, own))
            norm = np.linalg.norm(a) * np.linalg.norm(b)
            cosines.append(float(a @ b) / float(norm) if norm else 0.0)
            sizes.append(a.size)
    return float(np.average(cosines, weights=sizes)) if sizes else 0.0


def aligned(
    suspect: Arrays, own: Arrays, groups: Sequence[Group], layers: Sequence[str]
) -> tuple[dict[str, npt.NDArray[np.generic]], list[str]]:
    """Return a suspect's weights as the owner's model has them, and what was undone.

    Parameters
    ----------
    suspect, own : mappings of the same names to arrays
    groups : sequence of Group
        Of channels that may have changed places; without any, none has.
    layers : sequence of str
        Those that carry.

    Returns
    -------
    dict, list of str
    """
    found, notes = dict(suspect), []
    if groups and likeness(found, own, layers) < _IN_PLACE:
        orders = _orders(found, own, groups)
        for group, order in zip(groups, orders, strict=True):
            for part in group.parts:
                if part.name in found:
                    found[part.name] = moved(found[part.name], part.axis, part.repeat, order)
        n = sum(int((order != np.arange(order.size)).sum()) for order in orders)
        if n:
            notes.append(f"{n} of {sum(group.n for group in groups)} channels were put back in your model's order")
    scaled = 0
    for name in layers:
        if name in found:
            found[name], changed = _unscaled(found[name], own[name])
            scaled += changed
    if scaled:
        notes.append(f"factors of rows and columns were taken out of {scaled} of {len(layers)} layers")
    return found, notes


def _orders(suspect: Arrays, own: Arrays, groups: Sequence[Group]) -> list[I64]:
    """Return which of the suspect's channels each of the owner's is, by group."""
    orders: list[I64 | None] = [None] * len(groups)
    where: dict[tuple[str, int], tuple[int, Part]] = {
        (part.name, part.axis): (number, part) for number, group in enumerate(groups) for part in group.parts
    }
    for sweep in range(_SWEEPS):
        changed = False
        for number, group in enumerate(groups):
            alike = np.zeros((group.n, group.n))
            for part in group.parts:
                alike += _alike(part, suspect, own, where, orders)
            order = linear_sum_assignment(-alike)[1]
            before = orders[number]
            changed |= before is None or not np.array_equal(order, before)
            orders[number] = order
        if sweep and not changed:
            break
    return [np.arange(group.n) if one is None else one for one, group in zip(orders, groups, strict=True)]


def _alike(
    part: Part, suspect: Arrays, own: Arrays, where: Mapping[tuple[str, int], tuple[int, Part]],
    orders: Sequence[I64 | None],
) -> F64 | float:  # fmt: skip
    """Return cosines of the owner's channels (rows) and the suspect's (columns) in one weight; 0 if not known yet."""
    if part.name not in suspect or own[part.name].ndim < 2:
        return 0.0
    theirs = np.asarray(suspect[part.name], np.float64)
    other = where.get((part.name, 1 - part.axis))
    if other is not None:
        order = orders[other[0]]
        if order is None:
            return 0.0
        theirs = np.asarray(moved(theirs, other[1].axis, other[1].repeat, order), np.float64)
    mine = _rows(np.asarray(own[part.name], np.float64), part)
    return np.asarray(mine @ _rows(theirs, part).T * np.sqrt(mine.shape[1]), np.float64)


def _rows(value: F64, part: Part) -> F64:
    """Return one row of norm 1 a channel."""
    rows = np.moveaxis(value, part.axis, 0)
    rows = rows.reshape(rows.shape[0] // part.repeat, -1)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30))


def _unscaled(theirs: npt.NDArray[np.generic], mine: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.generic], bool]:
    """Take factors of rows and columns out of a layer, if that brings it clearly nearer to the owner's."""
    shape = theirs.shape
    a = np.asarray(theirs, np.float64).reshape(shape[0], shape[1], -1)
    b = np.asarray(mine, np.float64).reshape(a.shape)
    kept = a != 0
    rows, columns = np.ones((shape[0], 1, 1)), np.ones((1, shape[1], 1))
    for _ in range(_ROUNDS):
        rows = _factors(a, b * columns * kept, (1, 2))
        columns = _factors(a, b * rows * kept, (0, 2))
    factors = rows * columns
    factors = np.where(np.abs(factors) < 1e-6, 1.0, factors)
    found = a / factors
    before, after = (float(((one - b)[kept] ** 2).sum()) for one in (a, found))
    by_chance = 1 - min(1.0, (shape[0] + shape[1]) / max(int(kept.sum()), 1))
    if not after < _BETTER * by_chance * before:
        return theirs, False
    return np.asarray(found.reshape(shape)), True


def _factors(a: F64, b: F64, axes: tuple[int, int]) -> F64:
    below = (b * b).sum(axis=axes, keepdims=True)
    return np.asarray(np.where(below > 0, (a * b).sum(axis=axes, keepdims=True) / np.maximum(below, 1e-30), 1.0))
