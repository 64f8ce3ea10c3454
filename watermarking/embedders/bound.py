"""``bound``: the marks of ``dwt`` bound to what the picture shows, so that they do not simply go over to another one.

Who averages pictures that carry one key's mark is left with the mark, and may put it on a picture of his own: a copy
attack (Kutter, Voloshynovskiy and Herrigel, SPIE 3971, 2000). Here every cell's mark is multiplied by a sign that the
picture itself gives: whether a keyed sum of the light and dark around the cell is positive. It is computed from
structures 50 and more pixels wide, which survive what a mark survives, and the reader finds it again in the picture at
hand, once that is back in place. Signs of other pictures are others: averaged marks cancel, and a mark that was copied
is read with the signs of the wrong picture. Who knows this program and has many pictures of one key can learn how the
signs turn, and forge: see docs/security.md. Keyed hashes of pictures in this role: Fridrich, ICIP 1999.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, final

import numpy as np
import numpy.typing as npt

from watermarking.embedders.dwt import Dwt
from watermarking.embedders.placement import Layout
from watermarking.embedders.spread_spectrum import F32, SpreadSpectrum
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["FLAT", "Bound", "surroundings"]

_DWT: Final = Dwt()
_NARROW: Final = 0.75
_WIDE: Final = 1.5
"""Cells: the two widths of Gaussians whose difference says whether a place is lighter than what is around it."""
_ASIDE: Final = 2
"""Cells between the nine places that a cell's sign is taken from: so far apart, they say different things."""
FLAT: Final = 1.5
"""Grey levels, of the sum over nine places: what differs by less is flat. There the mark itself would turn signs."""
_MOSTLY: Final = 0.75
"""Of all cells: where fewer are flat, flat ones carry nothing. On a blank page there are no others, and they count as
light in every picture alike."""


@final
@dataclass(frozen=True, kw_only=True)
class Bound(SpreadSpectrum):
    """Marks the bands that ``dwt`` marks, each cell with a sign that depends on the picture around it.

    The parameter is the one of :class:`~watermarking.embedders.spread_spectrum.SpreadSpectrum`.

    Examples
    --------
    >>> Bound(psnr=40).capacity((512, 768, 3))
    8192
    """

    id: ClassVar[str] = "bound"
    layout: ClassVar[Layout] = Layout("bound", Dwt.layout.cell, Dwt.layout.tile, Dwt.layout.n_bands)
    band_shape: ClassVar[tuple[float, ...]] = Dwt.band_shape
    hiding_shape: ClassVar[tuple[float, ...]] = Dwt.hiding_shape
    page_shape: ClassVar[tuple[float, ...]] = Dwt.page_shape

    def analyse(self, plane: F32) -> F32:
        """Return the bands (rows, cols, 15) of a working plane (h, w), without signs."""
        return _DWT.analyse(plane)

    def synthesise(self, bands: F32, shape: tuple[int, int]) -> F32:
        """Return the change of a working plane of this shape that a change of the bands makes."""
        return _DWT.synthesise(bands, shape)

    def cell_signs(self, plane: F32, *, key: Key, origin: tuple[int, int] = (0, 0)) -> F32:
        """Return 1 or -1 for each cell (rows, cols) of a plane (h, w), 0 for one that is too flat to have a sign."""
        lighter = surroundings(plane)
        _, rows, cols = lighter.shape
        total = np.zeros((rows, cols), np.float32)
        for way, place in zip(_directions(self.layout, key, (*origin, rows, cols)), lighter, strict=True):
            total += way * place
        signs = np.sign(total).astype(np.float32)
        flat = np.abs(total) < FLAT
        signs[flat] = 0 if flat.mean() < _MOSTLY else 1
        return np.asarray(signs, np.float32)


def surroundings(plane: F32) -> F32:
    """Return by how many grey levels nine places around each cell are lighter than what is near them, (9, rows, cols).

    This much anybody can compute; the key says how each place counts.
    """
    cv2 = cv2_module()
    side = Dwt.layout.cell
    rows, cols = plane.shape[0] // side, plane.shape[1] // side
    used = np.ascontiguousarray(plane[: rows * side, : cols * side])
    light = cv2.resize(used, (cols, rows), interpolation=cv2.INTER_AREA)
    border = cv2.BORDER_REFLECT_101 if min(rows, cols) > 1 else cv2.BORDER_REPLICATE
    narrow, wide = (cv2.GaussianBlur(light, (0, 0), sigma, borderType=border) for sigma in (_NARROW, _WIDE))
    lighter = np.pad(narrow - wide, _ASIDE, mode="edge")
    steps = range(0, 3 * _ASIDE, _ASIDE)
    return np.stack([lighter[row : row + rows, col : col + cols] for row in steps for col in steps])


@functools.lru_cache(maxsize=8)
def _directions(layout: Layout, key: Key, cells: tuple[int, int, int, int]) -> npt.NDArray[np.int8]:
    """Draw with which sign each of nine places around a cell counts, (9, rows, cols), for a part of the plane.

    ``cells`` are its first row and column, its rows and columns. Every cell of a plane has directions of its own: what
    many had in common could be learnt from fewer pictures.
    """
    top, left, rows, cols = cells
    tall, wide = layout.tile
    first, last = (top // tall, left // wide), ((top + rows - 1) // tall, (left + cols - 1) // wide)
    tiles = [
        [key.bits(f"{layout.label}/picture/{down},{across}", 9 * tall * wide).reshape(9, tall, wide)
         for across in range(first[1], last[1] + 1)]
        for down in range(first[0], last[0] + 1)
    ]  # fmt: skip
    drawn = np.concatenate([np.concatenate(row, 2) for row in tiles], 1)
    at = (top - first[0] * tall, left - first[1] * wide)
    part = drawn[:, at[0] : at[0] + rows, at[1] : at[1] + cols]
    return np.where(part, np.int8(1), np.int8(-1))
