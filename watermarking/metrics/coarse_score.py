"""An estimate of SSIMULACRA2 for coarse changes, of pictures too large to be scored while they are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.metrics.light import check_visible, is_seen_through, light_of_levels
from watermarking.metrics.ssimulacra2 import GROUNDS, NEGLIGIBLE, WEIGHTS, scales_of, score_of_error, weighted_errors
from watermarking.pictures.opencv import cv2_module
from watermarking.pictures.plane import colour_planes

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

    F32 = npt.NDArray[np.float32]

__all__ = ["CoarseScore"]

_SCALE: Final = 4  # pixels of the finest scale that all of it is looked at: the third of SSIMULACRA2
_FIRST: Final = 2
_N_SCALES: Final = 4  # to the last
_SHORTEST: Final = 16
_PATCHES: Final = 32
_PATCH: Final = (48, 320)  # rows, columns
_STRIDE: Final = 13  # prime to every number of patches that is likely: they lie on no line
_SEEN: Final = (1, 2)
"""Y and B - Y: a change alike in red, green and blue leaves X, red against green, nearly as it was."""
_SEAMS: Final = 1.16
"""What the error is to that of bands of rows put together: filters end at a seam, which hides some of it."""
_MISSED: Final = 1.25
"""What the error is to that of the patches, for the same reason, and since the worst places lie in none of them."""


class CoarseScore:
    """A reference whose copies are scored at a quarter of the size and below, and in patches at 1:1 and 1:2.

    Made for marks at the working scale of large pictures, alike in red, green and blue and smooth from pixel to pixel:
    nine tenths of what SSIMULACRA2 sees of them lies at the coarser scales. The rest is mostly what rounding adds, much
    alike everywhere.

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
        self._peak, self._seams = peak, _SEAMS if joined else 1.0
        self._grounds = GROUNDS if is_seen_through(reference) else (None,)
        self._scales = [self._of(reference, ground) for ground in self._grounds]

    def score(self, distorted: Image) -> float:
        """Estimate the score of a copy of the same shape and dtype, and as transparent."""
        grounds = zip(self._scales, self._grounds, strict=True)
        return min(self._between(scales, self._of(distorted, ground)) for scales, ground in grounds)

    def _of(self, picture: Image, ground: float | None) -> list[F32]:
        patches, _ = check_visible(_patches(picture), "a score", self._peak)
        return [*scales_of(patches, ground, _FIRST), *_scales(picture, self._peak, ground)]

    def _between(self, reference: list[F32], distorted: list[F32]) -> float:
        pairs: list[list[tuple[F32, F32, npt.NDArray[np.float64]]]] = [[], []]
        for number, (one, other) in enumerate(zip(reference, distorted, strict=True)):
            weights = WEIGHTS[:, number]
            seen = [c for c in _SEEN if weights[c].max() > NEGLIGIBLE]
            pairs[number >= _FIRST] += [(one[c], other[c], weights[c]) for c in seen]
        return score_of_error(_MISSED * weighted_errors(pairs[0]) + self._seams * weighted_errors(pairs[1]))


def _patches(picture: Image) -> Image:
    """Return patches from all over the picture, one below the other."""
    height, width = min(_PATCH[0], picture.shape[0]), min(_PATCH[1], picture.shape[1])
    n = min(_PATCHES, picture.shape[0] // height)
    tops = np.linspace(0, picture.shape[0] - height, n).astype(int)
    lefts = np.linspace(0, picture.shape[1] - width, n).astype(int)[np.arange(n) * _STRIDE % n]
    return np.concatenate([picture[y : y + height, x : x + width] for y, x in zip(tops, lefts, strict=True)])


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
            steps = colours[number % len(colours)] * np.float32(top / 255) + np.float32(0.5)
            light[number] = table[steps.astype(np.int32)]
        scales.append(np.empty_like(light))
        xyb_rows(light, 0, scales[-1], 0, light.shape[1])
    return scales


def _colours(picture: Image, peak: float, ground: float | None) -> list[F32]:
    """Return grey levels at a quarter of the size, one plane or three, over a ground (0 to 1) if there is one."""
    planes = colour_planes(picture, _SCALE, peak)
    colours = list(planes[:3])
    if ground is None:
        return colours
    opaque = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    alpha = planes[3] * np.float32(peak / opaque / 255)
    return [np.asarray(np.clip(ground * 255 + (colour - ground * 255) * alpha, 0, 255)) for colour in colours]


def _halved(plane: F32) -> F32:
    cv2 = cv2_module()
    return np.asarray(cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA))
