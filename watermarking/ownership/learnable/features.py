"""A picture's planes at half size, and the keyed functions of their features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import UnsupportedImageError
from watermarking.kernels.learnable import half_planes, limited_products
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image
    from watermarking.ownership.learnable.family import Feature, Functions

    F32 = npt.NDArray[np.float32]

__all__ = [
    "COLOUR_MEAN",
    "COLOUR_WHITEN",
    "TO_CHROMA",
    "checked",
    "evaluate",
    "features",
    "planes",
    "shows_colour",
    "with_channels",
]

TO_CHROMA: Final = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
"""RGB to Y, Cb, Cr of JPEG, without an offset."""
COLOUR_MEAN: Final = np.array([112.0, -3.4, -4.1], np.float32)
COLOUR_WHITEN: Final = np.array(
    [[0.0173, 0.0023, 0.0025], [0.0023, 0.0645, 0.0279], [0.0025, 0.0279, 0.0470]], np.float32
)
"""Mean and inverse root of the covariance of the colours of 600 tiles of the training photographs. Frozen."""
_COLOURLESS: Final = 1.0
"""Grey levels: where red and blue differ from green by less, on average together, a picture is grey."""
_BLUR_STD: Final = 0.95
_BAND_STD: Final = 0.17
_ACTIVITY_STD: Final = 0.77
"""On the same tiles: of a blurred axis, of a band per unit of log(outer / inner), of an activity."""
_TREND_STD: Final = 1.5
_UNREST_MEAN: Final = 0.7
_UNREST_STD: Final = 0.5
"""Between photographs and radiographs: of a band's inverse hyperbolic sine, of the logarithm of local contrast."""
_TRIPLE_GAIN: Final = np.float32(2)
_ACTIVITY_GAIN: Final = 50.0
"""About grey levels of luma to a unit of a whitened axis."""


def checked(picture: object) -> Image:
    """Return a picture that can carry the mark, or say what is wrong with it.

    Raises
    ------
    UnsupportedImageError
        If it is not uint8 (H, W) or (H, W, 3), or has no pixels.
    """
    if not isinstance(picture, np.ndarray):
        raise UnsupportedImageError(f"a picture is a NumPy array here, not {type(picture).__name__}: use np.asarray")
    if picture.dtype != np.uint8:
        raise UnsupportedImageError(f"answers are marked as uint8, not {picture.dtype}: bring them to 0..255 first")
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3) or not picture.size:
        raise UnsupportedImageError(
            f"answers are marked as (H, W) or (H, W, 3) with pixels in them, not {picture.shape}: drop other channels"
        )
    return picture


def with_channels(picture: Image) -> Image:
    """Return (H, W, 3) or (H, W, 1), contiguous."""
    return np.ascontiguousarray(picture if picture.ndim == 3 else picture[..., np.newaxis])


def shows_colour(picture: Image) -> bool:
    """Say whether a picture is more than a grey one, be it of one channel or of three that are equal but for rounding.

    What has no chroma carries no mark in it that does not show as a tint.
    """
    if picture.ndim == 2:
        return False
    levels = picture.astype(np.int16)
    return float(np.abs(levels[..., ::2] - levels[..., 1:2]).sum(2).mean()) >= _COLOURLESS


def planes(picture: Image, *, colour: bool) -> F32:
    """Return a picture's planes at half size, float32 (3 or 1, h, w) in grey levels.

    Y, Cb and Cr of a colour picture; of a grey one, in one channel or three, Y alone.
    """
    deep = with_channels(picture)
    matrix = TO_CHROMA[: 3 if colour else 1] if deep.shape[2] == 3 else np.ones((1, 1), np.float32)
    out = np.empty((matrix.shape[0], -(-deep.shape[0] // 2), -(-deep.shape[1] // 2)), np.float32)
    half_planes(deep, matrix, out)
    return out


def features(halves: F32, chosen: Functions) -> F32:
    """Return the keyed features of a picture, softly limited, float32 (R, h, w).

    A blur's value is centred by the frozen mean colour; all are scaled to about unit spread and passed through
    ``f / sqrt(1 + f^2 / 3)``, so that no part of any picture leaves +-1.73.
    """
    shape = halves.shape[1:]
    flat = halves.reshape(halves.shape[0], -1)
    if halves.shape[0] == 3:
        axes = np.array([feature.axis for feature in chosen.features], np.float32) @ COLOUR_WHITEN
        along = axes @ flat - (axes @ COLOUR_MEAN)[:, np.newaxis]
    else:
        along = np.broadcast_to(flat, (len(chosen.features), flat.size))
    out = np.empty((len(chosen.features), *shape), np.float32)
    for feature, plane, to in zip(chosen.features, along, out, strict=True):
        to[...] = _measured(np.ascontiguousarray(plane).reshape(shape), feature)
    out /= np.sqrt(1 + out * out / 3)
    return out


def evaluate(limited: F32, chosen: Functions, *, start: int, stop: int) -> F32:
    """Return the keyed functions at some of the places (counted row by row), float32 (J, stop - start)."""
    some = limited.reshape(limited.shape[0], -1)[:, start:stop]
    out = np.empty((len(chosen), some.shape[1]), np.float32)
    out[: len(some)] = some
    (first, second), (third, fourth) = chosen.pairs, chosen.triples
    lead, end = some[: first.shape[1]], len(some) + len(first)
    pairs = out[len(some) : end]
    limited_products(first @ lead, second @ lead, pairs)
    limited_products(third @ lead, _TRIPLE_GAIN * (fourth @ pairs), out[end:])
    return out


def _measured(plane: F32, feature: Feature) -> Any:
    """Return one feature, (h, w), not yet limited."""
    inner = _blurred(plane, feature.inner)
    if feature.kind == "blur":
        return inner / np.float32(_BLUR_STD)
    if feature.kind == "tone":
        return np.cos(np.float32(math.pi * feature.outer / 256) * inner + np.float32(feature.bend))
    if feature.kind == "band":
        spread = _BAND_STD * math.log(feature.outer / feature.inner)
        return (inner - _blurred(plane, feature.outer)) / np.float32(max(spread, 1e-3))
    if feature.kind == "trend":
        return np.arcsinh((inner - _blurred(plane, feature.outer)) / np.float32(feature.bend)) / np.float32(_TREND_STD)
    detail = plane - inner
    deviation = np.sqrt(np.maximum(_blurred(detail * detail, feature.outer), 0))
    if feature.kind == "unrest":
        level = _UNREST_MEAN + 0.3 * math.log(feature.inner)
        return (np.log1p(deviation) - np.float32(level)) / np.float32(_UNREST_STD)
    level = 1.75 + 0.55 * math.log(feature.inner)
    return (np.log1p(np.float32(_ACTIVITY_GAIN) * deviation) - np.float32(level)) / np.float32(_ACTIVITY_STD)


def _blurred(plane: F32, width: float) -> Any:
    cv2 = cv2_module()
    return cv2.GaussianBlur(plane, (0, 0), width, borderType=cv2.BORDER_REFLECT_101)
