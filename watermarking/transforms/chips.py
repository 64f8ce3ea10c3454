"""The plane as chips: means of small squares, each against its surroundings, and smooth pulses back."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.chips import box_mean, subtract_surroundings
from watermarking.kernels.pixels import interpolate

__all__ = ["chips_from_plane", "plane_from_chips"]

F32 = npt.NDArray[np.float32]


def _gaussian(sigma: float, reach: int) -> F32:
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(taps / taps.sum(), np.float32)


_SURROUNDINGS: Final = _gaussian(0.7, 3)


def chips_from_plane(plane: F32, side: int) -> F32:
    """Return side times the mean of each whole side x side square minus a Gaussian mean of the squares around it.

    Parameters
    ----------
    plane : (H, W) float32
    side : int

    Returns
    -------
    (H // side, W // side) float32; white noise gives values of half its variance
    """
    means = np.empty((plane.shape[0] // side, plane.shape[1] // side), np.float32)
    box_mean(plane, side, means)
    return _whiten(means) * np.float32(side)


def plane_from_chips(chips: F32, side: int, shape: tuple[int, int]) -> F32:
    """Return an (H, W) float32 plane of whitened chips, interpolated linearly."""
    out = np.zeros(shape, np.float32)
    interpolate(_whiten(np.ascontiguousarray(chips) / np.float32(side)), side, out)
    return out


def _whiten(chips: F32) -> F32:
    out = np.empty_like(chips)
    subtract_surroundings(chips, _SURROUNDINGS, np.empty_like(chips), out)
    return out
