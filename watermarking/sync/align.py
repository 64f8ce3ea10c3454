"""From a plane that cannot be read as it is to planes that may be: find, refine, rectify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.sync.refine import refine
from watermarking.sync.search import find_candidates
from watermarking.sync.template import PERIOD, template
from watermarking.sync.warp import LONGEST, Region, Warp, rectify, region_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.keys import Key

__all__ = ["CREDIBLE", "Alignment", "alignments", "put_back"]

F32 = npt.NDArray[np.float32]

_SMALLEST: Final = 64
_CANDIDATES: Final = 8
_ALWAYS: Final = 3
_STANDS_OUT: Final = 5.8  # what chance gives the best of all offsets of all candidates, about
CREDIBLE: Final = 13.0
_CERTAIN: Final = 22.0


@dataclass(frozen=True)
class Alignment:
    """A plane put back into place.

    Attributes
    ----------
    plane : (rows, cols) float32
    inside : (rows, cols) bool, False where the picture at hand shows nothing
    region : Region, which part of the marked plane it is
    warp : Warp, from the marked plane to the plane at hand
    score : float, coherent sum of the waves, in standard deviations
    negative : bool, whether the plane was turned into its negative
    """

    plane: F32
    inside: npt.NDArray[np.bool_]
    region: Region
    warp: Warp
    score: float
    negative: bool = False


def alignments(plane: F32, key: Key, count: int) -> Iterator[Alignment]:
    """Yield at most ``count`` ways (and two more) to put a plane back into place, the most credible first.

    Finds scale, rotation, reflection and offset of any size, aspect and shear up to about 15 % on upright pictures;
    then refines affine map and bend over all blocks. Time is bounded by the plane's size alone.
    """
    if count < 1 or min(plane.shape) < _SMALLEST or max(plane.shape) > LONGEST or not plane.any():
        return
    waves = template(key)
    certain: list[tuple[F32, Warp, float, bool]] = []
    doubtful: list[tuple[F32, Warp, float, bool]] = []
    coarse = find_candidates(plane, waves, _CANDIDATES)
    for one in [one for i, one in enumerate(coarse) if i < _ALWAYS or one.score > _STANDS_OUT]:
        shown = -plane if one.negative else plane
        warp, score = refine(shown, waves, Warp(one.matrix, np.zeros((2, 3))))
        if score > _CERTAIN and len(certain) < count:
            certain.append((shown, warp, score, one.negative))
            yield from put_back(*certain[-1])
        elif score > CREDIBLE:
            doubtful.append((shown, warp, score, one.negative))
    for shown, warp, score, negative in certain[:1]:
        for shift in ((0.0, PERIOD), (PERIOD, 0.0)):  # the waves repeat: a part of a longer plane may lie further on
            yield from put_back(shown, warp.further(shift), score, negative)
    for found in sorted(doubtful, key=lambda one: -one[2])[: count - len(certain)]:
        yield from put_back(*found)


def put_back(plane: F32, warp: Warp, score: float, negative: bool = False) -> Iterator[Alignment]:
    """Yield the alignment that a warp makes; nothing where it shows no part of the marked plane.

    ``negative`` says whether the plane is already the negative of the one at hand.
    """
    region = region_of(warp, (plane.shape[0], plane.shape[1]))
    if region is not None:
        yield Alignment(*rectify(plane, warp, region), region, warp, score, negative)
