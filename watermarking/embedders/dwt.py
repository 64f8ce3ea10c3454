"""``dwt``: spread spectrum in the detail bands of a three-level wavelet transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from watermarking.embedders.placement import Layout
from watermarking.embedders.spread_spectrum import F32, SpreadSpectrum
from watermarking.transforms.wavelet import dwt2, idwt2

__all__ = ["Dwt"]

WAVELET: Final = "bior4.4"
_COARSE: Final = (0.07 / 0.1) ** -0.8
_FINE: Final = (0.15 / 0.1) ** -0.8


@final
@dataclass(frozen=True, kw_only=True)
class Dwt(SpreadSpectrum):
    """Marks the detail bands of levels 2 and 3 of the Cohen-Daubechies-Feauveau 9/7 transform of luma.

    A cell of 8x8 working pixels has three coefficients of level 3 and twelve of level 2. Level 1 (what JPEG and
    scaling remove) and the approximation (where the picture itself is strongest: marking it lost in every measurement)
    stay as they are.

    The parameter is the one of :class:`~watermarking.embedders.spread_spectrum.SpreadSpectrum`.

    Examples
    --------
    >>> Dwt(psnr=40).capacity((512, 768, 3))
    8192
    """

    id: ClassVar[str] = "dwt"
    layout: ClassVar[Layout] = Layout("dwt", 8, (32, 32), 15)
    band_shape: ClassVar[tuple[float, ...]] = (_COARSE,) * 3 + (_FINE,) * 12
    hiding_shape: ClassVar[tuple[float, ...]] = (_COARSE,) * 3 + (1.6 * _FINE,) * 12
    page_shape: ClassVar[tuple[float, ...]] = (2 * _COARSE,) * 3 + (_FINE,) * 12  # JPEG leaves nothing else on paper

    def analyse(self, plane: F32) -> F32:
        """Return the bands (rows, cols, 15) of a working plane (h, w)."""
        rows, cols = plane.shape[0] // 8, plane.shape[1] // 8
        first, _ = dwt2(np.ascontiguousarray(plane[: 8 * rows, : 8 * cols]), WAVELET, details=False)
        second, fine = dwt2(first, WAVELET)
        _, coarse = dwt2(second, WAVELET)
        out = np.empty((rows, cols, 15), np.float32)
        for i, band in enumerate(coarse):
            out[..., i] = band
        for i, band in enumerate(fine):
            out[..., 3 + 4 * i : 7 + 4 * i] = (
                band.reshape(rows, 2, cols, 2).transpose(0, 2, 1, 3).reshape(rows, cols, 4)
            )
        return out

    def synthesise(self, bands: F32, shape: tuple[int, int]) -> F32:
        """Return the change of a working plane of this shape that a change of the bands makes."""
        rows, cols = bands.shape[:2]
        coarse = tuple(np.ascontiguousarray(bands[..., i]) for i in range(3))
        fine = tuple(
            bands[..., i : i + 4].reshape(rows, cols, 2, 2).transpose(0, 2, 1, 3).reshape(2 * rows, 2 * cols)
            for i in (3, 7, 11)
        )
        second = idwt2(None, (coarse[0], coarse[1], coarse[2]), WAVELET)
        first = idwt2(second, (fine[0], fine[1], fine[2]), WAVELET)
        change = idwt2(first, None, WAVELET)
        missing = [(0, n - m) for n, m in zip(shape, change.shape, strict=True)]
        return np.pad(change, missing) if change.shape != shape else change
