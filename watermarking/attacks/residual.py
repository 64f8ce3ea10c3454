"""What an attacker takes for the mark: the picture minus its denoised self."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import round_pixels
from watermarking.metrics.picture import luma
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels

    Plane = npt.NDArray[np.float32]

__all__ = ["add_plane", "luma_detail"]


def luma_detail(pixels: Pixels, sigma: float) -> tuple[Plane, Plane]:
    """Return the luma less its local mean, and how far to trust it as a mark's: both (H, W) float32.

    The trust is that of a local Wiener filter, sigma^2 over the local variance or 1; `sigma` is the mark's standard
    deviation that the attacker assumes, in grey levels. Their product is the filter's residual; a mean weighted by the
    trust is the best linear estimate of a mark that repeats. The window, 9x9, lets through all above 0.06 cycles a
    pixel.
    """
    cv2 = cv2_module()

    plane = luma(pixels)
    detail = plane - cv2.blur(plane, (9, 9))
    variance = cv2.blur(detail * detail, (9, 9))
    trust = np.float32(sigma**2) / np.maximum(variance, np.float32(sigma**2))
    return np.asarray(detail, dtype=np.float32), np.asarray(trust, dtype=np.float32)


def add_plane(pixels: Pixels, plane: Plane) -> Pixels:
    """Add a luma difference to every colour channel, round and clip."""
    return round_pixels(pixels + (plane if pixels.ndim == 2 else plane[..., None]))
