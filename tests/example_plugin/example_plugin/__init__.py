"""``scatter``: every bit on pixels all over the picture, the simplest scheme that keeps the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from watermarking.interface import Bits, Detection, Extraction, Image
from watermarking.pictures.drawing import apply_residual
from watermarking.pictures.plane import luma_plane
from watermarking.significance import squares_p_value

if TYPE_CHECKING:
    from watermarking.keys import Key


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Adds a keyed sign to every pixel, turned around where the pixel's bit is zero."""

    psnr: float = 42.0
    bits: int = 2048

    id: ClassVar[str] = "scatter"
    payload_kind: ClassVar[Literal["bits"]] = "bits"
    keyed: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = False

    def capacity(self, shape: tuple[int, ...]) -> int:
        return min(self.bits, shape[0] * shape[1] // 256)

    def embed(self, image: Image, payload: Bits, *, key: Key) -> Image:
        place, sign = self._layout(image, key)
        chips = np.where(np.resize(payload, self.capacity(image.shape)), 1, -1)
        return apply_residual(image, (sign * chips[place]).astype(np.float32), self.psnr, scale=1)

    def extract(self, image: Image, *, key: Key) -> Extraction[Bits]:
        n = self.capacity(image.shape)
        if not n:
            return Extraction(np.zeros(0, bool), np.zeros(0, np.float32), Detection(0.0, 1.0, "energy"))
        place, sign = self._layout(image, key)
        plane = luma_plane(image, 1)
        detail = (
            plane - (np.roll(plane, 1, 0) + np.roll(plane, -1, 0) + np.roll(plane, 1, 1) + np.roll(plane, -1, 1)) / 4
        )
        sums = np.bincount(place.ravel(), (sign * detail).ravel(), n)
        norms = np.sqrt(np.bincount(place.ravel(), np.square(detail).ravel(), n))
        scores = np.divide(sums, norms, out=np.zeros(n), where=norms > 0)
        total = float(np.square(scores).sum())
        return Extraction(scores > 0, scores.astype(np.float32), Detection(total, squares_p_value(total, n), "energy"))

    def _layout(self, image: Image, key: Key) -> tuple[np.ndarray, np.ndarray]:
        """Return the bit and the sign of every pixel, (H, W) each."""
        shape = image.shape[:2]
        place = key.integers("scatter/places", shape[0] * shape[1], self.capacity(shape))
        return place.reshape(shape), key.signs("scatter/signs", shape[0] * shape[1]).reshape(shape)
