"""What the metrics of visibility share: their rule for inputs, and samples as linear light, over grounds seen through.

Pixels that are partly transparent are laid over two grounds, as the references of both metrics do, and the worse
figure counts: where alpha is 0 both pictures then show the ground alone, so that nothing there can differ.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import UnsupportedImageError
from watermarking.metrics.picture import peak

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

    Planes = npt.NDArray[np.float32]

__all__ = ["check_visible", "halved", "is_seen_through", "linear_light"]

_SHORTEST: Final = 8


def check_visible(picture: object, metric: str) -> Image:
    """Return a picture as an array, or say why a metric of visibility cannot look at it.

    Raises
    ------
    UnsupportedImageError
        For what is no picture, floats that are not in [0, 1] or not finite, and pictures below 8 x 8.
    """
    from watermarking.pictures.arrays import check_image

    checked = check_image(picture)
    if min(checked.shape[:2]) < _SHORTEST:
        raise UnsupportedImageError(
            f"{metric} needs at least {_SHORTEST}x{_SHORTEST} pixels, not {checked.shape[1]}x{checked.shape[0]}: "
            "compare larger pictures, or use psnr"
        )
    return checked


def is_seen_through(picture: Image) -> bool:
    """Return whether any pixel has an alpha below the peak."""
    return picture.ndim == 3 and picture.shape[2] == 4 and bool((picture[..., 3] < peak(picture)).any())


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
        linear_from_table(rows, _table(part.dtype.name), out)
        return out
    samples = part.astype(np.float32, order="C")
    if part.dtype.kind == "u":
        samples *= np.float32(1 / peak(part))
    linear_rows(samples.reshape(part.shape[0], -1), 0.0 if ground is None else ground, out)
    return out


def halved(linear: Planes) -> Planes:
    """Return the means of 2 x 2 squares of planes (3, h, w); an odd last row or column counts twice."""
    from watermarking.kernels.xyb import halve

    out = np.empty((3, (linear.shape[1] + 1) // 2, (linear.shape[2] + 1) // 2), dtype=np.float32)
    halve(linear, out, 0)
    return out


@functools.cache
def _table(dtype: str) -> npt.NDArray[np.float32]:
    """Return the linear light of each whole-numbered sample."""
    from watermarking.kernels.xyb import linear_rows

    top = np.iinfo(dtype).max
    out = np.empty((3, 1, top + 1), dtype=np.float32)
    linear_rows((np.arange(top + 1, dtype=np.float32) * np.float32(1 / top))[None], 0.0, out)
    return np.ascontiguousarray(out[0, 0])
