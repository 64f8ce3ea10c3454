"""The eight orientations of EXIF, applied to samples, to lengths and to places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image as PilImage

if TYPE_CHECKING:
    from watermarking.interface import Image

__all__ = ["orient", "turn_image", "turned_point"]

_METHODS: Final = {
    2: PilImage.Transpose.FLIP_LEFT_RIGHT,
    3: PilImage.Transpose.ROTATE_180,
    4: PilImage.Transpose.FLIP_TOP_BOTTOM,
    5: PilImage.Transpose.TRANSPOSE,
    6: PilImage.Transpose.ROTATE_270,
    7: PilImage.Transpose.TRANSVERSE,
    8: PilImage.Transpose.ROTATE_90,
}


def orient(array: Image, orientation: int) -> Image:
    """Turn samples (H, W) or (H, W, C) upright, for one of the eight EXIF orientations; contiguous."""
    pixels = array
    if array.ndim == 3 and orientation != 1:  # whole pixels are moved twice as fast as their samples
        pixels = np.ascontiguousarray(array).view(np.dtype((np.void, array[0, 0].nbytes)))[..., 0]
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    upright = np.ascontiguousarray(pixels)
    return upright.view(array.dtype).reshape(*upright.shape[:2], *array.shape[2:])


def turn_image(image: PilImage.Image, orientation: int) -> PilImage.Image:
    """Turn a PIL image upright, for one of the eight EXIF orientations."""
    method = _METHODS.get(orientation)
    return image if method is None else image.transpose(method)


def turned_point(x: float, y: float, width: float, height: float, orientation: int) -> tuple[float, float]:
    """Return where a place (x, y) in a stored picture of this size lies in the upright one."""
    if orientation >= 5:
        x, y, width, height = y, x, height, width
    if orientation in (2, 3, 6, 7):
        x = width - x
    if orientation in (3, 4, 7, 8):
        y = height - y
    return x, y
