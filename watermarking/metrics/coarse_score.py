"""An estimate of SSIMULACRA2 for coarse changes of luma, of pictures too large to be scored while they are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.metrics.ssimulacra2 import WEIGHTS, score_of_error, weighted_errors
from watermarking.pictures.opencv import cv2_module
from watermarking.pictures.plane import luma_plane

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

    F32 = npt.NDArray[np.float32]

__all__ = ["CoarseScore"]

_SCALE: Final = 4  # pixels of the finest scale that is looked at: the third of SSIMULACRA2
_FIRST: Final = 2
_N_SCALES: Final = 4  # to the last
_REST: Final = 1.11
"""What the whole error is to that of luma at these scales, over marked training photographs of 3 to 12 MP."""
_SHORTEST: Final = 16


class CoarseScore:
    """A reference whose copies are scored by luma at a quarter of the size and below.

    Made for marks at the working scale of large pictures, which are smooth from pixel to pixel and change red, green
    and blue alike: nine tenths of what SSIMULACRA2 sees of them lies there. Chroma and the two finest scales are taken
    to be the usual tenth.

    Parameters
    ----------
    reference : (H, W), (H, W, 3) or (H, W, 4), at least 32 x 32
    peak : float
        What the samples stand for at most.
    """

    def __init__(self, reference: Image, peak: float) -> None:
        self._peak = peak
        self._luma = luma_plane(reference, _SCALE, peak=peak)
        colours = self._luma[..., None]
        if reference.ndim == 3:
            channels = (np.ascontiguousarray(reference[..., channel]) for channel in range(3))
            colours = np.dstack([luma_plane(channel, _SCALE, peak=peak) for channel in channels])
        self._scales: list[tuple[F32, F32]] = []
        """XYB, and by how much it grows with a grey level of red, green and blue alike: in dark and in strongly
        coloured places by other amounts than in grey ones."""
        for number in range(_N_SCALES):
            if number and min(colours.shape[:2]) < _SHORTEST:
                break
            colours = _halved(colours) if number else colours
            self._scales.append((_xyb(colours), _xyb(colours + 0.5) - _xyb(colours - 0.5)))

    def score(self, distorted: Image) -> float:
        """Estimate the score; fully transparent pixels count as equal ones."""
        change = luma_plane(distorted, _SCALE, peak=self._peak) - self._luma
        pairs = []
        for number, (seen, growth) in enumerate(self._scales):
            change = _halved(change) if number else change
            weights = WEIGHTS[:, _FIRST + number]
            pairs += [(seen[c], seen[c] + growth[c] * change, weights[c]) for c in range(3) if weights[c].any()]
        return score_of_error(_REST * weighted_errors(pairs))


def _halved(plane: F32) -> F32:
    size = plane.shape[1] // 2, plane.shape[0] // 2
    halved = cv2_module().resize(plane, size, interpolation=cv2_module().INTER_AREA)
    return np.asarray(halved, np.float32).reshape(size[1], size[0], *plane.shape[2:])


def _xyb(colours: F32) -> F32:
    """Return XYB (3, h, w) of grey levels (h, w, 1 or 3)."""
    from watermarking.kernels.xyb import xyb_rows

    grey = np.clip(colours / 255, 0, None)
    light = np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4).transpose(2, 0, 1)
    planes = np.empty((3, *light.shape[1:]), np.float32)
    linear = np.ascontiguousarray(np.broadcast_to(light, planes.shape), np.float32)
    xyb_rows(linear, 0, planes, 0, planes.shape[1])
    return planes
