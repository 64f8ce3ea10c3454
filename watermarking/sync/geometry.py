"""What a found alignment says in words: scale, rotation, reflection, aspect, shear."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from watermarking.sync.warp import Warp

__all__ = ["Geometry", "geometry_of"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the marked plane lies in the picture that was read.

    Attributes
    ----------
    matrix : ((a, b, c), (d, e, f))
        Maps (row, col, 1) of the marked plane, in working pixels, to (row, col) in pixels of the picture.
    scale : float, pixels of the picture to a working pixel
    rotation : float, degrees counter-clockwise, in (-180, 180]
    flip : bool, whether the picture is mirrored left to right, before the rotation
    aspect : float, how much more columns are stretched than rows
    shear : float, degrees by which the marked plane's columns lean, after rotation and reflection are undone
    bend : float, largest displacement by bending or perspective, in working pixels
    negative : bool, whether light and dark are exchanged
    """

    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]
    scale: float
    rotation: float
    flip: bool
    aspect: float
    shear: float
    bend: float
    negative: bool = False


def geometry_of(warp: Warp, pixels: int, negative: bool = False) -> Geometry:
    """Describe a warp to a plane each of whose pixels is a square of ``pixels`` x ``pixels`` of the picture."""
    linear = warp.matrix[:, :2] * pixels
    offset = (warp.matrix[:, 2] + 0.5) * pixels - 0.5
    flip = bool(np.linalg.det(linear) < 0)
    upright = linear @ np.diag([1.0, -1.0]) if flip else linear
    angle = math.atan2(-upright[0, 1], upright[1, 1])  # columns run along (sin, cos) of the angle below the horizon
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    rest = turn.T @ upright  # lower triangular: rows may lean, columns run level
    bend = float(np.hypot(np.abs(warp.bend[0]).sum(), np.abs(warp.bend[1]).sum()))
    rows = tuple((float(linear[i, 0]), float(linear[i, 1]), float(offset[i])) for i in range(2))
    return Geometry(
        matrix=(rows[0], rows[1]),
        scale=math.sqrt(abs(float(np.linalg.det(linear)))),
        rotation=math.degrees(angle),
        flip=flip,
        aspect=float(rest[1, 1] / rest[0, 0]),
        shear=math.degrees(math.atan2(float(rest[1, 0]), float(rest[0, 0]))),
        bend=bend,
        negative=negative,
    )
