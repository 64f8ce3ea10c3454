"""Colours that PNG describes by numbers, for formats that describe them by an ICC profile."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.metadata.profile import Curve, grey_profile, rgb_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["described_profile"]

_D65: Final = (0.3127, 0.3290)
_PRIMARIES: Final = {
    1: ((0.64, 0.33, 0.30, 0.60, 0.15, 0.06), _D65),
    5: ((0.64, 0.33, 0.29, 0.60, 0.15, 0.06), _D65),
    6: ((0.63, 0.34, 0.31, 0.595, 0.155, 0.07), _D65),
    7: ((0.63, 0.34, 0.31, 0.595, 0.155, 0.07), _D65),
    9: ((0.708, 0.292, 0.170, 0.797, 0.131, 0.046), _D65),
    11: ((0.68, 0.32, 0.265, 0.69, 0.15, 0.06), (0.314, 0.351)),
    12: ((0.68, 0.32, 0.265, 0.69, 0.15, 0.06), _D65),
}
"""ColourPrimaries of ITU-T H.273, table 2."""
_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE: Final = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_CURVES: Final[dict[int, Curve]] = {
    1: _BT709_CURVE, 4: (2.2,), 5: (2.8,), 6: _BT709_CURVE, 8: (1.0,), 13: _SRGB_CURVE, 14: _BT709_CURVE,
    15: _BT709_CURVE,
}  # fmt: skip
"""TransferCharacteristics of ITU-T H.273, table 3; PQ and HLG are not among them, they go beyond white."""
_UNSPECIFIED: Final = 2
_SRGB: Final = (1, 13)
_NAMES: Final = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3", 16: "PQ", 18: "HLG"}
_GAMMA: Final = 45_455
_CHROMATICITIES: Final = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)


def described_profile(chunks: Mapping[bytes, bytes], grey: bool, file_format: str) -> bytes:
    """Return an ICC profile of the colours that the chunks of a PNG file without one describe; empty for sRGB.

    Raises
    ------
    FileFormatError
        If no profile describes them: PQ and HLG, narrow range.
    """
    coded = chunks.get(b"cICP", b"")
    if len(coded) == 4:
        return _coded_profile(coded, grey, file_format)
    if b"sRGB" in chunks:
        return b""
    gamma, places = _numbers(chunks.get(b"gAMA", b""), 1), _numbers(chunks.get(b"cHRM", b""), 8)
    usual_gamma = gamma is None or abs(gamma[0] / _GAMMA - 1) < 0.01
    usual_places = places is None or all(abs(a - b) < 200 for a, b in zip(places, _CHROMATICITIES, strict=True))
    if usual_gamma and (usual_places or grey):
        return b""
    curve = _SRGB_CURVE if gamma is None or usual_gamma else (100_000 / gamma[0],)
    x, y, *primaries = (value / 100_000 for value in places or _CHROMATICITIES)
    try:
        return grey_profile("gAMA", curve) if grey else rgb_profile("gAMA and cHRM", (x, y), primaries, curve)
    except (ValueError, struct.error):  # not the colours of anything
        return b""


def _coded_profile(coded: bytes, grey: bool, file_format: str) -> bytes:
    primaries, transfer, matrix, full_range = coded
    primaries, transfer = (
        usual if found == _UNSPECIFIED else found for found, usual in zip((primaries, transfer), _SRGB, strict=True)
    )
    known = transfer in _CURVES and (primaries in _PRIMARIES or grey) and matrix == 0 and full_range == 1
    if not known:
        colours = [_NAMES[code] for code in (primaries, transfer) if code in _NAMES] or ["coded"]
        raise FileFormatError(
            f"{file_format} cannot say that the colours are {' '.join(colours)} (cICP {primaries}/{transfer}/{matrix}/"
            f"{full_range}), and without that others would be shown: write PNG, or convert the picture to sRGB first"
        )
    if transfer == _SRGB[1] and (grey or primaries == _SRGB[0]):
        return b""
    name = f"cICP {primaries}/{transfer}"
    if grey:
        return grey_profile(name, _CURVES[transfer])
    places, white = _PRIMARIES[primaries]
    return rgb_profile(name, white, places, _CURVES[transfer])


def _numbers(content: bytes, count: int) -> tuple[int, ...] | None:
    found = struct.unpack(f">{count}I", content) if len(content) == 4 * count else ()
    return found if found and all(found) else None
