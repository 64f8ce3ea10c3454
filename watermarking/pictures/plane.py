"""The working plane: luma at a scale tied to the picture's size.

A mark lives at the working scale, where the picture is 600 to 1200 pixels long whatever its resolution, so that it
survives the scaling of messengers and costs the same time at any size. ``scale`` pixels make one working pixel.
The way back into the pixels is :mod:`watermarking.pictures.drawing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.pixels import colour_boxes, luma_box, luma_box_alpha
from watermarking.pictures.ranges import sample_peak
from watermarking.threads import map_bands, row_bands

if TYPE_CHECKING:
    from watermarking.interface import Image

__all__ = [
    "BAND",
    "LUMA",
    "channel_weights",
    "colour_planes",
    "flat_rows",
    "grey_levels",
    "luma_energy",
    "luma_plane",
    "working_scale",
    "working_shape",
]

F32 = npt.NDArray[np.float32]

LUMA: Final = (0.299, 0.587, 0.114)
"""Rec. 601, as JPEG has it."""
_LONG_SIDE: Final = 800
_SHORT_SIDE: Final = 128
BAND: Final = 32
"""Working rows a task."""
_NEUTRAL: Final = 128.0


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
) -> F32:
    """Return the luma of a picture, averaged over boxes of the working scale.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    scale : int, optional
        Pixels a working pixel; by default :func:`working_scale`.
    peak : float, optional
        Sample value that is grey level 255; by default :func:`watermarking.pictures.ranges.sample_peak`.

    Returns
    -------
    (H // scale, W // scale) float32, grey levels 0..255; fully transparent pixels count as mid-grey
    """
    scale, peak = scale or working_scale(image.shape), peak or sample_peak(image)
    channels = _channels(image)
    masked = channels == 4 and not bool(image[..., 3].all())
    out = np.empty((image.shape[0] // scale, image.shape[1] // scale), np.float32)
    weights = np.array([1.0] if channels == 1 else [*LUMA, 0.0][:channels], np.float32)

    def work(band: tuple[int, int]) -> None:
        rows = grey_levels(image[band[0] * scale : band[1] * scale], peak)
        target = out[band[0] : band[1]]
        if masked:
            luma_box_alpha(rows, scale, weights, _NEUTRAL, target)
        else:
            luma_box(rows, channels, scale, weights, target)

    map_bands(work, row_bands(out.shape[0], BAND))
    return out


def colour_planes(image: Image, scale: int, peak: float) -> F32:
    """Return every channel of a picture, alpha too, averaged over boxes.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    scale : int, pixels to a box's side
    peak : float, sample value that is grey level 255

    Returns
    -------
    (channels, H // scale, W // scale) float32, grey levels
    """
    channels = _channels(image)
    out = np.empty((channels, image.shape[0] // scale, image.shape[1] // scale), np.float32)

    def work(band: tuple[int, int]) -> None:
        rows = grey_levels(image[band[0] * scale : band[1] * scale], peak)
        means = np.empty((channels, band[1] - band[0], out.shape[2]), np.float32)
        colour_boxes(rows, channels, scale, means)
        out[:, band[0] : band[1]] = means

    map_bands(work, row_bands(out.shape[1], BAND))
    return out


def luma_energy(image: Image, psnr: float, *, untinted: bool = False) -> float:
    """Return the mean squared change of luma, in squared grey levels, that a PSNR over RGB allows."""
    weights = channel_weights(image, untinted)
    return 255.0**2 / 10 ** (psnr / 10) * min(3, weights.size) / float(np.square(weights).sum())


def _channels(image: Image) -> int:
    return 1 if image.ndim == 2 else int(image.shape[2])


def flat_rows(rows: Image) -> Image:
    """Return rows (n, width, channels) as (n, samples), C-contiguous and writable: without copying where they are."""
    contiguous = np.require(rows, requirements=("C", "W"))  # kernels would be compiled once more for read-only arrays
    return contiguous.reshape(contiguous.shape[0], -1)


def grey_levels(rows: Image, peak: float) -> Image:
    """Return a band as (rows, samples): uint8 as it is, everything else as float32 grey levels, always a copy then."""
    if rows.dtype == np.uint8:
        return flat_rows(rows)
    return flat_rows(np.multiply(rows, np.float32(255 / peak), dtype=np.float32))


def channel_weights(image: Image, untinted: bool) -> F32:
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
