"""Resizing that leaves out what nobody looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, number
from watermarking.metrics.picture import luma

if TYPE_CHECKING:
    from watermarking.attacks.attack import Matrix, Pixels, Size

__all__ = ["SeamCarve"]


@dataclass(frozen=True)
class SeamCarve(Attack):
    """Make the picture narrower and lower by the seams whose removal shows least.

    `columns` and `rows` are the shares that go, of each edge; at least one of each stays. Seams are chosen one at a
    time by the forward energy of the luma: some 4 ns a pixel and seam, so that a tenth of 10 MP's columns takes 15 s.
    """

    id = "seam_carve"
    family = "geometry"
    geometric = True
    columns: float = number(0.1, 0.0, 0.9)
    rows: float = number(0.0, 0.0, 0.9)

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Carve columns, then rows, as columns of the picture on its side."""
        height, width = self.place((pixels.shape[0], pixels.shape[1]), rng)[1]
        narrow = _narrowed(pixels, width)
        return np.ascontiguousarray(_narrowed(narrow.swapaxes(0, 1), height).swapaxes(0, 1))

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix | None, Size]:
        """Return the size alone: each row loses other columns."""
        lost = (self.rows, self.columns)
        kept = [max(1, side - round(side * share)) for side, share in zip(size, lost, strict=True)]
        return None, (kept[0], kept[1])


def _narrowed(pixels: Pixels, width: int) -> Pixels:
    """Leave seams out until a picture has `width` columns."""
    from watermarking.kernels.seams import remove_seams

    size = pixels.shape[:2]
    if width == size[1]:
        return pixels
    plane = np.ascontiguousarray(luma(pixels[..., :3] if pixels.ndim == 3 else pixels), dtype=np.float32)
    kept = np.tile(np.arange(size[1], dtype=np.int32), (size[0], 1))
    remove_seams(plane, kept, size[1] - width, np.empty(size, np.float32), np.empty(size, np.int8))
    columns = kept[:, :width].reshape(size[0], width, *(1,) * (pixels.ndim - 2))
    return np.asarray(np.take_along_axis(pixels, columns, axis=1), dtype=np.uint8)
