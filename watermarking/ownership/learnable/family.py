"""What a key draws: the features of a picture, the functions of them, and the direction among those functions.

Everything but the direction is drawn from one part of the key's stream and the direction from another, so that given
the functions, and given anything a suspect answers who does not know the key, the direction is uniform on its sphere.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from watermarking.ownership.learnable.features import evaluate, features
from watermarking.ownership.learnable.leaves import dead_leaves
from watermarking.ownership.learnable.streams import normals, sphere, uniforms

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["Family", "Feature", "Functions", "draw_family"]

Kind = Literal["blur", "band", "activity"]

_Bounds = tuple[float, float]
_Axis = Literal["any", "luma", "chroma"]
_COLOUR: Final[tuple[tuple[Kind, _Axis, _Bounds, _Bounds], ...]] = (
    ("blur", "any", (1.0, 2.0), (1.0, 1.0)),
    ("blur", "any", (1.0, 2.0), (1.0, 1.0)),
    ("blur", "any", (1.0, 2.0), (1.0, 1.0)),
    ("band", "luma", (0.6, 0.8), (1.0, 1.3)),
    ("band", "luma", (1.0, 1.3), (1.7, 2.1)),
    ("band", "luma", (1.6, 2.0), (2.6, 3.2)),
    ("band", "luma", (2.5, 3.0), (4.0, 5.0)),
    ("activity", "luma", (0.8, 1.1), (1.2, 1.8)),
)
_GREY: Final[tuple[tuple[Kind, _Axis, _Bounds, _Bounds], ...]] = (
    ("blur", "luma", (1.0, 2.0), (1.0, 1.0)),
    ("band", "luma", (1.0, 1.3), (1.8, 2.3)),
    ("band", "luma", (1.7, 2.3), (3.0, 4.5)),
    ("activity", "luma", (0.8, 1.1), (1.2, 1.8)),
    ("activity", "luma", (1.3, 1.8), (2.4, 3.2)),
    ("activity", "luma", (2.2, 3.0), (3.5, 5.0)),
)
"""The features: what is measured, along which axis, bounds of the inner and the outer width in half-size pixels. Small
nets see about 8 of them each way. Of a surrogate's answers the blurs, products of blurs, the luma bands and the first
activity were read (0.5 to 1 of what was added); bands of chroma, activities of chroma or of more than one width, and
products with bands or activities were not (0.0 to 0.1)."""
_COLOUR_LEAD: Final = 3
_GREY_LEAD: Final = 6
"""How many features, from the first on, go into products."""
_N_PAIRS: Final = 8
_N_TRIPLES: Final = 14
_TILT: Final = 0.4
_RIDGE: Final = 0.01
"""Of the basis: what a function has less variance of beside those before it is not blown up."""
_PRODUCT_SHARE: Final = 0.7


@dataclass(frozen=True, slots=True)
class Feature:
    """One keyed feature: what is measured, along which colour axis, at which widths (half-size pixels)."""

    kind: Kind
    axis: tuple[float, ...]
    inner: float
    outer: float


@dataclass(frozen=True)
class Functions:
    """A key's functions of a picture: features f, then products of pairs p and of triples of the leading ones.

    Attributes
    ----------
    features : tuple of Feature
    pairs : two (P, lead) float32
        Unit vectors u and v in the space of the leading features: ``p_j = s((u_j f) (v_j f))``.
    triples : (T, lead) and (T, P) float32
        The same with the pairs as the second factor: ``s(2 (u_j f) (v_j p))``.
    """

    features: tuple[Feature, ...]
    pairs: tuple[F32, F32]
    triples: tuple[F32, F32]

    def __len__(self) -> int:
        return len(self.features) + len(self.pairs[0]) + len(self.triples[0])


@dataclass(frozen=True)
class Family:
    """Everything a key draws for pictures of one kind; J functions.

    Attributes
    ----------
    functions : Functions
    basis : (J, J) float64
        Makes the functions uncorrelated and of one spread on drawn pictures, the products' 0.7 of it.
    direction : (J, carriers) float64
        The key's point on the unit sphere, in that basis.
    mixture : (carriers, J) float32
        What each carrier takes of each function, scaled so that the carriers' mean squares on drawn pictures sum to 1.
    offset : (carriers,) float32
        The carriers' means there.
    """

    functions: Functions
    basis: F64
    direction: F64
    mixture: F32
    offset: F32


@functools.lru_cache(maxsize=64)
def draw_family(key: Key, *, colour: bool) -> Family:
    """Draw the family of a key, for colour (three planes, two carriers) or grey pictures (one plane, one carrier)."""
    label = "learnable/colour" if colour else "learnable/grey"
    chosen = _draw_features(key, label, colour=colour)
    lead = _COLOUR_LEAD if colour else _GREY_LEAD
    pairs = _unit_rows(key, f"{label}/pairs", _N_PAIRS, lead), _unit_rows(key, f"{label}/pairs'", _N_PAIRS, lead)
    triples = (
        _unit_rows(key, f"{label}/triples", _N_TRIPLES, lead),
        _unit_rows(key, f"{label}/triples'", _N_TRIPLES, _N_PAIRS),
    )
    drawn = Functions(chosen, pairs, triples)
    values = _on_leaves(drawn, colour=colour)
    gram = np.cov(values)
    share = np.where(np.arange(len(drawn)) < len(chosen), 1.0, _PRODUCT_SHARE)
    basis = share[:, np.newaxis] * np.linalg.inv(np.linalg.cholesky(gram + _RIDGE * np.eye(len(drawn))))
    direction = sphere(key, f"{label}/direction", (len(drawn), 2 if colour else 1))
    mixture = direction.T @ basis
    mixture /= math.sqrt(float(np.einsum("ci,ij,cj->", mixture, gram, mixture)))
    offset = mixture @ values.mean(1)
    return Family(drawn, basis, direction, np.asarray(mixture, np.float32), np.asarray(offset, np.float32))


def _on_leaves(drawn: Functions, *, colour: bool) -> F64:
    """Return a key's functions on the drawn pictures, (J, places) float64."""
    planes = slice(0, 3 if colour else 1)
    values = []
    for picture in dead_leaves():
        limited = features(np.ascontiguousarray(picture[planes]), drawn)
        values.append(evaluate(limited, drawn, start=0, stop=picture[0].size))
    return np.concatenate(values, axis=1).astype(np.float64)


