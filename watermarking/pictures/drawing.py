"""Residuals into pixels: the one place where a mark is interpolated, rounded, clipped and written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.pixels import add_residual
from watermarking.pictures.plane import BAND, channel_weights, flat_rows, grey_levels, working_scale
from watermarking.pictures.ranges import sample_peak
from watermarking.threads import map_bands, row_bands

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image

__all__ = ["apply_residual", "draw_residual", "rows_of_bands"]

F16 = npt.NDArray[np.float16]
F32 = npt.NDArray[np.float32]

_AIM: Final = 0.05  # dB above the target: the returned PSNR lies in [-0.05, +0.3] around it
_BELOW: Final = 0.04
_ABOVE: Final = 0.28
_FULL: Final = 65535
"""The peak of 16-bit samples at which rounding does not show in the PSNR. It adds 1/12 to the mean squared change."""


def apply_residual(
    image: Image,
    residual: F32 | F16,
    psnr: float,
    *,
    scale: int | None = None,
    peak: float | None = None,
    untinted: bool = False,
) -> Image:
    """Return a copy of the picture with a residual added at the strength that gives the PSNR asked for.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    residual : (h, w) float32 or float16
        Change of luma at the working scale, in grey levels, of any strength.
    psnr : float
        In dB, over the RGB samples that are not fully transparent; reached within [-0.05, +0.3] dB if clipping and
        rounding leave a way.
    scale : int, optional
        Pixels a working pixel; by default :func:`working_scale`.
    peak : float, optional
        Sample value that is grey level 255, which no result exceeds; by default
        :func:`watermarking.pictures.ranges.sample_peak`. The PSNR is over it.
    untinted : bool
        Change red, green and blue alike, which shows less, instead of as luma weighs them, which costs less PSNR.

    Returns
    -------
    ndarray
        Same shape and dtype. Fully transparent pixels, and all pixels if the residual is zero, are untouched.
    """
    pen = _Pen.of(image, scale, peak, untinted)
    wanted = pen.n_samples * 255.0**2 / 10 ** ((psnr + _AIM) / 10)
    out = np.empty(image.shape, image.dtype)
    if not pen.n_samples or not residual.any():
        out[...] = image
        return out
    weights = pen.weights
    strength = math.sqrt(wanted / pen.n_samples / max(float(np.square(weights).sum()) / min(3, weights.size), 1e-9))
    power = sum(float(np.square(residual[a:b], dtype=np.float64).sum()) for a, b in row_bands(residual.shape[0], BAND))
    strength /= max(math.sqrt(power / residual.size), 1e-9)

    def run(which: list[tuple[int, int]], strength: float) -> float:
        return sum(map_bands(lambda band: pen.write(residual, strength, band, out[pen.rows(band)]), which))

    bands = pen.bands
    sample = _sample(bands) if pen.scale > 1 and not pen.masked else bands
    share = sum(pen.n_rows(band) for band in sample) / image.shape[0]
    strength = _settle(lambda s: run(sample, s) / share, strength, wanted)
    if sample is not bands:
        strength = _settle(lambda s: run(bands, s), strength, wanted)
    return out


def draw_residual(
    image: Image,
    residual: F32,
    *,
    bands: list[tuple[int, int]] | None = None,
    peak: float | None = None,
    untinted: bool = False,
) -> Image:
    """Return a copy of the picture with a residual added as it stands, of whatever strength that is.

    Parameters
    ----------
    image, residual, peak, untinted : as for :func:`apply_residual`
    bands : list of (first, stop) rows of the working plane, optional
        Return what is drawn of these rows alone, one band below the other; see :func:`rows_of_bands`.
    """
    pen = _Pen.of(image, None, peak, untinted)
    chosen = pen.bands if bands is None else bands
    stops = np.cumsum([0, *map(pen.n_rows, chosen)])
    out = np.empty((stops[-1], *image.shape[1:]), image.dtype)

    def write(number: int) -> float:
        return pen.write(residual, 1.0, chosen[number], out[stops[number] : stops[number + 1]])

    map_bands(write, range(len(chosen)))
    return out


def rows_of_bands(image: Image, bands: list[tuple[int, int]]) -> Image:
    """Return the pixels of some bands of working rows, one below the other."""
    pen = _Pen.of(image, None, 1.0, untinted=True)
    return np.concatenate([image[pen.rows(band)] for band in bands])


def _sample(bands: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Choose about a tenth of the rows, evenly, to find the strength on before everything is written."""
    few = row_bands(bands[-1][1], 4)
    return few[5::10] or few


