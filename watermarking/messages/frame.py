"""A picture that was moved, put back into the frame that it was marked in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from watermarking.pictures.plane import luma_plane
from watermarking.pictures.ranges import sample_peak
from watermarking.sync.warp import Region, Warp, rectify

if TYPE_CHECKING:
    from watermarking.interface import Image

__all__ = ["Colours"]

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Colours:
    """The colours of a picture at a scale, from which it is put back.

    Attributes
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4)
    pixels : int, pixels of the picture to the side of a working pixel
    """

    image: Image
    pixels: int

    def put_back(self, warp: Warp, size: tuple[int, int], *, negative: bool = False) -> F32:
        """Return the picture as it was marked, at the working scale.

        Parameters
        ----------
        warp : Warp, from the marked plane to the plane at hand
        size : (rows, columns) of the marked plane
        negative : bool, whether light and dark are exchanged in the picture at hand

        Returns
        -------
        (rows, columns, 4) float32 in [0, 1], clear where the picture at hand shows nothing
        """
        frame, region = np.empty((*size, 4), np.float32), Region(0, 0, *size)
        for channel, plane in enumerate(self._planes):
            found, inside = rectify(plane, warp, region)
            np.clip(found, 0, 1, out=frame[..., channel])
        if negative:
            np.subtract(1, frame[..., :3], out=frame[..., :3])
        frame[..., 3] = inside
        if self._shown is not None:
            frame[..., 3] *= rectify(self._shown, warp, region, smooth=False)[0] > 0.5
        return frame

    def outline(self, warp: Warp, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the upright rectangle (top, left, rows, cols) of the picture at hand that a frame lies in, in pixels.

        At least one pixel: where nothing of the frame is in the picture, the one that is nearest.
        """
        ends = np.array([[0, 0], [0, size[1]], [size[0], 0], [size[0], size[1]]]) - 0.5
        there = (ends @ warp.matrix[:, :2].T + warp.matrix[:, 2] + 0.5) * self.pixels
        most = np.array(self.image.shape[:2])
        low = np.clip(np.floor(there.min(0)), 0, most - 1).astype(int)
        high = np.clip(np.ceil(there.max(0)), low + 1, most).astype(int)
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])

    @cached_property
    def _planes(self) -> list[F32]:
        """Three planes of one colour each, in [0, 1]."""
        peak = sample_peak(self.image)
        if self.image.ndim == 2:
            return [luma_plane(self.image, self.pixels, peak=peak) / np.float32(255)] * 3
        each = (luma_plane(self.image[..., i], self.pixels, peak=peak) for i in range(3))
        return [plane / np.float32(255) for plane in each]

    @cached_property
    def _shown(self) -> F32 | None:
        """The share of each working pixel that is not fully transparent; None where all of it is not."""
        if self.image.ndim == 2 or self.image.shape[2] < 4 or self.image[..., 3].all():
            return None
        shown = np.where(self.image[..., 3] > 0, np.uint8(255), np.uint8(0))
        return luma_plane(shown, self.pixels) / np.float32(255)
