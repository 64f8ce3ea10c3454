"""Between pictures of any size and type and the square working picture that the networks see.

The networks work on one small square whatever the cover's size: time and memory hardly grow with a picture, there are
no seams, and a mark survives scaling. The cover is averaged down, the residual grown linearly, and waves that say where
the picture lies are added to it at their own scale; all go over the rows in bands, so that a 60 MP picture needs no
copy in floating point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.deep.networks.resample import axis_weights
from watermarking.kernels.pixels import interpolate
from watermarking.pictures.plane import channel_weights, working_scale
from watermarking.pictures.ranges import sample_peak

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image

__all__ = ["Waves", "add_residual", "is_grey", "to_picture", "waves_over", "working_picture"]

F32 = npt.NDArray[np.float32]
_BAND: Final = 16
_BAND_VALUES: Final = 4_000_000
_AIM: Final = 0.08  # dB above the target; the returned PSNR lies in [-0.05, +0.3] around it
_CLOSE: Final = 0.06
_SAMPLED_ROWS: Final = 512


def _grey_levels(rows: Image, peak: float) -> F32:
    """Return a band's colour as float32 (rows, W, 3) in grey levels 0..255, which is the peak."""
    colour = rows[..., None] if rows.ndim == 2 else rows[..., :3]
    levels = np.multiply(colour, np.float32(255 / peak), dtype=np.float32)
    return np.repeat(levels, 3, axis=2) if rows.ndim == 2 else levels


def _used(weights: F32) -> slice:
    """Return the columns of some rows of a resampling matrix that are not all zero."""
    columns = np.flatnonzero(weights.any(0))
    return slice(int(columns[0]), int(columns[-1]) + 1)