def _settle(energy_of: Callable[[float], float], strength: float, wanted: float) -> float:
    """Find the strength whose energy lies within the tolerance: as if it grew with the square, then by regula falsi.

    Rounding makes the energy a steep, step-like function of the strength where a change is below half a grey level,
    hence the bracket, each end with its error in dB, and no step to the outer tenths of it.
    """
    low, high = (0.0, math.inf), (math.inf, -math.inf)
    for _ in range(24):
        energy = energy_of(strength)
        error = 10 * math.log10(wanted / energy) if energy > 0 else math.inf
        if -_BELOW - _AIM < error < _ABOVE - _AIM:
            break
        if error > 0:
            low = (strength, error)
        else:
            high = (strength, error)
        if low[0] and math.isfinite(high[0]):
            part = low[1] / (low[1] - high[1]) if math.isfinite(low[1]) else 0.5
            strength = low[0] * (high[0] / low[0]) ** min(max(part, 0.1), 0.9)
        else:
            strength *= 10 ** (min(error, 12.0) / 20)
    return strength


@dataclass(frozen=True)
class _Pen:
    """What it takes to draw a residual into a picture, a band of working rows at a time."""

    image: Image
    peak: float
    scale: int
    weights: F32
    masked: bool

    @classmethod
    def of(cls, image: Image, scale: int | None, peak: float | None, untinted: bool) -> _Pen:
        weights = channel_weights(image, untinted)
        masked = weights.size == 4 and not bool(image[..., 3].all())
        return cls(image, peak or sample_peak(image), scale or working_scale(image.shape), weights, masked)

    @property
    def n_samples(self) -> int:
        """Colour samples that are not fully transparent."""
        if self.masked:
            return int(np.count_nonzero(self.image[..., 3])) * 3
        n_pixels: int = self.image.shape[0] * self.image.shape[1]
        return n_pixels * min(3, self.weights.size)

    @property
    def bands(self) -> list[tuple[int, int]]:
        return row_bands(-(-self.image.shape[0] // self.scale), BAND)

    def rows(self, band: tuple[int, int]) -> slice:
        return slice(band[0] * self.scale, band[0] * self.scale + self.n_rows(band))

    def n_rows(self, band: tuple[int, int]) -> int:
        stop: int = min(band[1] * self.scale, self.image.shape[0])
        return stop - band[0] * self.scale

    def write(self, residual: F32 | F16, strength: float, band: tuple[int, int], target: Image) -> float:
        """Mark a band; return the energy of the change."""
        top = max(band[0] - 1, 0)  # interpolation looks one working row up and down
        scaled = residual[top : band[1] + 1] * np.float32(strength)
        source, first = self.image[self.rows(band)], band[0] * self.scale - top * self.scale
        arguments = (first, scaled, self.weights.size, self.scale, self.weights)
        if source.dtype == np.uint8:
            return float(add_residual(flat_rows(source), *arguments, 1.0, self.masked, flat_rows(target)))
        rows = grey_levels(source, self.peak)
        energy = float(add_residual(rows, *arguments, 0.0, self.masked, rows))
        back = rows.reshape(source.shape)
        if source.dtype == np.uint16:
            target[...] = np.rint(back * np.float32(self.peak / 255))
        else:
            np.divide(back, np.float32(255), out=target, casting="same_kind")
        if self.weights.size == 4:
            target[..., 3] = source[..., 3]
        if self.masked:
            clear = source[..., 3] == 0
            target[clear] = source[clear]
        if source.dtype == np.uint16 and self.peak < _FULL:
            energy = _squares(source, target) * (255 / self.peak) ** 2
        return energy


def _squares(source: Image, target: Image) -> float:
    """Return the sum of squared changes of the colour samples of some rows, as they were written."""
    if source.ndim == 3:
        source, target = source[..., :3], target[..., :3]
    return float(np.square(np.subtract(target, source, dtype=np.float32), dtype=np.float64).sum())
