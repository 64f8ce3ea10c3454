"""Where the pixels of a marked plane are now, and the plane put back together from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.pictures.opencv import cv2_module

__all__ = ["LONGEST", "Region", "Warp", "rectify", "region_of"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_GRID: Final = 24  # a multiple of every scheme's cell
_MOST_PIXELS: Final = 3_000_000
LONGEST: Final = 2**15 - 2
"""Working pixels to a side: OpenCV resamples nothing longer."""


@dataclass(frozen=True)
class Warp:
    """A map from the marked plane to the plane at hand: affine, after a gentle bend.

    Attributes
    ----------
    matrix : (2, 3) float64
        (row, col, 1) of the marked plane, bent, to (row, col) at hand.
    bend : (2, 3) or (2, 7) float64
        Displacement in working pixels: coefficients of r^2, r c, c^2 and, where there are seven, of r^3, r^2 c, r c^2
        and c^3, (r, c) relative to ``centre`` over ``reach``.
    centre : (row, col)
    reach : float, working pixels
    """

    matrix: F64
    bend: F64
    centre: tuple[float, float] = (0.0, 0.0)
    reach: float = 1.0

    @property
    def scale(self) -> float:
        """Pixels at hand to a marked one, along an edge."""
        return math.sqrt(abs(float(np.linalg.det(self.matrix[:, :2]))))

    def moved(self, rows: int, cols: int) -> Warp:
        """Return the warp to a plane that begins so many rows and columns before the one at hand."""
        matrix = self.matrix.copy()
        matrix[:, 2] += (rows, cols)
        return replace(self, matrix=matrix)

    def further(self, shift: tuple[float, float]) -> Warp:
        """Return the warp of a plane whose origin lies (rows, columns) before this one's."""
        matrix = self.matrix.copy()
        matrix[:, 2] -= matrix[:, :2] @ shift
        centre = (self.centre[0] + shift[0], self.centre[1] + shift[1])
        return replace(self, matrix=matrix, centre=centre)


@dataclass(frozen=True)
class Region:
    """A rectangle of the marked plane: its corner on the grid of cells, and its size."""

    row: int
    col: int
    rows: int
    cols: int


def region_of(warp: Warp, shape: tuple[int, int]) -> Region | None:
    """Return the part of the marked plane that a plane of this shape shows.

    None if it is none, or absurdly large or long.
    """
    corners = np.array([[-0.5, -0.5], [-0.5, shape[1] - 0.5], [shape[0] - 0.5, -0.5], [shape[0] - 0.5, shape[1] - 0.5]])
    linear = warp.matrix[:, :2]
    if not np.isfinite(warp.matrix).all() or abs(np.linalg.det(linear)) < 1e-3:
        return None
    there = np.linalg.solve(linear, (corners - warp.matrix[:, 2]).T).T
    low = np.maximum(np.floor(there.min(0) / _GRID), 0) * _GRID
    high = np.ceil(there.max(0) / _GRID) * _GRID
    rows, cols = (high - low).astype(int)
    if min(rows, cols) < _GRID or max(rows, cols) > LONGEST or rows * cols > _MOST_PIXELS:
        return None
    return Region(int(low[0]), int(low[1]), int(rows), int(cols))


def rectify(plane: F32, warp: Warp, region: Region, *, smooth: bool = True) -> tuple[F32, npt.NDArray[np.bool_]]:
    """Resample a region of the marked plane; ``smooth`` takes cubic instead of linear interpolation.

    Returns
    -------
    rectified : (rows, cols) float32
    inside : (rows, cols) bool, False where the plane at hand shows nothing
    """
    cv2 = cv2_module()
    if warp.scale > 1.1:
        plane = cv2.GaussianBlur(plane, (0, 0), 0.45 * math.sqrt(warp.scale**2 - 1), borderType=cv2.BORDER_REFLECT)
    row, col = _places(warp, region)
    rectified = cv2.remap(
        plane, col, row, cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    inside = (row > -0.5) & (col > -0.5) & (row < plane.shape[0] - 0.5) & (col < plane.shape[1] - 0.5)
    return np.asarray(rectified, np.float32), inside


def _places(warp: Warp, region: Region) -> tuple[F32, F32]:
    """Return the row and the column at hand of every pixel of the region, (rows, cols) float32 each."""
    r = (region.row + np.arange(region.rows, dtype=np.float32))[:, None]
    c = (region.col + np.arange(region.cols, dtype=np.float32))[None]
    if warp.bend.any():
        y, x = (r - np.float32(warp.centre[0])) / warp.reach, (c - np.float32(warp.centre[1])) / warp.reach
        b = np.zeros((2, 7), np.float32)
        b[:, : warp.bend.shape[1]] = warp.bend
        moved = [y * y * (q[0] + q[3] * y) + x * (y * (q[1] + q[4] * y) + x * (q[2] + q[5] * y + q[6] * x)) for q in b]
        r, c = r + moved[0], c + moved[1]
    m = warp.matrix.astype(np.float32)
    places = [np.asarray(m[i, 0] * r + m[i, 1] * c + m[i, 2], np.float32) for i in range(2)]
    return places[0], places[1]
