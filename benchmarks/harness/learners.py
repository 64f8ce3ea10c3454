"""Who knows the scheme ``bound`` and has many pictures of one key, and learns from them how the key turns the signs.

The places around a cell are as light as anybody can see. Over many pictures what a band holds goes with each of them as
the key's directions say, times the mark's sign in that band: a matrix of rank one for each cell. Its first singular
vector is the directions; with these the marks are turned back, averaged, and turned again for another picture.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from watermarking.embedders.bound import FLAT, Bound, surroundings
from watermarking.pictures.drawing import apply_residual
from watermarking.pictures.plane import luma_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.interface import Image

    F64 = npt.NDArray[np.float64]

__all__ = ["Learner"]

_SCHEME = Bound()
_SUPPOSED = 10.0  # variance of what is not the mark, squared grey levels
_DRAWN = 40.0
_LOUDEST = 3.0  # grey levels from which on a place counts by its sign
_PSNR = 42.0


class Learner:
    """What marked pictures of one size and key teach.

    Parameters
    ----------
    marked : pictures of one shape
    """

    def __init__(self, marked: Sequence[Image]) -> None:
        seen = [luma_plane(picture) for picture in marked]
        light = [surroundings(plane) for plane in seen]
        held = [self._held(plane) for plane in seen]
        together = 0.0
        for places, bands in zip(light, held, strict=True):
            size = np.maximum(np.linalg.norm(places, axis=0), _LOUDEST)
            together = together + np.einsum("jrc,rcb->rcjb", places / size, bands)
        self.directions = np.sign(np.linalg.svd(together, full_matrices=False)[0][..., 0])
        turned = [bands * self._signs(places)[..., None] for places, bands in zip(light, held, strict=True)]
        self.mark = np.mean(turned, axis=0)

    def forge(self, image: Image, strength: float) -> Image:
        """Put what was learnt on another picture of the shape, at 42 dB where the strength is 1."""
        plane = luma_plane(image)
        mask, _ = _SCHEME.weigh(_SCHEME.analyse(plane), (_DRAWN,))
        bands = mask * self.mark * self._signs(surroundings(plane))[..., None]
        residual = _SCHEME.synthesise(bands.astype(np.float32), (plane.shape[0], plane.shape[1]))
        return apply_residual(image, residual, _PSNR - 20 * math.log10(strength))

    def _held(self, plane: npt.NDArray[np.float32]) -> F64:
        bands = _SCHEME.analyse(plane)
        weighted = bands * _SCHEME.weigh(bands, (_SUPPOSED,))[1][0]
        return np.asarray(weighted / np.sqrt(np.square(weighted).mean((0, 1)) + 1e-12), np.float64)

    def _signs(self, places: npt.NDArray[np.float32]) -> F64:
        total = np.einsum("jrc,rcj->rc", places, self.directions)
        return np.asarray(np.where(np.abs(total) < FLAT, 0, np.sign(total)), np.float64)
