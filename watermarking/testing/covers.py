"""Pictures made for tests: like photographs, and as unlike them as they come."""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, Any]

PEAKS: Final = {"uint8": 255, "uint16": 65535, "float16": 1, "float32": 1, "float64": 1}
"""White, by the name of the dtype."""


@functools.cache
def photograph(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0) -> Array:
    """Make a picture with a photograph's spectrum, smooth and rough places, read-only; an alpha channel is opaque."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    frequency[0, 0] = np.inf

    def noise(exponent: float) -> Array:
        spectrum = np.fft.rfft2(rng.normal(size=shape[:2])) / frequency**exponent
        drawn = np.fft.irfft2(spectrum, s=shape[:2])
        return np.asarray(drawn / (drawn.std() + 1e-9))

    plane = noise(2) + 0.15 * noise(1) * np.exp(noise(2) - 1)
    samples = plane if len(shape) == 2 else np.dstack([plane + 0.05 * noise(1.5) for _ in range(3)])
    samples = np.clip(samples * 45 + 120, 0, 255)
    if len(shape) == 3 and shape[2] == 4:
        samples = np.dstack([samples, np.full(shape[:2], 255.0)])
    picture = (samples / 255 * PEAKS[dtype]).astype(dtype) if dtype.startswith("f") else None
    if picture is None:
        picture = np.rint(samples * (PEAKS[dtype] // 255)).astype(dtype)
    picture.flags.writeable = False
    return picture


def odd_pictures(shape: tuple[int, int]) -> dict[str, Array]:
    """Make flat, saturated, dark, noisy and synthetic uint8 pictures."""
    rng = np.random.default_rng(1)
    rows, cols = np.indices(shape)
    return {
        "black": np.zeros(shape, np.uint8),
        "white": np.full((*shape, 3), 255, np.uint8),
        "grey": np.full(shape, 128, np.uint8),
        "nearly black": np.full((*shape, 3), 1, np.uint8),
        "red": np.full((*shape, 3), (255, 0, 0), np.uint8),
        "dark": photograph((*shape, 3)) // 32,
        "ramp": np.dstack([(rows + k * cols) % 256 for k in range(3)]).astype(np.uint8),
        "noise": rng.integers(0, 256, (*shape, 3), np.uint8),
        "salt": np.where(rng.random(shape) < 0.01, 255, 0).astype(np.uint8),
        "checks": (((rows // 8 + cols // 8) % 2) * 255).astype(np.uint8),
        "stripes": np.where(cols % 3 == 0, 255, 0).astype(np.uint8),
    }


def psnr(cover: Array, marked: Array) -> float:
    """Measure over the RGB samples that are not fully transparent, in double precision."""
    change = (marked.astype(np.float64) - cover.astype(np.float64)) / PEAKS[str(cover.dtype)]
    if cover.ndim == 3:
        change = change[..., :3]
        if cover.shape[2] == 4:
            change = change[cover[..., 3] > 0]
    return float(-10 * np.log10(np.mean(np.square(change))))


def smooth_picture(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Make noise with the falling spectrum of photographs, of any shape."""
    rng = np.random.default_rng(seed)
    channels = shape[2] if len(shape) == 3 else 1
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    spectrum = np.fft.fft2(rng.standard_normal((channels, *shape[:2]))) / np.maximum(frequency, 0.01) ** 1.4
    planes = np.fft.ifft2(spectrum).real
    planes = 128 + 45 * (planes - planes.mean()) / max(1e-9, planes.std()) + rng.normal(0, 1, planes.shape)
    picture: Array = np.clip(np.rint(np.moveaxis(planes, 0, -1)), 0, 255).astype(np.uint8)
    return picture if len(shape) == 3 else picture[..., 0]
