"""From a plane that cannot be read as it is to planes that may be: find, refine, rectify."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.sync.linear import LARGEST_SCALE
from watermarking.sync.refine import CURVED, evidence, refine
from watermarking.sync.search import find_candidates, halve
from watermarking.sync.template import PERIOD, template
from watermarking.sync.warp import LONGEST, Region, Warp, rectify, region_of
from watermarking.sync.whitening import whitened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.keys import Key
    from watermarking.sync.template import Template

__all__ = ["CREDIBLE", "PROMISING", "Alignment", "alignments", "put_back"]

F32 = npt.NDArray[np.float32]

_SMALLEST: Final = 64
_CANDIDATES: Final = 8
_ALWAYS: Final = 3
_STANDS_OUT: Final = 5.8  # what chance gives the best of all offsets of all candidates, about
PROMISING: Final = 6.8
"""Standard deviations of the evidence. Of twenty guesses that chance proposes one has 6.9, and of marked pictures those
that could be read had 7.3 and more, most of them more than 10."""
CREDIBLE: Final = 13.0
_CERTAIN: Final = 22.0
_MORE: Final = 1.1
"""Times the score: more parameters that fit the noise gain less."""


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
    """Yield at most ``count`` ways (and three more) to put a plane back into place, the most credible first.

    Finds scale, rotation, reflection and offset of any size, aspect from 0.55 to 1.8 and shear up to about 15 % on
    upright pictures, aspect up to 15 % on those turned by up to 15 degrees; then refines affine map and bend over all
    blocks. Time is bounded by the plane's size alone.
    """
    if count < 1 or min(plane.shape) < _SMALLEST or max(plane.shape) > LONGEST or not plane.any():
        return
    waves = template(key)
    clean = _Whitened(plane)
    certain: list[tuple[F32, Warp, float, bool]] = []
    doubtful: list[tuple[F32, Warp, float, bool]] = []
    found = find_candidates(plane, waves, _CANDIDATES)
    for one in [one for i, one in enumerate(found) if i < _ALWAYS or one.score > _STANDS_OUT]:
        coarse = Warp(one.matrix, np.zeros((2, 3)))
        if clean.evidence(waves, coarse, one.negative) < PROMISING:
            continue
        shown = -plane if one.negative else plane
        warp, score = refine(shown, waves, coarse)
        if score > _CERTAIN and len(certain) < count:
            certain.append((shown, warp, score, one.negative))
            yield from put_back(*certain[-1])
        elif score > CREDIBLE:
            doubtful.append((shown, warp, score, one.negative))
    for shown, warp, score, negative in certain[:1]:
        curved, more = refine(shown, waves, warp, CURVED)
        if more > _MORE * score:
            yield from put_back(shown, curved, more, negative)
        for shift in ((0.0, PERIOD), (PERIOD, 0.0)):  # the waves repeat: a part of a longer plane may lie further on
            yield from put_back(shown, warp.further(shift), score, negative)
    for rest in sorted(doubtful, key=lambda one: -one[2])[: count - len(certain)]:
        yield from put_back(*rest)


class _Whitened:
    """A whitened plane, and at half its size for waves so long that at full size they are taken for the picture."""

    def __init__(self, plane: F32) -> None:
        self._plane = plane

    @functools.cached_property
    def _whole(self) -> F32:
        return whitened(self._plane)

    @functools.cached_property
    def _halved(self) -> F32:
        return whitened(halve(self._plane))

    def evidence(self, waves: Template, warp: Warp, negative: bool) -> float:
        """Return the waves' coherent sum near a warp, in standard deviations; see :func:`evidence`."""
        clean, sign = self._whole, np.float32(-1 if negative else 1)
        if warp.scale > LARGEST_SCALE:
            matrix = warp.matrix / 2
            matrix[:, 2] -= 0.25
            clean, warp = self._halved, replace(warp, matrix=matrix)
        return evidence(sign * clean, waves, warp)


def put_back(plane: F32, warp: Warp, score: float, negative: bool = False) -> Iterator[Alignment]:
    """Yield the alignment that a warp makes; nothing where it shows no part of the marked plane.

    ``negative`` says whether the plane is already the negative of the one at hand.
    """
    region = region_of(warp, (plane.shape[0], plane.shape[1]))
    if region is not None:
        yield Alignment(*rectify(plane, warp, region), region, warp, score, negative)
