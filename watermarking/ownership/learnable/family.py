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
from watermarking.ownership.learnable.shadows import drawn_shadows
from watermarking.ownership.learnable.streams import normals, sphere, uniforms

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["Family", "Feature", "Functions", "draw_family"]

Kind = Literal["blur", "band", "activity", "tone", "trend", "unrest"]

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
"""The features of colour pictures: what is measured, along which axis, bounds of the inner and the outer width in
half-size pixels. Small nets see about 8 of them each way. Of a surrogate's answers the blurs, products of blurs, the
luma bands and the first activity were read (0.5 to 1 of what was added); bands of chroma, activities of chroma or of
more than one width, and products with bands or activities were not (0.0 to 0.1)."""
_GREY: Final[tuple[tuple[Kind, _Bounds, _Bounds, _Bounds], ...]] = (
    *(("tone", (1.0, 2.0), (0.95 * k, 1.05 * k), (2 * math.pi, 4 * math.pi)) for k in range(1, 5)),
    ("trend", (1.0, 1.3), (1.8, 2.3), (1.0, 4.0)),
    ("trend", (1.7, 2.2), (3.0, 4.0), (1.0, 4.0)),
    ("trend", (2.8, 3.5), (5.0, 7.0), (1.0, 4.0)),
    ("unrest", (0.8, 1.1), (1.2, 1.8), (1.0, 1.0)),
    ("unrest", (1.3, 1.8), (2.4, 3.2), (1.0, 1.0)),
)
"""Those of grey ones, with bounds of what bends them. Radiographs have a tenth of a photograph's local contrast: what
is linear in it shows nothing there, logarithms show both."""
_TONES: Final = 4
_COLOUR_LEAD: Final = 3
"""How many features of colour pictures, from the first on, go into products."""
_N_PAIRS: Final = 8
_N_TRIPLES: Final = 14
_N_TONED, _N_SQUARED = 20, 8
"""Products of grey pictures: of a mixture of tones and one of the rest; of two of the rest."""
_TILT: Final = 0.4
_RIDGE: Final = 0.01
"""Of the basis: what a function has less variance of beside those before it is not blown up."""
_PRODUCT_SHARE: Final = 0.7
"""Of colour pictures: what surrogates learn less of gets less."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One keyed feature: what is measured, along which colour axis, at which widths (half-size pixels).

    A tone has half-turns from black to white for the outer width, and bends by its phase; a trend bends at a number of
    grey levels.
    """

    kind: Kind
    axis: tuple[float, ...]
    inner: float
    outer: float
    bend: float = 0.0


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
    drawn = _colour_functions(key, label) if colour else _grey_functions(key, label)
    sets = [_values(drawn, dead_leaves()[:, : 3 if colour else 1])]
    if not colour:
        sets.append(_values(drawn, drawn_shadows()))
    gram = np.mean([np.cov(values) for values in sets], axis=0)
    is_feature = np.arange(len(drawn)) < len(drawn.features)
    share = np.where(is_feature, 1.0, _PRODUCT_SHARE) if colour else np.ones(len(drawn))
    basis = share[:, np.newaxis] * np.linalg.inv(np.linalg.cholesky(gram + _RIDGE * np.eye(len(drawn))))
    direction = sphere(key, f"{label}/direction", (len(drawn), 2 if colour else 1))
    mixture = direction.T @ basis
    mixture /= math.sqrt(float(np.einsum("ci,ij,cj->", mixture, gram, mixture)))
    offset = mixture @ np.mean([values.mean(1) for values in sets], axis=0)
    return Family(drawn, basis, direction, np.asarray(mixture, np.float32), np.asarray(offset, np.float32))


def _values(drawn: Functions, pictures: F32) -> F64:
    """Return a key's functions on drawn pictures, (J, places) float64."""
    values = []
    for picture in pictures:
        limited = features(np.ascontiguousarray(picture), drawn)
        values.append(evaluate(limited, drawn, start=0, stop=picture[0].size))
    return np.concatenate(values, axis=1).astype(np.float64)


def _colour_functions(key: Key, label: str) -> Functions:
    """Draw the widths, evenly in their logarithms, the axes, some at right angles, some near luma, and the products."""
    drawn = uniforms(key, f"{label}/widths", 2 * len(_COLOUR)).reshape(-1, 2).tolist()
    tilts = normals(key, f"{label}/tilts", 2 * len(_COLOUR)).reshape(-1, 2)
    rotation = _rotation(normals(key, f"{label}/rotation", 9).reshape(3, 3))
    found = []
    for i, ((kind, axis, inner, outer), (u, v)) in enumerate(zip(_COLOUR, drawn, strict=True)):
        tilted = {
            "any": rotation[i % 3],
            "luma": np.array([1, *(_TILT * tilts[i])]),
            "chroma": np.array([0, *tilts[i]]),
        }
        along = tuple((tilted[axis] / np.linalg.norm(tilted[axis])).tolist())
        found.append(Feature(kind, along, _between(inner, u), _between(outer, v)))
    lead = _COLOUR_LEAD
    pairs = _unit_rows(key, f"{label}/pairs", _N_PAIRS, lead), _unit_rows(key, f"{label}/pairs'", _N_PAIRS, lead)
    triples = (
        _unit_rows(key, f"{label}/triples", _N_TRIPLES, lead),
        _unit_rows(key, f"{label}/triples'", _N_TRIPLES, _N_PAIRS),
    )
    return Functions(tuple(found), pairs, triples)


def _grey_functions(key: Key, label: str) -> Functions:
    """Draw the features of grey pictures and the products of two; there are none of three."""
    drawn = uniforms(key, f"{label}/features", 3 * len(_GREY)).reshape(-1, 3).tolist()
    found = tuple(
        Feature(kind, (1.0,), _between(inner, u), _between(outer, v), _between(bend, w))
        for (kind, inner, outer, bend), (u, v, w) in zip(_GREY, drawn, strict=True)
    )
    rest, n_pairs = len(_GREY) - _TONES, _N_TONED + _N_SQUARED
    first, second = (np.zeros((n_pairs, len(_GREY)), np.float32) for _ in range(2))
    first[:_N_TONED, :_TONES] = _unit_rows(key, f"{label}/tones", _N_TONED, _TONES)
    first[_N_TONED:, _TONES:] = _unit_rows(key, f"{label}/squares", _N_SQUARED, rest)
    second[:, _TONES:] = _unit_rows(key, f"{label}/rest", n_pairs, rest)
    none = np.zeros((0, len(_GREY)), np.float32), np.zeros((0, n_pairs), np.float32)
    return Functions(found, (first, second), none)


def _between(bounds: _Bounds, part: float) -> float:
    low, high = bounds
    return float(low * (high / low) ** part)


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
