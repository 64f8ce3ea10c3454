"""Find a marked picture inside something else: a screenshot, a page, a slide, a collage.

One spectrum of a whole canvas dilutes the waves with all that is not the picture, and at the canvas's working scale a
small picture has lost them. Here the canvas is looked at in its own pixels, as a whole and through windows of two
sizes. A picture in it stands upright: of each window the scales are found that stand out, then the offsets at these.
What is found is refined where it was found, and bounded by where the waves keep their phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.sync import score_maps
from watermarking.sync.align import CREDIBLE, PROMISING, put_back
from watermarking.sync.bounds import bounds_of
from watermarking.sync.linear import climb
from watermarking.sync.refine import FLAT, evidence, refine
from watermarking.sync.search import offsets_of
from watermarking.sync.spectrum import spectrum_of_whitened
from watermarking.sync.template import PERIOD, template
from watermarking.sync.upright import scales_that_stand_out
from watermarking.sync.warp import LONGEST, Warp
from watermarking.sync.whitening import whitened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watermarking.keys import Key
    from watermarking.sync.align import Alignment
    from watermarking.sync.search import Candidate
    from watermarking.sync.spectrum import Spectrum
    from watermarking.sync.template import Template

__all__ = ["Inside", "can_be_searched", "pictures_inside"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_SMALLEST: Final = 96
_SIDES: Final = (640, 320)
"""Pixels to the side of a window; a picture of twice the side lies in one at least in part."""
_PADDING: Final = 1.5
_BUSY: Final = 0.02
"""Share of a window that is not flat, for it to be worth a look."""
_SCALES_AT_ONCE: Final = 6
_LEAST: Final = 2.3  # standard deviations
_ELSEWHERE: Final = 3
"""Scales of the whole plane that are tried in each window."""
_OF_A_WINDOW: Final = 2
_LEAST_OF_A_WINDOW: Final = 3.3
_OFFSETS: Final = 2
_REFINED: Final = 3
"""More than are asked for."""
_WORTH: Final = 0.5
"""What a standard deviation of power at the scale counts beside one of the sum of phases."""
_SAME: Final = 0.7  # of the smaller one's area
_STANDS_OUT: Final = 6.5  # about what chance gives the best offset of one map whose power stands out a little


@dataclass(frozen=True)
class Window:
    """A part of the plane: its corner and its size."""

    row: int
    col: int
    rows: int
    cols: int

    def of(self, plane: F32) -> F32:
        """Cut it out."""
        return np.ascontiguousarray(plane[self.row : self.row + self.rows, self.col : self.col + self.cols])


@dataclass(frozen=True)
class Inside:
    """A picture that was found in a plane.

    Attributes
    ----------
    alignment : Alignment
        Of the part of the plane that shows it; its warp goes to the whole plane.
    box : (top, left, rows, cols) of that part
    """

    alignment: Alignment
    box: tuple[int, int, int, int]


def can_be_searched(rows: int, cols: int) -> bool:
    """Say whether pictures are looked for in a plane of that size at all."""
    return min(rows, cols) >= _SMALLEST and max(rows, cols) <= LONGEST


def pictures_inside(plane: F32, key: Key, count: int, on_cut: Callable[[], None] | None = None) -> Iterator[Inside]:
    """Yield at most ``count`` marked pictures that stand upright somewhere in a plane (h, w), best first.

    ``on_cut`` is called at the end if places were left untried where more may be: that many were found, or so many
    places tried, and not the last half of them for nothing.
    """
    if not can_be_searched(*plane.shape):
        return
    waves = template(key)
    clean = whitened(plane)
    found: list[tuple[Candidate, Window]] = []
    everywhere: list[tuple[F64, float]] = []
    for window in _windows(plane.shape, clean):
        spectrum = spectrum_of_whitened(window.of(clean), _PADDING)
        whole = window.rows == plane.shape[0] and window.cols == plane.shape[1]
        own = _maps(spectrum, waves, *((_SCALES_AT_ONCE, _LEAST) if whole else (_OF_A_WINDOW, _LEAST_OF_A_WINDOW)))
        found += [
            (replace(one, score=one.score + _WORTH * power), window)
            for linear, power in own + _present(spectrum, waves, everywhere[:_ELSEWHERE])
            for one in offsets_of(spectrum, waves, linear, _OFFSETS, either_sign=True)
        ]
        if whole:
            everywhere = own
    yield from _distinct(plane, clean, waves, sorted(found, key=lambda one: -one[0].score), count, on_cut)


def _windows(shape: tuple[int, ...], clean: F32) -> Iterator[Window]:
    """Yield the whole plane, then windows that overlap by half, those that are flat left out."""
    rows, cols = shape[0], shape[1]
    yield Window(0, 0, rows, cols)
    for side in _SIDES:
        tops, lefts = _starts(rows, side), _starts(cols, side)
        if len(tops) * len(lefts) > 1:
            for top in tops:
                for left in lefts:
                    window = Window(top, left, min(side, rows), min(side, cols))
                    if np.count_nonzero(window.of(clean)[::4, ::4]) > _BUSY * window.rows * window.cols / 16:
                        yield window


def _starts(n: int, side: int) -> list[int]:
    if n <= side:
        return [0]
    pieces = math.ceil((n - side) / (side / 2))
    return [round(i * (n - side) / pieces) for i in range(pieces + 1)]


def _maps(spectrum: Spectrum, waves: Template, count: int, least: float) -> list[tuple[F64, float]]:
    """Return frequency maps (2, 2) of upright pictures, a little stretched at most, and how far each stands out."""
    scales = scales_that_stand_out(spectrum, waves, count, least)
    if not scales:
        return []
    maps, _ = climb(spectrum, waves, np.eye(2)[None] / np.array([scale for scale, _ in scales])[:, None, None])
    return [(linear, power) for linear, (_, power) in zip(maps, scales, strict=True)]


def _present(spectrum: Spectrum, waves: Template, maps: list[tuple[F64, float]]) -> list[tuple[F64, float]]:
    """Return those maps at which the waves have more power than chance gives on average, which is 1 a wave."""
    totals = np.empty(len(maps), np.float32)
    score_maps(spectrum.power, waves.frequencies, np.array([linear for linear, _ in maps]).reshape(-1, 2, 2), totals)
    return [one for one, total in zip(maps, totals, strict=True) if total > len(waves.waves)]


def _distinct(
    plane: F32,
    clean: F32,
    waves: Template,
    found: list[tuple[Candidate, Window]],
    count: int,
    on_cut: Callable[[], None] | None,
) -> Iterator[Inside]:
    """Refine what was found, the best first, and bound it; what lies in a picture that was found is left out."""
    boxes: list[tuple[int, int, int, int]] = []
    n_refined = last = 0
    for one, window in found:
        if one.score < _STANDS_OUT:
            break
        middle = (window.row + window.rows / 2, window.col + window.cols / 2)
        if any(top <= middle[0] < top + rows and left <= middle[1] < left + cols for top, left, rows, cols in boxes):
            continue
        if n_refined == count + _REFINED or len(boxes) == count:
            # Round a picture that was found lie many places that show it in part: long in vain is the end of the list.
            if on_cut is not None and 2 * last > n_refined:
                on_cut()
            break
        n_refined += 1
        shown = np.float32(-1 if one.negative else 1)
        coarse = Warp(one.matrix, np.zeros((2, 3)))
        if evidence(shown * window.of(clean), waves, coarse) < PROMISING:
            continue
        warp, _ = refine(shown * window.of(plane), waves, coarse, FLAT[:1])
        warp = warp.moved(window.row, window.col)
        box = bounds_of(shown * clean, waves, warp)
        if any(_overlap(box, other) > _SAME for other in boxes):
            continue
        boxes.append(box)
        last = n_refined
        top, left, rows, cols = box
        part = shown * plane[top : top + rows, left : left + cols]
        warp = _first_period(warp.moved(-top, -left), (rows, cols))
        warp, score = refine(part, waves, warp, FLAT)
        if score < CREDIBLE:
            continue
        for alignment in put_back(part, warp, score, one.negative):
            yield Inside(replace(alignment, warp=warp.moved(top, left)), box)


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Return the area that two rectangles share, as a part of the smaller one's."""
    rows = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    cols = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(rows, 0) * max(cols, 0) / min(one[2] * one[3], other[2] * other[3])


def _first_period(warp: Warp, shape: tuple[int, int]) -> Warp:
    """Return the warp for which the middle of a plane shows the first period of the waves: they say no more."""
    middle = np.array([shape[0] / 2, shape[1] / 2])
    there = np.linalg.solve(warp.matrix[:, :2], middle - warp.matrix[:, 2])
    periods = np.floor(there / PERIOD)
    return warp.further((-PERIOD * periods[0], -PERIOD * periods[1]))
