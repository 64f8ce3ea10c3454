"""Multi-scale structural similarity (Wang, Simoncelli and Bovik, Asilomar Conference 2003)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from watermarking.errors import UnsupportedImageError
from watermarking.metrics.picture import check_pair, peak, planes
from watermarking.metrics.ssim import RADIUS, mean_terms
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

__all__ = ["ms_ssim"]

_WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_SHORTEST: Final = (2 * RADIUS + 1) * 2 ** (len(_WEIGHTS) - 1)


def ms_ssim(first: Image, second: Image, *, channels: Literal["luma", "rgb"] = "luma") -> float:
    """Return the structural similarity over five scales, each the 2x2 mean of the one before.

    Negative terms count as zero, as is usual.

    Parameters
    ----------
    first, second : (H, W), (H, W, 3) or (H, W, 4), same shape and dtype, at least 176 x 176
        Alpha is left out.
    channels : {"luma", "rgb"}
        Compare the Rec. 601 luma, or take the mean over the three channels.

    Raises
    ------
    UnsupportedImageError
        If the pictures do not fit each other or are too small for five scales.
    """
    check_pair(first, second)
    if min(first.shape[:2]) < _SHORTEST:
        raise UnsupportedImageError(
            f"MS-SSIM needs at least {_SHORTEST}x{_SHORTEST} pixels, not {first.shape[1]}x{first.shape[0]}"
        )
    pairs = zip(planes(first, channels), planes(second, channels), strict=True)
    top = peak(first, second)
    return float(np.mean([_of_planes(one, two, top) for one, two in pairs]))


def _of_planes(one: npt.NDArray[np.float32], two: npt.NDArray[np.float32], top: float) -> float:
    product = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            one, two = _halved(one), _halved(two)
        similarity, structure = mean_terms(one, two, top)
        last = scale == len(_WEIGHTS) - 1
        product *= max(similarity if last else structure, 0.0) ** weight
    return product


def _halved(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the 2x2 means; an odd last row or column is left out."""
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    cv2 = cv2_module()
    halved = cv2.resize(plane[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(halved, dtype=np.float32)
