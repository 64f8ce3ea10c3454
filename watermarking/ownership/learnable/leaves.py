"""Drawn pictures with about the statistics of photographs, the same everywhere: no data need travel for them.

The dead leaves model: discs of all sizes that hide each other, whose scales and colours are those of photographs
(Lee, Mumford, Huang, "Occlusion models for natural images", International Journal of Computer Vision 41, 2001).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.keys import Key
from watermarking.ownership.learnable.features import COLOUR_MEAN, COLOUR_WHITEN
from watermarking.ownership.learnable.streams import normals, uniforms
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]

__all__ = ["SIDE", "dead_leaves"]

SIDE: Final = 64
_N_PICTURES: Final = 12
_N_DISCS: Final = 400
_RADII: Final = (2.0, 40.0)
_SEED: Final = b"learnable marks: reference pictures"


@functools.lru_cache(maxsize=1)
def dead_leaves() -> F32:
    """Return Y, Cb, Cr at half size of a dozen pictures, read-only float32 (12, 3, SIDE, SIDE) in grey levels.

    Radii r have the density r^-3 between 2 and 40. A disc's colour is normal with the mean and covariance of
    photographs; on it lies noise of a strength of its own, log-normal, and across the picture a slow shading.
    """
    key = Key(_SEED)
    to_colours = np.linalg.inv(COLOUR_WHITEN.astype(np.float64))
    pictures = np.stack([_picture(key, i) for i in range(_N_PICTURES)])
    out = np.einsum("pq,nqij->npij", to_colours, pictures) + COLOUR_MEAN[:, np.newaxis, np.newaxis]
    out = out.astype(np.float32)
    out[:, 0] = np.clip(out[:, 0], 0, 255)
    out.flags.writeable = False
    return np.asarray(out, np.float32)


def _picture(key: Key, number: int) -> Any:
    """Return one picture in whitened colours, (3, SIDE, SIDE) float64; the last disc lies on top."""
    label = f"leaves/{number}"
    low, high = (radius**-2.0 for radius in _RADII)
    radii = (low - (low - high) * uniforms(key, f"{label}/radii", _N_DISCS)) ** -0.5
    places = uniforms(key, f"{label}/places", 2 * _N_DISCS).reshape(-1, 2) * (SIDE + 20) - 10
    colours = normals(key, f"{label}/colours", 3 * _N_DISCS).reshape(-1, 3)
    amounts = 0.05 * np.exp(0.9 * normals(key, f"{label}/amounts", _N_DISCS))
    noise = normals(key, f"{label}/noise", 3 * SIDE * SIDE).reshape(3, SIDE, SIDE)
    noise[1:] *= 0.5
    rows, columns = np.mgrid[:SIDE, :SIDE]
    top = np.zeros((SIDE, SIDE), np.int64)
    for i, (radius, (row, column)) in enumerate(zip(radii, places, strict=True)):
        top[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = i
    shading = normals(key, f"{label}/shading", 2) @ np.stack([rows, columns]).reshape(2, -1) / (1.5 * SIDE)
    picture = np.moveaxis(colours[top], 2, 0) + amounts[top] * noise
    picture[0] += (shading - shading.mean()).reshape(SIDE, SIDE)
    cv2 = cv2_module()
    return np.stack([cv2.GaussianBlur(plane, (0, 0), 0.8) for plane in picture])
