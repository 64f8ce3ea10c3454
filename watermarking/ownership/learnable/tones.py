"""What a suspect's owner or training does to the tones of its answers: patterns that prove nothing either way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.ownership.learnable.features import TO_CHROMA
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]

__all__ = ["N_TONES", "levels", "tone_patterns"]

N_TONES: Final = {1: 3, 2: 8}
"""Patterns of :func:`tone_patterns` by the number of carriers."""

_TO_RGB: Final = np.linalg.inv(TO_CHROMA.astype(np.float64)).astype(np.float32)
_SMOOTHING: Final = 1.0
"""Half-size pixels."""


def tone_patterns(halves: F32) -> F32:
    """Return how small tone changes of a picture would change its carriers, float32 (patterns, carriers, h, w).

    Of a colour picture: a gain and a gamma of each of R, G and B (contrast, saturation and white balance are sums of
    them; offsets are removed by centring) and a smoothing of each chroma plane. Of a grey one: gain, gamma, smoothing.
    """
    if halves.shape[0] == 1:
        return np.stack([halves, _gamma(halves), _smoothing(halves)])
    colours = levels(halves)
    chroma = TO_CHROMA[1:]
    found = [chroma[:, c, np.newaxis, np.newaxis] * colours[c] for c in range(3)]
    found += [chroma[:, c, np.newaxis, np.newaxis] * _gamma(colours[c]) for c in range(3)]
    for carrier in range(2):
        pattern = np.zeros_like(halves[1:])
        pattern[carrier] = _smoothing(halves[1 + carrier : 2 + carrier])[0]
        found.append(pattern)
    return np.asarray(np.stack(found), np.float32)


def levels(halves: F32) -> F32:
    """Return R, G and B of Y, Cb and Cr at half size, or a grey picture's own levels."""
    return halves if halves.shape[0] == 1 else np.asarray(np.tensordot(_TO_RGB, halves, 1), np.float32)


def _gamma(plane: F32) -> Any:
    """Return the change of levels by a gamma of almost one, per unit of its logarithm."""
    limited = np.clip(plane, 1, 255)
    return limited * np.log(limited / 255)


def _smoothing(halves: F32) -> F32:
    cv2 = cv2_module()
    blurred = [cv2.GaussianBlur(plane, (0, 0), _SMOOTHING, borderType=cv2.BORDER_REFLECT_101) for plane in halves]
    return np.asarray(np.stack(blurred) - halves, np.float32)
