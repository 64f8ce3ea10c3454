"""An estimate of SSIMULACRA2 for coarse changes of luma, of pictures too large to be scored while they are marked."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.metrics.ssimulacra2 import WEIGHTS, score_of_error, weighted_errors
from watermarking.pictures.opencv import cv2_module
from watermarking.pictures.plane import luma_plane

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

    Planes = list[npt.NDArray[np.float32]]

__all__ = ["CoarseScore"]

_SCALE: Final = 4  # pixels of the finest scale that is looked at: the third of SSIMULACRA2
_FIRST: Final = 2
_N_SCALES: Final = 3  # none of luma's weights is beyond
_LUMA: Final = 1
_REST: Final = 1.11
"""What the whole error is to that of luma at these scales, over marked training photographs of 6 to 16 MP."""
_LEVELS: Final = 4096
_BIAS: Final = 0.0037930732552754493  # of the opsin absorbance: XYB's, as in libjxl


class CoarseScore:
    """A reference whose copies are scored by luma at a quarter of the size and below.

    Made for marks at the working scale of large pictures, which are smooth from pixel to pixel: nine tenths of what
    SSIMULACRA2 sees of them lies there. Chroma and the two finest scales are taken to be the usual tenth.

    Parameters
    ----------
    reference : (H, W), (H, W, 3) or (H, W, 4), at least 32 x 32
    peak : float
        What the samples stand for at most.
    """

    def __init__(self, reference: Image, peak: float) -> None:
        self._peak = peak
        self._planes = _planes(reference, peak)

    def score(self, distorted: Image) -> float:
        """Estimate the score; fully transparent pixels count as equal ones."""
        planes = _planes(distorted, self._peak)
        weights = WEIGHTS[_LUMA, _FIRST:]
        error = weighted_errors(list(zip(self._planes, planes, weights, strict=False)))
        return score_of_error(_REST * error)


def _planes(picture: Image, peak: float) -> Planes:
    """Return the lightness of the scales, from a quarter of the size on; they are halved as grey levels."""
    cv2 = cv2_module()
    luma = luma_plane(picture, _SCALE, peak=peak)
    planes = [_lightness(luma)]
    while len(planes) < _N_SCALES and min(luma.shape) >= 16:
        luma = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
        planes.append(_lightness(luma))
    return planes


def _lightness(luma: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return XYB's Y of greys of 0 to 255."""
    levels = np.rint(luma * np.float32((_LEVELS - 1) / 255)).astype(np.int32)
    return np.asarray(_table()[levels], np.float32)


@functools.cache
def _table() -> npt.NDArray[np.float32]:
    grey = np.arange(_LEVELS) / (_LEVELS - 1)
    light = np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(light + _BIAS), np.float32)
