"""Texture smoothing by relative total variation: a classic algorithm to protect [1].

It looks for the picture S that minimises

    sum (S - I)^2 + lambda * (D_x / (L_x + e) + D_y / (L_y + e))

D is the windowed total variation, the Gaussian mean of |dS|; L the windowed inherent variation, |its mean of dS|.
Texture, whose slopes cancel within a window, has a large quotient; edges a small one. Each round takes the quotient
apart into a quadratic form with the weights u w of equations 6 to 9, in which it is solved exactly, and halves the
window.

References
----------
.. [1] Xu, Yan, Xia, Jia, Structure Extraction from Texture via Relative Total Variation, ACM TOG 31(6), 2012.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.kernels.lattice_solve import factor_lattice, solve_lattice
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    Planes = npt.NDArray[np.float64]

__all__ = ["smooth_texture"]

_EPSILON: Final = 1e-3  # of the windowed variations, full scale 1
_LEAST_SIGMA: Final = 0.5
_TOLERANCE: Final = 0.05 / 255  # a twentieth of a grey level
_MOST_STEPS: Final = 500


def smooth_texture(
    picture: npt.NDArray[np.uint8],
    *,
    strength: float = 0.01,
    sigma: float = 3.0,
    sharpness: float = 0.02,
    rounds: int = 4,
) -> npt.NDArray[np.uint8]:
    """Take the texture out of a picture and leave its structure.

    Parameters
    ----------
    picture : uint8 (H, W, 3) or (H, W)
    strength : float
        Lambda of the paper's equation, 0.01 to 0.03 there; above 0, at most 1. The authors' program halves what it is
        given.
    sigma : float
        Scale of the texture in pixels, 0.5 to 20.
    sharpness : float
        The slope, of full scale 1, that counts as flat, 0.001 to 1: less keeps gradients sharper.
    rounds : int
        3 to 5 in the paper; 1 to 20.

    Returns
    -------
    uint8 array of the picture's shape

    Raises
    ------
    UnsupportedImageError
        If it is no such picture.
    WatermarkError
        If a parameter is out of its range.
    """
    shaped = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
    if picture.dtype != np.uint8 or not shaped or not picture.size:
        raise UnsupportedImageError(
            f"{picture.dtype} of shape {picture.shape} cannot be smoothed: give uint8 of (H, W) or (H, W, 3)"
        )
    if not (0 < strength <= 1 and _LEAST_SIGMA <= sigma <= 20 and 0.001 <= sharpness <= 1 and 1 <= rounds <= 20):
        raise WatermarkError(
            f"strength {strength:g}, sigma {sigma:g}, sharpness {sharpness:g}, {rounds} rounds are out of range: up "
            f"to 1, {_LEAST_SIGMA:g} to 20, 0.001 to 1, 1 to 20"
        )
    planes = picture[..., None] if picture.ndim == 2 else picture
    wanted = np.ascontiguousarray(np.moveaxis(planes, 2, 0), np.float64) / 255
    smooth = wanted.copy()
    room = np.empty((4, *wanted.shape[1:]))
    factor = np.empty(wanted.shape[1:])
    for _ in range(rounds):
        right, down = (strength * weights for weights in _weights(smooth, sigma, sharpness))
        factor_lattice(right, down, factor)
        for plane, target in zip(smooth, wanted, strict=True):
            solve_lattice(right, down, factor, target, _TOLERANCE, _MOST_STEPS, plane, room)
        sigma = max(sigma / 2, _LEAST_SIGMA)
    found = np.asarray(np.clip(np.rint(smooth * 255), 0, 255), np.uint8)
    return np.ascontiguousarray(np.moveaxis(found, 0, 2)).reshape(picture.shape)


def _weights(planes: Planes, sigma: float, sharpness: float) -> tuple[Planes, Planes]:
    """Return the weights (H, W) between each pixel and the next column's and next row's, 0 at the last ones."""
    cv2 = cv2_module()

    def blurred(plane: Planes) -> Planes:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float64)

    found = []
    for axis in (2, 1):
        slope = np.diff(planes, axis=axis, append=np.take(planes, [-1], axis=axis))
        # All channels share weights, as their means of absolute slopes: edges of colour stay in place.
        inherent = np.mean([np.abs(blurred(np.ascontiguousarray(one))) for one in slope], axis=0)
        weight = blurred(1 / (inherent + _EPSILON)) / (np.abs(slope).mean(0) + sharpness)
        weight[(slice(None), -1) if axis == 2 else -1] = 0
        found.append(weight)
    return found[0], found[1]
