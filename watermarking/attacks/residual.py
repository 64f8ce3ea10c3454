"""What an attacker takes for the mark: the picture minus its denoised self."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import round_pixels
from watermarking.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels

    Plane = npt.NDArray[np.float32]

__all__ = ["add_plane", "luma_residual"]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # Rec. 601


def luma_residual(pixels: Pixels, sigma: float) -> Plane:
    """Return what a local Wiener filter removes from the luma, (H, W) float32 grey levels.

    `sigma` is the mark's standard deviation that the attacker assumes, in grey levels; the window is 5x5.
    """
    cv2 = cv2_module()

    plane = pixels.astype(np.float32) if pixels.ndim == 2 else pixels[..., :3].astype(np.float32) @ _LUMA
    mean = cv2.blur(plane, (5, 5))
    variance = cv2.blur(plane * plane, (5, 5)) - mean * mean
    share = np.float32(sigma**2) / np.maximum(variance, np.float32(sigma**2))
    return np.asarray((plane - mean) * share, dtype=np.float32)


def add_plane(pixels: Pixels, plane: Plane) -> Pixels:
    """Add a luma difference to every colour channel, round and clip."""
    return round_pixels(pixels + (plane if pixels.ndim == 2 else plane[..., None]))
