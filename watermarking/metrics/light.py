"""What the metrics of visibility share: their rule for inputs, and samples as linear light, over grounds seen through.

Pixels that are partly transparent are laid over two grounds, as the references of both metrics do, and the worse
figure counts: where alpha is 0 both pictures then show the ground alone, so that nothing there can differ.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import UnsupportedImageError
from watermarking.pictures.ranges import sample_peak

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

    Planes = npt.NDArray[np.float32]

__all__ = ["check_visible", "checked", "halved", "is_seen_through", "light_of_levels", "linear_light"]

_SHORTEST: Final = 8
_FULL: Final = 65535


def checked(picture: object) -> Image:
    """Return a picture as an array, or say why it is none; see :func:`watermarking.pictures.arrays.check_image`."""
    from watermarking.pictures.arrays import check_image  # with Pillow, which importing metrics must not load

    return check_image(picture)


def check_visible(picture: object, metric: str, peak: float | None = None) -> tuple[Image, float]:
    """Return a picture as an array that fills its range, and its peak; or say why a metric cannot look at it.

    uint16 samples of fewer bits than 16 come back as float32 in [0, 1]; see
    :func:`watermarking.pictures.ranges.sample_peak`. ``peak`` states theirs.

    Raises
    ------
    UnsupportedImageError
        For what is no picture, floats that are not in [0, 1] or not finite, and pictures below 8 x 8.
    """
    array = checked(picture)
    if min(array.shape[:2]) < _SHORTEST:
        raise UnsupportedImageError(
            f"{metric} needs at least {_SHORTEST}x{_SHORTEST} pixels, not {array.shape[1]}x{array.shape[0]}: "
            "compare larger pictures, or use psnr"
        )
    top = sample_peak(array) if peak is None else peak
    if array.dtype != np.uint16 or top >= _FULL:
        return array, top
    filled = np.minimum(array * np.float32(1 / top), np.float32(1))
    if filled.ndim == 3 and filled.shape[2] == 4:
        filled[..., 3] = array[..., 3] * np.float32(1 / _FULL)
    return filled, top


def is_seen_through(picture: Image) -> bool:
    """Return whether any pixel has an alpha below the highest there is."""
    return picture.ndim == 3 and picture.shape[2] == 4 and bool((picture[..., 3] < _highest(picture.dtype)).any())


def linear_light(part: Image, ground: float | None) -> Planes:
    """Return the linear light of a part of a picture.

    Parameters
    ----------
    part : (h, w), (h, w, 3) or (h, w, 4)
    ground : float or None
        sRGB grey in [0, 1] on which the picture lies; without it alpha is left out.

    Returns
    -------
    (3, h, w) float32, 0 to 1
    """
    from watermarking.kernels.xyb import linear_from_table, linear_rows

    if ground is None and part.ndim == 3:
        part = part[..., :3]
    out = np.empty((3, *part.shape[:2]), dtype=np.float32)
    if part.dtype.kind == "u" and ground is None:
        rows = np.array(part, order="C").reshape(part.shape[0], -1)  # writable too: one kernel for all
        linear_from_table(rows, light_of_levels(part.dtype.name), out)
        return out
    samples = part.astype(np.float32, order="C")
    if part.dtype.kind == "u":
        samples *= np.float32(1 / _highest(part.dtype))
    linear_rows(samples.reshape(part.shape[0], -1), 0.0 if ground is None else ground, out)
    return out


def _highest(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def halved(linear: Planes) -> Planes:
    """Return the means of 2 x 2 squares of planes (3, h, w); an odd last row or column counts twice."""
    from watermarking.kernels.xyb import halve

    out = np.empty((3, (linear.shape[1] + 1) // 2, (linear.shape[2] + 1) // 2), dtype=np.float32)
    halve(linear, out, 0)
    return out


@functools.cache
def light_of_levels(dtype: str) -> npt.NDArray[np.float32]:
    """Return the linear light of each whole-numbered sample."""
    from watermarking.kernels.xyb import linear_rows

    top = np.iinfo(dtype).max
    out = np.empty((3, 1, top + 1), dtype=np.float32)
    linear_rows((np.arange(top + 1, dtype=np.float32) * np.float32(1 / top))[None], 0.0, out)
    return np.ascontiguousarray(out[0, 0])
