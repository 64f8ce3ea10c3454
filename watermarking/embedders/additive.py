"""``additive``: spread spectrum in the pixel domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from watermarking.embedders.placement import Layout
from watermarking.embedders.spread_spectrum import F32, SpreadSpectrum
from watermarking.transforms.chips import chips_from_plane, plane_from_chips

__all__ = ["Additive"]


@final
@dataclass(frozen=True, kw_only=True)
class Additive(SpreadSpectrum):
    """Adds a keyed pattern of chips, 3x3 working pixels each, whitened against their surroundings.

    The pattern's energy lies between 0.05 and 0.17 cycles a working pixel.

    The parameter is the one of :class:`~watermarking.embedders.spread_spectrum.SpreadSpectrum`.

    Examples
    --------
    >>> Additive(psnr=40).capacity((512, 768, 3))
    8192
    """

    id: ClassVar[str] = "additive"
    layout: ClassVar[Layout] = Layout("additive", 3, (96, 96), 1)
    band_shape: ClassVar[tuple[float, ...]] = (1.0,)
    hiding_shape: ClassVar[tuple[float, ...]] = band_shape
    page_shape: ClassVar[tuple[float, ...]] = band_shape
    response: ClassVar[float] = 0.264
    spread_gain: ClassVar[float] = 0.197

    def analyse(self, plane: F32) -> F32:
        """Return the bands (rows, cols, 1) of a working plane (h, w)."""
        return chips_from_plane(plane, self.layout.cell)[..., None]

    def synthesise(self, bands: F32, shape: tuple[int, int]) -> F32:
        """Return the change of a working plane of this shape that a change of the bands makes."""
        return plane_from_chips(bands[..., 0], self.layout.cell, shape)
