"""``dct``: spread spectrum in the low and middle frequencies of 8x8 blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from watermarking.embedders.placement import Layout
from watermarking.embedders.spread_spectrum import F32, SpreadSpectrum
from watermarking.transforms.block_dct import block_dct, block_idct

__all__ = ["Dct"]

MODES: Final = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (0, 3), (3, 0))
"""(vertical, horizontal) frequencies of a block, in the order of their radius."""


@final
@dataclass(frozen=True, kw_only=True)
class Dct(SpreadSpectrum):
    """Marks ten low and middle DCT coefficients of every 8x8 block of luma.

    At working scale 1 (long side below 1200 pixels) the blocks are those of JPEG.

    The parameter is the one of :class:`~watermarking.embedders.spread_spectrum.SpreadSpectrum`.

    Examples
    --------
    >>> Dct(psnr=40).capacity((512, 768, 3))
    8192
    """

    id: ClassVar[str] = "dct"
    layout: ClassVar[Layout] = Layout("dct", 8, (32, 32), len(MODES))
    band_shape: ClassVar[tuple[float, ...]] = tuple(float(np.hypot(v, u) / 1.6) ** -0.6 for v, u in MODES)
    hiding_shape: ClassVar[tuple[float, ...]] = tuple(float(np.hypot(v, u) / 1.6) ** 0.4 for v, u in MODES)
    page_shape: ClassVar[tuple[float, ...]] = hiding_shape

    def analyse(self, plane: F32) -> F32:
        """Return the bands (rows, cols, 10) of a working plane (h, w)."""
        return block_dct(plane, MODES)

    def synthesise(self, bands: F32, shape: tuple[int, int]) -> F32:
        """Return the change of a working plane of this shape that a change of the bands makes."""
        return block_idct(bands, MODES, shape)
