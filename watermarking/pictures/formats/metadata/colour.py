"""Colours that PNG describes by numbers, for formats that describe them by an ICC profile."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.colour import is_srgb, profile_of
from watermarking.pictures.formats.icc import SRGB_CURVE, grey_profile, rgb_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["described_profile"]

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
    curve = SRGB_CURVE if gamma is None or usual_gamma else (100_000 / gamma[0],)
    values = [value / 100_000 for value in places or _CHROMATICITIES]
    white, *primaries = zip(values[::2], values[1::2], strict=True)
    try:
        return grey_profile("gAMA", curve) if grey else rgb_profile("gAMA and cHRM", (*primaries, white), curve)
    except (ValueError, struct.error):  # not the colours of anything
        return b""


def _coded_profile(coded: bytes, grey: bool, file_format: str) -> bytes:
    primaries, transfer, matrix, full_range = coded
    found = profile_of(primaries, transfer, grey=grey) if (matrix, full_range) == (0, 1) else None
    if found is None:
        colours = [_NAMES[code] for code in (primaries, transfer) if code in _NAMES] or ["coded"]
        raise FileFormatError(
            f"the colours are {' '.join(colours)} (cICP {primaries}/{transfer}/{matrix}/{full_range}), of which no ICC "
            f"profile is made, so in {file_format} others were shown: write PNG, or convert the picture to sRGB first"
        )
    return b"" if is_srgb(1 if grey else primaries, transfer) else found


def _numbers(content: bytes, count: int) -> tuple[int, ...] | None:
    found = struct.unpack(f">{count}I", content) if len(content) == 4 * count else ()
    return found if found and all(found) else None
