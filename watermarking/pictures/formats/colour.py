"""Colours that a file names by numbers (ITU-T H.273), and the ICC profile that says the same to other formats."""

from __future__ import annotations

import struct
from typing import Final

from watermarking.pictures.formats.icc import SRGB_CURVE, grey_profile, rgb_profile

__all__ = ["is_srgb", "profile_cicp", "profile_of"]

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
_PRIMARIES: Final[dict[int, tuple[tuple[float, float], ...]]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),  # BT.709, sRGB
    4: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), _C),  # BT.470 M
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),  # BT.470 BG
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE 170M
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # SMPTE 240M
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),  # EBU 3213
}
_UNSPECIFIED: Final = 2
_AS_SRGB: Final = frozenset({_UNSPECIFIED, 1, 6, 13, 14, 15})
"""Transfer characteristics that viewers show with the curve of sRGB."""
_GAMMAS: Final = {4: 2.2, 5: 2.8, 8: 1.0}


def is_srgb(primaries: int, transfer: int) -> bool:
    """Say whether primaries and transfer characteristics are those that a picture without a profile is shown with."""
    return primaries in (1, _UNSPECIFIED) and transfer in _AS_SRGB


def profile_of(primaries: int, transfer: int, *, grey: bool = False) -> bytes | None:
    """Return an ICC profile (version 4, matrix and curve) for RGB or grey, or None where there is no such profile.

    Parameters
    ----------
    primaries, transfer : int
        Colour primaries and transfer characteristics of ITU-T H.273; 2, unspecified, is taken for those of sRGB.
    grey : bool
        For samples of grey, whose primaries do not matter.
    """
    points = _PRIMARIES.get(1 if grey or primaries == _UNSPECIFIED else primaries)
    if points is None or (transfer not in _AS_SRGB and transfer not in _GAMMAS):
        return None
    curve = SRGB_CURVE if transfer in _AS_SRGB else (_GAMMAS[transfer],)
    name = f"H.273 primaries {primaries}, transfer {transfer}"
    return grey_profile(name, curve) if grey else rgb_profile(name, points, curve)


def profile_cicp(icc: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer characteristics that an ICC profile names in a ``cicp`` tag, if it has one."""
    if len(icc) < 132:
        return None
    (n_tags,) = struct.unpack_from(">I", icc, 128)
    for place in range(132, min(132 + 12 * n_tags, len(icc) - 11), 12):
        tag, offset, size = struct.unpack_from(">4sII", icc, place)
        if tag == b"cicp" and size >= 12 and offset + 12 <= len(icc):
            return icc[offset + 8], icc[offset + 9]
    return None
