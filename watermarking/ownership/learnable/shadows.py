"""Drawn radiographs, the same everywhere: sums of the shadows of soft bodies, as X-rays cast them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.keys import Key
from watermarking.ownership.learnable.leaves import SIDE
from watermarking.ownership.learnable.streams import normals, uniforms
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]

__all__ = ["drawn_shadows"]

_N_PICTURES: Final = 8
_N_BODIES: Final = 24
_RADII: Final = (4.0, 60.0)
_HOLLOW: Final = 0.3
_NOISE: Final = 0.02
_SEED: Final = b"learnable marks: radiographs"


@functools.lru_cache(maxsize=1)
def drawn_shadows() -> F32:
    """Return eight pictures at half size, read-only float32 (8, 1, SIDE, SIDE) in grey levels.

    Bodies are ellipsoids, a ray through one at a distance rho from its middle (in radii) is weakened by its length
    inside, ``sqrt(1 - rho^2)``. Radii are even in their logarithm, three bodies in ten are hollows.
    """
    key = Key(_SEED)
    out = np.stack([_picture(key, i) for i in range(_N_PICTURES)])[:, np.newaxis].astype(np.float32)
    out.flags.writeable = False
    return out


def _picture(key: Key, number: int) -> Any:
    """Return one picture (SIDE, SIDE) float64, of a mean and a spread of its own."""
    label = f"shadows/{number}"
    total = np.zeros((SIDE, SIDE))
    for body in uniforms(key, f"{label}/bodies", 7 * _N_BODIES).reshape(-1, 7):
        total += _shadow(body)
    total += _NOISE * float(total.std()) * normals(key, f"{label}/noise", SIDE * SIDE).reshape(SIDE, SIDE)
    total = cv2_module().GaussianBlur(total, (0, 0), 0.6)
    middle, spread = uniforms(key, f"{label}/window", 2)
    return np.clip(60 + 120 * middle + (30 + 40 * spread) * (total - total.mean()) / total.std(), 0, 255)


def _shadow(body: Any) -> Any:
    """Return what seven numbers in (0, 1) make: size, shape, turn, place (two), kind and weight."""
    size, shape, turn, row, column, kind, weight = body
    radius = _RADII[0] * (_RADII[1] / _RADII[0]) ** size
    ratio, angle = 2.0 ** (1.6 * (shape - 0.5)), np.pi * turn
    rows, columns = np.mgrid[:SIDE, :SIDE]
    down, across = rows - SIDE * (1.4 * row - 0.2), columns - SIDE * (1.4 * column - 0.2)
    along = (np.cos(angle) * across + np.sin(angle) * down) / (radius * ratio)
    beside = (np.cos(angle) * down - np.sin(angle) * across) / (radius / ratio)
    depth = np.sqrt(np.maximum(0, 1 - along**2 - beside**2))
    return (-1 if kind < _HOLLOW else 1) * radius**0.8 * (0.4 + weight) * depth
