"""What the waves are looked for in: the picture without its own strong parts."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.pictures.opencv import cv2_module

__all__ = ["whitened"]

F32 = npt.NDArray[np.float32]

_SIGMA: Final = 2.5
_WINDOW: Final = 9
_NOISE: Final = 3.0
_CLIP: Final = 2.0


def whitened(plane: F32) -> F32:
    """Subtract the surroundings and weigh each pixel as a matched filter does: by mask over local variance.

    Parameters
    ----------
    plane : (h, w) float32, grey levels

    Returns
    -------
    (h, w) float32; zero where the picture is flat
    """
    cv2 = cv2_module()
    border = cv2.BORDER_REFLECT
    high = plane - cv2.GaussianBlur(plane, (0, 0), _SIGMA, borderType=border)
    deviation = 1.25 * cv2.blur(np.abs(high), (_WINDOW, _WINDOW), borderType=border)
    np.clip(high, -_CLIP * deviation, _CLIP * deviation, out=high)
    weight = np.power(deviation + 2, np.float32(0.3)) / (np.square(deviation) + _NOISE)
    return np.asarray(high * weight, np.float32)