def is_grey(image: Image) -> bool:
    """Say whether a picture has no colour, by a sample of its pixels."""
    if image.ndim == 2:
        return True
    few = image[:: max(1, image.shape[0] // 64), :: max(1, image.shape[1] // 64)]
    return bool((few[..., 0] == few[..., 1]).all() and (few[..., 1] == few[..., 2]).all())


def working_picture(image: Image, side: int) -> F32:
    """Average a picture down (or grow it) to a square.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    side : int

    Returns
    -------
    (3, side, side) float32 in [0, 1]; fully transparent pixels count as mid-grey
    """
    height, width = image.shape[:2]
    down, across = axis_weights(height, side), axis_weights(width, side)
    out, peak = np.empty((side, side, 3), np.float32), sample_peak(image)
    band = max(1, min(_BAND, _BAND_VALUES * side // (3 * height * width)))
    for first in range(0, side, band):
        weights = down[first : first + band]
        used = _used(weights)
        rows = _grey_levels(image[used], peak)
        if image.ndim == 3 and image.shape[2] == 4:
            rows[image[used][..., 3] == 0] = 127.5
        shrunk = (weights[:, used] @ rows.reshape(rows.shape[0], -1)).reshape(-1, width, 3)
        out[first : first + band] = np.matmul(across, shrunk)
    return np.ascontiguousarray(out.transpose(2, 0, 1)) / np.float32(255)


def to_picture(payload: F32) -> npt.NDArray[np.uint8]:
    """Turn a payload, (1 or 3, rows, columns) about [-1, 1], into a picture (rows, columns, 3)."""
    planes = np.repeat(payload, 3, axis=0) if payload.shape[0] == 1 else payload
    return np.asarray(np.clip(np.rint((planes.transpose(1, 2, 0) + 1) * 127.5), 0, 255), np.uint8)


def _bands(height: int) -> list[tuple[int, int]]:
    return [(first, min(first + 2 * _BAND, height)) for first in range(0, height, 2 * _BAND)]


@dataclass(frozen=True, eq=False)
class Waves:
    """A change of luma beside the networks' residual.

    Attributes
    ----------
    plane : (h, w) float32, at the working scale
    weights : (3,) float32, how much of it red, green and blue take
    pixels : int, pixels of the picture to the side of a working pixel
    """

    plane: F32
    weights: F32
    pixels: int

    @property
    def power(self) -> float:
        """Mean square over the colours' samples."""
        by_colour = float(np.mean(np.square(self.weights, dtype=np.float64)))
        return by_colour * float(np.mean(np.square(self.plane, dtype=np.float64)))

    def scaled(self, factor: float) -> Waves:
        """Return waves so many times as strong."""
        return Waves(self.plane * np.float32(factor), self.weights, self.pixels)

    def on_square(self, side: int) -> F32:
        """Return what they change in the working picture of the networks, (3, side, side)."""
        height, width = self.plane.shape
        seen = axis_weights(height, side) @ self.plane @ axis_weights(width, side).T
        return np.asarray(self.weights[:, None, None] * seen, np.float32)

    def rows(self, first: int, stop: int, width: int) -> F32:
        """Return what they change in some rows of the picture, interpolated linearly, (rows, width, 1)."""
        top = max(first // self.pixels - 1, 0)  # a row more on each side: interpolation looks there
        grown = np.empty((stop - top * self.pixels, width), np.float32)
        interpolate(self.plane[top : stop // self.pixels + 2], self.pixels, grown)
        return grown[first - top * self.pixels :, :, None]


def waves_over(image: Image, plane: F32, *, untinted: bool) -> Waves:
    """Return the waves of a plane (h, w) at a picture's working scale, shared out among its colours.

    ``untinted`` changes red, green and blue alike; grey pictures stay grey in any case.
    """
    weights = channel_weights(image, untinted)
    three = np.ones(3, np.float32) if weights.size == 1 else weights[:3]
    return Waves(plane, three, working_scale(image.shape))


def add_residual(image: Image, residual: F32, psnr: float, waves: Waves | None = None) -> Image:
    """Return a copy of the picture with a residual added at the strength that gives the PSNR asked for.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    residual : (3, side, side) float32
        Of any strength.
    psnr : float
        In dB, over the samples that are not fully transparent, after rounding and clipping.
    waves : Waves, optional
        Added to the residual, in its units: the PSNR is that of both.

    Returns
    -------
    ndarray
        Same shape and dtype; alpha and fully transparent pixels are untouched.
    """
    height = image.shape[0]
    change = _Change.of(image, residual, waves)
    out, peak = image.copy(), sample_peak(image)
    visible = _visible(image)

    def energy(bands: list[tuple[int, int]], strength: float) -> float:
        drawn = ((a, b, change.rows(a, b, strength)) for a, b in bands)
        return sum(_write(image[a:b], peak, rows, out[a:b]) for a, b, rows in drawn)

    bands = _bands(height)
    step = max(1, height // _SAMPLED_ROWS)
    sample = bands[step // 2 :: step]
    n_samples = 3 * visible
    if n_samples == 0 or change.root == 0:
        return out
    wanted = 255.0**2 / 10 ** ((psnr + _AIM) / 10) * n_samples
    share = sum(_visible(image[a:b]) for a, b in sample) / visible
    strength = math.sqrt(wanted / n_samples) / change.root
    if step > 1 and share > 0:
        strength = _settle(lambda s: energy(sample, s) / share, strength, wanted)
    _settle(lambda s: energy(bands, s), strength, wanted)
    return out


@dataclass(frozen=True, eq=False)
class _Change:
    """All that is added to a picture, a band of rows at a time, at any strength.

    ``wide`` is the residual grown across, (side, W, 3), ``down`` what grows it down, ``root`` the root mean square.
    """

    wide: F32
    down: F32
    waves: Waves | None
    root: float

    @classmethod
    def of(cls, image: Image, residual: F32, waves: Waves | None) -> _Change:
        height, width = image.shape[:2]
        if is_grey(image):
            residual = np.broadcast_to(residual.mean(0, keepdims=True), residual.shape)
        power = float(np.mean(np.square(residual, dtype=np.float64))) + (waves.power if waves else 0.0)
        wide = _widen(np.asarray(residual), width)
        return cls(wide, axis_weights(residual.shape[-1], height), waves, math.sqrt(power))

    def rows(self, first: int, stop: int, strength: float) -> F32:
        width, weights = self.wide.shape[1], self.down[first:stop]
        used = _used(weights)
        grown = (weights[:, used] @ self.wide[used].reshape(-1, width * 3)).reshape(-1, width, 3)
        if self.waves is not None:
            grown += self.waves.rows(first, stop, width) * self.waves.weights
        grown *= np.float32(strength)
        return grown


def _widen(residual: F32, width: int) -> F32:
    """Grow (3, side, side) across to (side, width, 3)."""
    grown = np.matmul(residual, axis_weights(residual.shape[-1], width).T)
    return np.ascontiguousarray(grown.transpose(1, 2, 0))


def _visible(image: Image) -> int:
    if image.ndim == 3 and image.shape[2] == 4:
        return int(np.count_nonzero(image[..., 3]))
    return int(image.shape[0] * image.shape[1])


def _write(source: Image, peak: float, change: F32, out: Image) -> float:
    """Add a change in grey levels (overwritten) to a band, round, clip and write it; return what changed, squared."""
    before = _grey_levels(source, peak)
    after = np.clip(np.add(before, change, out=change), 0, 255, out=change)
    scale = np.float32(peak / 255)
    after *= scale
    if source.dtype.kind == "u":
        np.rint(after, out=after)
    hidden = source.ndim == 3 and source.shape[2] == 4 and source[..., 3] == 0
    if source.ndim == 2:
        out[...] = after[..., 0].astype(source.dtype)
    else:
        out[..., :3] = after.astype(source.dtype)
    after /= scale
    after -= before
    if np.any(hidden):
        out[hidden] = source[hidden]
        after[hidden] = 0
    return float(np.square(after, out=after).sum(dtype=np.float64))


def _settle(energy_of: Callable[[float], float], strength: float, wanted: float) -> float:
    """Find the strength whose energy is within 0.06 dB of the wanted one, between brackets: rounding makes steps."""
    low, high = 0.0, math.inf
    for _ in range(24):
        energy = energy_of(strength)
        error = 10 * math.log10(wanted / energy) if energy > 0 else 12.0
        if abs(error) < _CLOSE:
            break
        low, high = (strength, high) if error > 0 else (low, strength)
        guess = strength * 10 ** (max(-12.0, min(error, 12.0)) / 20)
        strength = guess if low < guess < high else (math.sqrt(low * high) if low and high < math.inf else guess)
        if high < math.inf and low and high / low < 1 + 1e-6:
            break
    return strength
