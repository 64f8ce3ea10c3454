"""Which of a suspect's weights are which of the owner's: by name, else by shape and content, if there is no doubt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.generic]]

__all__ = ["Matched", "Open", "match_layers"]

_PREFIXES: Final = ("module.", "_orig_mod.", "model.")
_ALIKE: Final = 0.3
"""Cosine of two layers from which on they are taken for the same; those of others are within a few hundredths of 0."""
_LEAST: Final = 0.1
"""Share of the weights that carry, below which a suspect is taken for another architecture."""


@dataclass(frozen=True, eq=False)
class Open:
    """Layers of one shape, as many of the owner's as of the suspect's, that content does not tell apart.

    Attributes
    ----------
    shape : tuple of int
    mine : list of str, the owner's names
    theirs : dict from the suspect's names, in its own order, to an array each, square ones transposed, too
    """

    shape: tuple[int, ...]
    mine: list[str]
    theirs: dict[str, list[npt.NDArray[np.generic]]]


@dataclass(frozen=True, eq=False)
class Matched:
    """A suspect's weights under the owner's names.

    Attributes
    ----------
    weights : dict from the owner's name to the suspect's array
    notes : list of str, what was renamed, and what is missing
    open : list of Open
        Layers that are there and not among the weights, since which is which has still to be found out.
    """

    weights: dict[str, npt.NDArray[np.generic]]
    notes: list[str]
    open: list[Open] = field(default_factory=list)


def match_layers(suspect: Arrays, own: Arrays, layers: Sequence[str]) -> Matched:
    """Find the layers that carry a mark among a suspect's weights.

    Parameters
    ----------
    suspect, own : mappings of names to arrays
    layers : sequence of str
        Of ``own``: those that are wanted.

    Raises
    ------
    WatermarkError
        If fewer than a tenth of the weights that carry are there, or two layers cannot be told apart.
    """
    plain = {_plain(name): name for name in own}
    theirs = {
        name if name in own else plain.get(_plain(name), _plain(name)): value for name, value in suspect.items()
    }
    found = {name: theirs[name] for name in layers if name in theirs and theirs[name].shape == own[name].shape}
    notes: list[str] = []
    doubtful: list[Open] = []
    left = [name for name in layers if name not in found]
    free = {name: value for name, value in theirs.items() if name not in found}
    if left:
        more, doubtful = _by_content(free, own, left)
        found |= more
        if more:
            notes.append(f"{len(more)} of {len(layers)} layers go by other names, and were known by shape and content")
    there_too = {name for one in doubtful for name in one.mine}
    missing = [name for name in layers if name not in found and name not in there_too]
    carried, there = (sum(own[name].size for name in some) for some in (layers, [*found, *there_too]))
    if there < _LEAST * carried:
        shapes = ", ".join(f"{name} {own[name].shape}" for name in missing[:3])
        raise WatermarkError(
            f"the suspect has {there} of the {carried} weights that carry fingerprints, it lacks {shapes}: it is of "
            "another architecture; ask it as a black box, with a function of inputs"
        )
    if missing:
        lost = carried - there
        notes.append(f"{', '.join(missing[:5])}: not there; {lost} of {carried} weights that carry are missing")
    others = {name: theirs[name] for name in own if name in theirs and theirs[name].shape == own[name].shape}
    return Matched(others | found, notes, doubtful)


def _plain(name: str) -> str:
    """Return a name without what wrappers put before it."""
    while (before := next((one for one in _PREFIXES if name.startswith(one)), None)) is not None:
        name = name.removeprefix(before)
    return name


def _by_content(
    free: Arrays, own: Arrays, left: Sequence[str]
) -> tuple[dict[str, npt.NDArray[np.generic]], list[Open]]:
    """Match layers of one shape, or of the transposed one: by content, else where there is but one each."""
    found: dict[str, npt.NDArray[np.generic]] = {}
    doubtful: list[Open] = []
    shapes = {own[name].shape for name in left}
    for shape in sorted(shapes):
        mine = [name for name in left if own[name].shape == shape]
        able = {name: turned for name, value in free.items() if (turned := _turned(value, shape)) is not None}
        if not able:
            continue
        names = list(able)
        alike = np.array([[max(_cosine(own[one], able[other][k]) for k in range(len(able[other]))) for other in names]
                          for one in mine])  # fmt: skip
        rows, columns = linear_sum_assignment(-alike)
        sure = alike[rows, columns] > _ALIKE
        if not sure.all() and (len(mine) > 1 or len(names) > 1):
            if not sure.any() and len(mine) == len(names):
                doubtful.append(Open(shape, mine, able))
            elif not sure.any() and len(mine) < len(names):
                raise WatermarkError(
                    f"{', '.join(mine)} of shape {shape} could each be any of the suspect's {', '.join(names[:4])}: "
                    "give its weights under your model's names"
                )
            rows, columns = rows[sure], columns[sure]
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            model = own[mine[row]]
            alike_each = [_cosine(model, value) for value in able[names[column]]]
            found[mine[row]] = able[names[column]][int(np.argmax(alike_each))]
    return found, doubtful


def _turned(value: npt.NDArray[np.generic], shape: tuple[int, ...]) -> list[npt.NDArray[np.generic]] | None:
    """Return a layer as it is, and a matrix transposed as some formats have it, as far as the shape fits."""
    if value.dtype.kind != "f":
        return None
    fits = [value] if value.shape == shape else []
    if value.ndim == 2 and value.T.shape == shape:
        fits.append(value.T)
    return fits or None


def _cosine(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> float:
    a, b = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return abs(float(a @ b)) / norm if norm > 0 else 0.0
