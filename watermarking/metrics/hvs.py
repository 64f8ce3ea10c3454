"""PSNR-HVS-M: differences weighted by contrast sensitivity, less what the texture masks.

Ponomarenko, Silvestri, Egiazarian, Carli, Astola and Lukin, "On between-coefficient contrast masking of DCT basis
functions", VPQM 2007. Both of its tables follow from the luminance table of JPEG (Annex K).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import UnsupportedImageError
from watermarking.metrics.picture import check_pair, luma, peak

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

    Blocks = npt.NDArray[np.float32]

__all__ = ["psnr_hvs_m"]

_JPEG_LUMINANCE: Final = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float32,
)
_SENSITIVITY: Final = 25.735088 / _JPEG_LUMINANCE
_MASKING: Final = (10 / _JPEG_LUMINANCE) ** 2
_BAND_ROWS: Final = 128


def psnr_hvs_m(first: Image, second: Image) -> float:
    """Return the PSNR-HVS-M of the luma in dB, over the whole 8x8 blocks; infinite if no difference is visible.

    Other peaks than 255 are scaled to 255 first, for the masking is defined in grey levels.

    Parameters
    ----------
    first, second : (H, W), (H, W, 3) or (H, W, 4), same shape and dtype, at least 8 x 8
        Alpha is left out.

    Raises
    ------
    UnsupportedImageError
        If the pictures do not fit each other or hold no whole block.
    """
    check_pair(first, second)
    height, width = first.shape[0] // 8 * 8, first.shape[1] // 8 * 8
    if not height or not width:
        raise UnsupportedImageError(f"PSNR-HVS-M needs at least 8x8 pixels, not {first.shape[1]}x{first.shape[0]}")
    scale = np.float32(255 / peak(first, second))
    total = 0.0
    for top in range(0, height, _BAND_ROWS):
        here = (slice(top, min(height, top + _BAND_ROWS)), slice(0, width))
        total += _visible(_blocks(luma(first[here]) * scale), _blocks(luma(second[here]) * scale))
    return math.inf if total == 0 else 10 * math.log10(255**2 * height * width / total)


def _visible(one: Blocks, two: Blocks) -> float:
    """Return the summed squares of the visible, weighted coefficient differences of blocks (n, 8, 8)."""
    one_dct, two_dct = _dct(one), _dct(two)
    mask = np.maximum(_mask(one, one_dct), _mask(two, two_dct))[:, None, None]
    threshold = mask / _MASKING
    threshold[:, 0, 0] = 0
    difference = np.maximum(np.abs(one_dct - two_dct) - threshold, 0) * _SENSITIVITY
    return float(np.square(difference).sum(dtype=np.float64))


def _mask(blocks: Blocks, coefficients: Blocks) -> Blocks:
    """Return how much each block masks (n,): weighted energy, less where it sits in an edge and not in texture."""
    weighted = np.square(coefficients) * _MASKING
    energy = weighted.sum(axis=(1, 2)) - weighted[:, 0, 0]
    quarters = blocks.reshape(-1, 2, 4, 2, 4)
    inside = quarters.var(axis=(2, 4)).sum(axis=(1, 2)) * 16 * (16 / 15)  # unbiased variance times samples
    whole = blocks.var(axis=(1, 2)) * 64 * (64 / 63)
    share = np.divide(inside, whole, out=np.zeros_like(whole), where=whole > 0)
    return np.asarray(np.sqrt(energy * share) / 32, dtype=np.float32)


def _blocks(plane: Blocks) -> Blocks:
    """Cut a plane into its 8x8 blocks (n, 8, 8)."""
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    return plane.reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(-1, 8, 8)


def _dct(blocks: Blocks) -> Blocks:
    """Return the orthonormal DCT-II of each block."""
    k, n = np.arange(8)[:, None], np.arange(8)[None, :]
    basis = np.cos(np.pi * (2 * n + 1) * k / 16) * np.where(k == 0, math.sqrt(1 / 8), 0.5)
    basis = basis.astype(np.float32)
    return np.asarray(basis @ blocks @ basis.T, dtype=np.float32)
