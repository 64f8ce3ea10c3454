"""The working plane: luma at a scale tied to the picture's size, and the way back into the pixels.

A mark lives at the working scale, where the picture is 600 to 1200 pixels long whatever its resolution, so that it
survives the scaling of messengers and costs the same time at any size. ``scale`` pixels make one working pixel.
Only here are residuals rounded, clipped and written, once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.pixels import add_residual, luma_box, luma_box_alpha
from watermarking.pictures.ranges import sample_peak
from watermarking.threads import map_bands, row_bands

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image

__all__ = ["LUMA", "apply_residual", "luma_energy", "luma_plane", "working_scale", "working_shape"]

F16 = npt.NDArray[np.float16]
F32 = npt.NDArray[np.float32]

LUMA: Final = (0.299, 0.587, 0.114)
"""Rec. 601, as JPEG has it."""
_LONG_SIDE: Final = 800
_SHORT_SIDE: Final = 128
_BAND: Final = 32  # working rows a task
_NEUTRAL: Final = 128.0
_AIM: Final = 0.05  # dB above the target: the returned PSNR lies in [-0.05, +0.3] around it
_BELOW: Final = 0.04
_ABOVE: Final = 0.28
_FULL: Final = 65535
"""The peak of 16-bit samples at which rounding does not show in the PSNR. It adds 1/12 to the mean squared change."""


def working_scale(shape: tuple[int, ...]) -> int:
    """Return how many pixels make one working pixel, a whole number, for a picture of this shape.

    Long sides up to 1199 pixels are taken as they are; a 12 MP photograph has scale 5. Strips keep at least 128
    working pixels across.

    Examples
    --------
    >>> working_scale((512, 768, 3)), working_scale((3000, 4000, 3)), working_scale((16, 100_000))
    (1, 5, 1)
    """
    height, width = shape[:2]
    by_length = (2 * max(height, width) + _LONG_SIDE) // (2 * _LONG_SIDE)
    return max(1, min(by_length, min(height, width) // _SHORT_SIDE, 256))


def working_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the shape (rows, columns) of the working plane."""
    scale = working_scale(shape)
    return shape[0] // scale, shape[1] // scale


