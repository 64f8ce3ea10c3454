"""``bound``: the marks of ``dwt`` bound to what the picture shows, so that they cannot be put on another one.

Who averages pictures that carry one key's mark is left with the mark, and may put it on a picture of his own: a copy
attack (Kutter, Voloshynovskiy and Herrigel, SPIE 3971, 2000). Here every cell's mark is multiplied by a sign that the
picture itself gives: whether a keyed sum of the light and dark around the cell is positive. It is computed from
structures 50 and more pixels wide, which survive what a mark survives, and the reader finds it again in the picture at
hand, once that is back in place. Signs of other pictures are others: averaged marks cancel, and a mark that was copied
is read with the signs of the wrong picture. Keyed hashes of pictures in this role: Fridrich, ICIP 1999.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, final

import numpy as np

from watermarking.embedders.dwt import Dwt
from watermarking.embedders.placement import Layout
from watermarking.embedders.spread_spectrum import F32, SpreadSpectrum
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["Bound"]

_DWT: Final = Dwt()
_NARROW: Final = 0.75
_WIDE: Final = 1.5
"""Cells: the two widths of Gaussians whose difference says whether a place is lighter than what is around it."""
_ASIDE: Final = 2
"""Cells between the nine places that a cell's sign is taken from: so far apart, they say different things."""
_FLAT: Final = 1.5
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
        cv2 = cv2_module()
        side, tile = self.layout.cell, self.layout.tile
        rows, cols = plane.shape[0] // side, plane.shape[1] // side
        light = cv2.resize(
            np.ascontiguousarray(plane[: rows * side, : cols * side]), (cols, rows), interpolation=cv2.INTER_AREA
        )
        border = cv2.BORDER_REFLECT_101 if min(rows, cols) > 1 else cv2.BORDER_REPLICATE
        narrow, wide = (cv2.GaussianBlur(light, (0, 0), sigma, borderType=border) for sigma in (_NARROW, _WIDE))
        lighter = np.pad(narrow - wide, _ASIDE, mode="edge")
        table = _directions(self.layout, key)[
            np.ix_((origin[0] + np.arange(rows)) % tile[0], (origin[1] + np.arange(cols)) % tile[1])
        ]
        total = np.zeros((rows, cols), np.float32)
        for i in range(9):
            row, col = _ASIDE * (i // 3), _ASIDE * (i % 3)
            total += table[..., i] * lighter[row : row + rows, col : col + cols]
        signs = np.sign(total).astype(np.float32)
        flat = np.abs(total) < _FLAT
        signs[flat] = 0 if flat.mean() < _MOSTLY else 1
        return signs


@functools.lru_cache(maxsize=8)
def _directions(layout: Layout, key: Key) -> F32:
    """Draw with which sign each of nine places around a cell counts, (rows, cols, 9), the same in all tiles."""
    return key.signs(f"{layout.label}/picture", layout.tile[0] * layout.tile[1] * 9).reshape(*layout.tile, 9)
