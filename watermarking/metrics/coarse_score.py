"""An estimate of SSIMULACRA2 for coarse changes, of pictures too large to be scored while they are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.metrics.light import is_seen_through, light_of_levels
from watermarking.metrics.ssimulacra2 import GROUNDS, WEIGHTS, score_of_error, weighted_errors
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
_SHORTEST: Final = 16
_REST: Final = 1.10
"""What the whole error is to that of these scales, over marked training photographs of 1.5 to 12 MP."""
_NEGLIGIBLE: Final = 0.01
"""Weights below this are those of B - Y at the finest scale: a fiftieth of a point at the most."""
_SEAMS: Final = 1.08
"""The same for bands of their rows: filters end at a seam, which hides some of the error."""


class CoarseScore:
    """A reference whose copies are scored at a quarter of the size and below.

    Made for marks at the working scale of large pictures, which are smooth from pixel to pixel: nine tenths of what
    SSIMULACRA2 sees of them lies there. The two finest scales are taken to be the usual tenth.

    Parameters
    ----------
    reference : (H, W), (H, W, 3) or (H, W, 4), at least 32 x 32
        Where it is seen through, the worse of two grounds counts, as in SSIMULACRA2.
    peak : float
        What the samples stand for at most.
    joined : bool
        It consists of bands of a picture's rows, a hundred or more each, and the score is to be the picture's.
    """

    def __init__(self, reference: Image, peak: float, *, joined: bool = False) -> None:
        self._peak, self._rest = peak, _REST * (_SEAMS if joined else 1)
        self._grounds = GROUNDS if is_seen_through(reference) else (None,)
        self._scales = [_scales(reference, peak, ground) for ground in self._grounds]

    def score(self, distorted: Image) -> float:
        """Estimate the score of a copy of the same shape and dtype, and as transparent."""
        grounds = zip(self._scales, self._grounds, strict=True)
        return min(self._between(scales, _scales(distorted, self._peak, ground)) for scales, ground in grounds)

    def _between(self, reference: list[F32], distorted: list[F32]) -> float:
        pairs = []
        for number, (one, other) in enumerate(zip(reference, distorted, strict=True)):
            weights = WEIGHTS[:, _FIRST + number]
            pairs += [(one[c], other[c], weights[c]) for c in range(3) if weights[c].max() > _NEGLIGIBLE]
        return score_of_error(self._rest * weighted_errors(pairs))


def _scales(picture: Image, peak: float, ground: float | None) -> list[F32]:
    """Return the XYB planes (3, h, w) of the scales, from a quarter of the size on."""
    from watermarking.kernels.xyb import xyb_rows

    table = light_of_levels("uint16")
    top = table.size - 1
    colours = _colours(picture, peak, ground)
    scales: list[F32] = []
    while len(scales) < _N_SCALES and (not scales or min(colours[0].shape) >= _SHORTEST):
        colours = [_halved(colour) for colour in colours] if scales else colours
        light = np.empty((3, *colours[0].shape), np.float32)
        for number in range(3):
            light[number] = table[np.rint(colours[number % len(colours)] * (top / 255)).astype(np.int32)]
        scales.append(np.empty_like(light))
        xyb_rows(light, 0, scales[-1], 0, light.shape[1])
    return scales


def _colours(picture: Image, peak: float, ground: float | None) -> list[F32]:
    """Return grey levels at a quarter of the size, one plane or three, over a ground (0 to 1) if there is one."""
    if picture.ndim == 3 and picture.shape[2] == 3:
        return [luma_plane(picture, _SCALE, peak=peak, shares=one) for one in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    channels = [picture] if picture.ndim == 2 else [np.ascontiguousarray(picture[..., c]) for c in range(3)]
    colours = [luma_plane(channel, _SCALE, peak=peak) for channel in channels]
    if ground is None:
        return colours
    opaque = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    alpha = luma_plane(np.ascontiguousarray(picture[..., 3]), _SCALE, peak=opaque) / 255
    return [np.asarray(np.clip(ground * 255 + (colour - ground * 255) * alpha, 0, 255)) for colour in colours]


def _halved(plane: F32) -> F32:
    cv2 = cv2_module()
    return np.asarray(cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA))