def luma_plane(
    image: Image,
    scale: int | None = None,
    *,
    peak: float | None = None,
    shares: tuple[float, float, float] = LUMA,
) -> F32:
    """Return the luma of a picture, averaged over boxes of the working scale.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    scale : int, optional
        Pixels a working pixel; by default :func:`working_scale`.
    peak : float, optional
        Sample value that is grey level 255; by default :func:`watermarking.pictures.ranges.sample_peak`.
    shares : of red, green and blue; one of them alone gives that channel

    Returns
    -------
    (H // scale, W // scale) float32, grey levels 0..255; fully transparent pixels count as mid-grey
    """
    scale, peak = scale or working_scale(image.shape), peak or sample_peak(image)
    channels = _channels(image)
    masked = channels == 4 and not bool(image[..., 3].all())
    out = np.empty((image.shape[0] // scale, image.shape[1] // scale), np.float32)
    weights = np.array([1.0] if channels == 1 else [*shares, 0.0][:channels], np.float32)

    def work(band: tuple[int, int]) -> None:
        rows = _grey_levels(image[band[0] * scale : band[1] * scale], peak)
        target = out[band[0] : band[1]]
        if masked:
            luma_box_alpha(rows, scale, weights, _NEUTRAL, target)
        else:
            luma_box(rows, channels, scale, weights, target)

    map_bands(work, row_bands(out.shape[0], _BAND))
    return out


def luma_energy(image: Image, psnr: float, *, untinted: bool = False) -> float:
    """Return the mean squared change of luma, in squared grey levels, that a PSNR over RGB allows."""
    weights = _channel_weights(image, untinted)
    return 255.0**2 / 10 ** (psnr / 10) * min(3, weights.size) / float(np.square(weights).sum())


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
    scale, peak = scale or working_scale(image.shape), peak or sample_peak(image)
    weights = _channel_weights(image, untinted)
    masked = weights.size == 4 and not bool(image[..., 3].all())
    n_samples = (
        int(np.count_nonzero(image[..., 3])) * 3 if masked else image.shape[0] * image.shape[1] * min(3, weights.size)
    )
    wanted = n_samples * 255.0**2 / 10 ** ((psnr + _AIM) / 10)
    out = np.empty(image.shape, image.dtype)
    if not n_samples or not residual.any():
        out[...] = image
        return out
    strength = math.sqrt(wanted / n_samples / max(float(np.square(weights).sum()) / min(3, weights.size), 1e-9))
    power = sum(float(np.square(residual[a:b], dtype=np.float64).sum()) for a, b in row_bands(residual.shape[0], _BAND))
    strength /= max(math.sqrt(power / residual.size), 1e-9)
    bands = row_bands(-(-image.shape[0] // scale), _BAND)
    sample = _sample(image.shape[0], scale) if scale > 1 and not masked else bands

    def run(which: list[tuple[int, int]], strength: float) -> float:
        def write(band: tuple[int, int]) -> float:
            top = max(band[0] - 1, 0)  # interpolation looks one working row up and down
            scaled = residual[top : band[1] + 1] * np.float32(strength)
            return _write_band(image, peak, scaled, top * scale, scale, weights, masked, band, out)

        return sum(map_bands(write, which))

    share = sum(min(b * scale, image.shape[0]) - a * scale for a, b in sample) / image.shape[0]
    strength = _settle(lambda s: run(sample, s) / share, strength, wanted)
    if sample is not bands:
        strength = _settle(lambda s: run(bands, s), strength, wanted)
    return out


def _sample(n_rows: int, scale: int) -> list[tuple[int, int]]:
    """Choose about a tenth of the rows, evenly, to find the strength on before everything is written."""
    few = row_bands(-(-n_rows // scale), 4)
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


def _write_band(
    image: Image,
    peak: float,
    residual: F32,
    top: int,
    scale: int,
    weights: F32,
    masked: bool,
    band: tuple[int, int],
    out: Image,
) -> float:
    """Mark a band of working rows; ``residual`` begins at row ``top`` of the picture. Return the energy."""
    first, stop = band[0] * scale, min(band[1] * scale, image.shape[0])
    source, target = image[first:stop], out[first:stop]
    if image.dtype == np.uint8:
        rows, written = _flat(source), _flat(target)
        return float(add_residual(rows, first - top, residual, weights.size, scale, weights, 1.0, masked, written))
    rows = _grey_levels(source, peak)
    energy = float(add_residual(rows, first - top, residual, weights.size, scale, weights, 0.0, masked, rows))
    back = rows.reshape(source.shape)
    if image.dtype == np.uint16:
        target[...] = np.rint(back * np.float32(peak / 255))
    else:
        np.divide(back, np.float32(255), out=target, casting="same_kind")
    if weights.size == 4:
        target[..., 3] = source[..., 3]
    if masked:
        clear = source[..., 3] == 0
        target[clear] = source[clear]
    if image.dtype == np.uint16 and peak < _FULL:
        energy = _squares(source, target) * (255 / peak) ** 2
    return energy


def _squares(source: Image, target: Image) -> float:
    """Return the sum of squared changes of the colour samples of some rows, as they were written."""
    if source.ndim == 3:
        source, target = source[..., :3], target[..., :3]
    return float(np.square(np.subtract(target, source, dtype=np.float32), dtype=np.float64).sum())


def _channels(image: Image) -> int:
    return 1 if image.ndim == 2 else int(image.shape[2])


def _flat(rows: Image) -> Image:
    contiguous = np.require(rows, requirements=("C", "W"))  # kernels would be compiled once more for read-only arrays
    return contiguous.reshape(contiguous.shape[0], -1)


def _grey_levels(rows: Image, peak: float) -> Image:
    """Return a band as (rows, samples): uint8 as it is, everything else as float32 grey levels, always a copy then."""
    if rows.dtype == np.uint8:
        return _flat(rows)
    return _flat(np.multiply(rows, np.float32(255 / peak), dtype=np.float32))


def _channel_weights(image: Image, untinted: bool) -> F32:
    """Say how much of a change of luma each channel takes.

    For colour the change is proportional to the luma weights: of all RGB changes with the same luma it has the least
    squared error (1.27 dB less than an equal change). Grey stays grey. An equal change does not tint: at the same
    SSIMULACRA2 it may be a sixth larger.
    """
    channels = _channels(image)
    if channels == 1:
        return np.ones(1, np.float32)
    weights = np.zeros(channels, np.float32)
    few = image[:: max(1, image.shape[0] // 64), :: max(1, image.shape[1] // 64)]
    achromatic = bool((few[..., 0] == few[..., 1]).all() and (few[..., 1] == few[..., 2]).all())
    luma = np.array(LUMA)
    weights[:3] = 1.0 if achromatic or untinted else luma / (luma @ luma)
    return weights
