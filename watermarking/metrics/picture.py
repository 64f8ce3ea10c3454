"""What the picture metrics share: their one rule for inputs, luma, and bands of rows that bound the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import UnsupportedImageError
from watermarking.pictures.opencv import cv2_module
from watermarking.pictures.ranges import sample_peak

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from watermarking.interface import Image

__all__ = ["check_alike", "check_pair", "luma", "peak", "planes", "row_bands"]

_BAND_SAMPLES: Final = 1 << 20
_ROWS: Final = 16


def check_pair(first: Image, second: Image) -> None:
    """Raise UnsupportedImageError unless both are pictures of one shape and dtype."""
    for picture in (first, second):
        channels_fit = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))
        if not channels_fit or 0 in picture.shape:
            raise UnsupportedImageError(f"a metric needs (H, W), (H, W, 3) or (H, W, 4), not {picture.shape}")
    check_alike(first.shape, first.dtype, second)
    if first.dtype not in (np.uint8, np.uint16) and not np.issubdtype(first.dtype, np.floating):
        raise UnsupportedImageError(f"a metric needs uint8, uint16 or floating point in [0, 1], not {first.dtype}")


def check_alike(shape: tuple[int, ...], dtype: np.dtype[Any], second: Image) -> None:
    """Raise UnsupportedImageError unless a second picture has the shape and dtype of the first."""
    if second.shape != shape or second.dtype != dtype:
        raise UnsupportedImageError(
            f"a metric compares pictures of one shape and dtype, not {shape} {dtype} and {second.shape} {second.dtype}"
        )


def peak(first: Image, second: Image, stated: float | None = None) -> float:
    """Return the largest value that the samples of two pictures stand for, if none is stated.

    That is 255 for uint8, 1.0 for floats, and for uint16 the range that both use: see
    :func:`watermarking.pictures.ranges.sample_peak`.
    """
    return sample_peak(first, second) if stated is None else float(stated)


def row_bands(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut a picture into bands of about a million samples; at least one row each."""
    height = max(1, _BAND_SAMPLES // max(1, int(np.prod(shape[1:]))))
    for top in range(0, shape[0], height):
        yield slice(top, min(shape[0], top + height))


def luma(picture: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the Rec. 601 luma (H, W) float32, unrounded, in the picture's units; alpha is left out."""
    if picture.ndim == 2:
        return picture.astype(np.float32)
    cv2 = cv2_module()
    out = np.empty(picture.shape[:2], np.float32)
    for top in range(0, len(out), _ROWS):  # few rows stay in the cache between the two steps: three times as fast
        rows = picture[top : top + _ROWS, :, :3].astype(np.float32)
        cv2.cvtColor(rows, cv2.COLOR_RGB2GRAY, dst=out[top : top + _ROWS])
    return out


def planes(picture: Image, channels: str) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the planes (H, W) that a metric compares: the luma, or each colour channel."""
    if channels == "luma" or picture.ndim == 2:
        yield luma(picture)
    else:
        for index in range(3):
            yield picture[..., index].astype(np.float32)
