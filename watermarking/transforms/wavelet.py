"""Periodic two-dimensional discrete wavelet transform, any wavelet that PyWavelets knows."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from watermarking.kernels.transforms import filter_columns, filter_rows, upsample_columns, upsample_rows

__all__ = ["dwt2", "idwt2"]

F32 = npt.NDArray[np.float32]


@functools.cache
def _filters(wavelet: str) -> tuple[F32, F32, F32, F32]:
    import pywt

    bank: Any = pywt.Wavelet(wavelet).filter_bank
    low, high, back_low, back_high = (np.array(taps, np.float32) for taps in bank)
    return low, high, back_low, back_high


def dwt2(plane: F32, wavelet: str, *, details: bool = True) -> tuple[F32, tuple[F32, F32, F32]]:
    """Transform one level, as ``pywt.dwt2(plane, wavelet, "periodization")`` does.

    Parameters
    ----------
    plane : (H, W) float32, H and W even
    wavelet : str
    details : bool
        False leaves the detail bands unset, which saves three quarters of the time.

    Returns
    -------
    approximation : (H / 2, W / 2) float32
    horizontal, vertical, diagonal : (H / 2, W / 2) float32
    """
    low, high, _, _ = _filters(wavelet)
    shift = low.size // 2
    height, width = plane.shape
    half = np.empty((height // 2, width), np.float32)
    approximation, horizontal, vertical, diagonal = (np.empty((height // 2, width // 2), np.float32) for _ in range(4))
    filter_columns(plane, low, shift, half)
    filter_rows(half, low, shift, approximation)
    if details:
        filter_rows(half, high, shift, vertical)
        filter_columns(plane, high, shift, half)
        filter_rows(half, low, shift, horizontal)
        filter_rows(half, high, shift, diagonal)
    return approximation, (horizontal, vertical, diagonal)


def idwt2(approximation: F32 | None, details: tuple[F32, F32, F32] | None, wavelet: str) -> F32:
    """Invert :func:`dwt2`; what is None counts as zero.

    Returns
    -------
    (2 h, 2 w) float32
    """
    _, _, low, high = _filters(wavelet)
    shift = low.size // 2 - 1
    some = approximation if approximation is not None else details[0]  # type: ignore[index]
    out = np.zeros((2 * some.shape[0], 2 * some.shape[1]), np.float32)
    horizontal, vertical, diagonal = details if details is not None else (None, None, None)
    for column_taps, left, right in ((low, approximation, vertical), (high, horizontal, diagonal)):
        half = np.zeros((some.shape[0], out.shape[1]), np.float32)
        if left is not None:
            upsample_rows(left, low, shift, half)
        if right is not None:
            upsample_rows(right, high, shift, half)
        if left is not None or right is not None:
            upsample_columns(half, column_taps, shift, out)
    return out