def _draw_features(key: Key, label: str, *, colour: bool) -> tuple[Feature, ...]:
    """Draw the widths, evenly in their logarithms, and the axes: some at right angles, some near luma."""
    table = _COLOUR if colour else _GREY
    drawn = uniforms(key, f"{label}/widths", 2 * len(table)).reshape(-1, 2).tolist()
    tilts = normals(key, f"{label}/tilts", 2 * len(table)).reshape(-1, 2)
    rotation = _rotation(normals(key, f"{label}/rotation", 9).reshape(3, 3))
    found = []
    for i, ((kind, axis, inner, outer), (u, v)) in enumerate(zip(table, drawn, strict=True)):
        tilted = {
            "any": rotation[i % 3],
            "luma": np.array([1, *(_TILT * tilts[i])]),
            "chroma": np.array([0, *tilts[i]]),
        }
        along = tuple((tilted[axis] / np.linalg.norm(tilted[axis])).tolist()) if colour else (1.0,)
        one, other = (low * (high / low) ** part for (low, high), part in ((inner, u), (outer, v)))
        found.append(Feature(kind, along, one, other))
    return tuple(found)


def _unit_rows(key: Key, label: str, n: int, length: int) -> F32:
    rows = normals(key, label, n * length).reshape(n, length)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _rotation(matrix: F64) -> F64:
    """Return the orthonormal rows that Gram and Schmidt make of three independent ones."""
    rows: list[F64] = []
    for row in matrix:
        left = row - sum((other * float(other @ row) for other in rows), np.zeros_like(row))
        rows.append(left / np.linalg.norm(left))
    return np.array(rows)
