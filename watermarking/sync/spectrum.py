"""The spectrum that the waves are looked for in: whitened, and level everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft

from watermarking.kernels.sync import level_spectrum
from watermarking.pictures.opencv import cv2_module
from watermarking.sync.whitening import whitened

__all__ = ["Spectrum", "look_up", "spectrum_of", "spectrum_of_whitened"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_TAPER: Final = 0.1
"""Of each side: how far a plane fades out towards its borders."""
_CAP: Final = 12.0
"""Times what is usual near by: lines of the picture's own count as no more."""
_LEVEL: Final = 31
"""Bins to a side of the square that says what is usual."""


@dataclass(frozen=True)
class Spectrum:
    """The whitened picture's spectrum, its phases counted from the picture's centre.

    Attributes
    ----------
    values : (n_v, n_u / 2 + 1) complex64, of unit variance by chance
    power : squared magnitudes, single peaks cut off, as :func:`watermarking.kernels.sync.level_spectrum` arranges them
    width : int, n_u
    shape : (rows, cols) of the picture
    """

    values: npt.NDArray[np.complex64]
    power: F32
    width: int
    shape: tuple[int, int]


def spectrum_of(plane: F32) -> Spectrum:
    """Return the spectrum of a whitened, tapered and zero-padded plane."""
    return spectrum_of_whitened(whitened(plane), 2.0)


def spectrum_of_whitened(clean: F32, padding: float) -> Spectrum:
    """Return the spectrum of a whitened plane, tapered and zero-padded to so many times its sides.

    With less than twice, waves between two bins lose up to a third of their power.
    """
    cv2 = cv2_module()
    rows, cols = clean.shape
    height, width = (64 * -(-int(padding * n) // 64) for n in (rows, cols))
    tapered = clean * _taper(rows)[:, None]
    tapered *= _taper(cols)
    padded = np.zeros((height, width), np.float32)
    for row, at_row in _halves(rows, height):
        for col, at_col in _halves(cols, width):
            padded[at_row, at_col] = tapered[row, col]
    values = scipy.fft.rfft2(padded, workers=1)  # in single precision
    level = cv2.blur(np.square(values.real) + np.square(values.imag), (_LEVEL, _LEVEL), borderType=cv2.BORDER_REFLECT)
    power = np.empty((height + 3, width // 2 + 2), np.float32)
    level_spectrum(values, level + np.float32(1e-12), _CAP, power)
    return Spectrum(values, power, width, (rows, cols))


def _halves(n: int, size: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the later and the earlier half of ``n`` places, each with where it goes for the middle to come first."""
    later = n - n // 2
    return (slice(n // 2, n), slice(0, later)), (slice(0, n // 2), slice(size - n // 2, size))


def _taper(n: int) -> F32:
    ramp = np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) / (_TAPER * n)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.minimum(ramp, 1)), np.float32)


def look_up(spectrum: Spectrum, at: F64) -> npt.NDArray[np.complex128]:
    """Return the spectrum at frequencies (k, 2), interpolated linearly between bins; 0 outside."""
    negative = at[:, 1] < 0
    v, u = np.where(negative[:, None], -at, at).T
    height, width = spectrum.values.shape[0], spectrum.width
    row, col = np.floor(v * height).astype(int), np.floor(u * width).astype(int)
    inside = (np.abs(v) < 0.49) & (u < 0.49)
    row, col = np.where(inside, row, 0), np.where(inside, col, 0)
    a, b = v * height - row, u * width - col
    found = np.zeros(len(at), np.complex128)
    for dr, wr in ((0, 1 - a), (1, a)):
        for dc, wc in ((0, 1 - b), (1, b)):
            found += wr * wc * spectrum.values[(row + dr) % height, np.minimum(col + dc, width // 2)]
    return np.where(inside, np.where(negative, found.conj(), found), 0)
