"""Kinds of JPEG that no decoder here takes: told by the marker of the first frame, before one stumbles over them."""

from __future__ import annotations

import struct
from typing import Final

from watermarking.errors import FileFormatError

__all__ = ["is_arithmetic", "jpeg_frame", "refuse_rare_jpeg"]

_LOSSLESS: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_HIERARCHICAL: Final = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_ARITHMETIC: Final = frozenset({0xC9, 0xCA})
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_LS: Final = 0xF7
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def jpeg_frame(data: bytes) -> tuple[int, int] | None:
    """Return the marker of the first frame (its second byte) and the bits of a sample, or None where there is none."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # fill bytes
            position += 1
        elif marker in _ALONE:
            position += 2
        elif marker in _FRAMES or marker == _JPEG_LS:
            return (marker, data[position + 4]) if position + 5 <= len(data) else None
        else:
            (length,) = struct.unpack_from(">H", data, position + 2)
            if length < 2 or marker in (0xD9, 0xDA):
                return None
            position += 2 + length
    return None


def is_arithmetic(data: bytes) -> bool:
    """Say whether a JPEG file is of arithmetic coding, which decoders may be built without."""
    return (jpeg_frame(data) or (0, 0))[0] in _ARITHMETIC


def refuse_rare_jpeg(data: bytes) -> None:
    """Raise for JPEG of 12 bits a sample, lossless and hierarchical JPEG, and JPEG-LS.

    Raises
    ------
    FileFormatError
    """
    if (frame := jpeg_frame(data)) is None:
        return
    marker, bits = frame
    if marker == _JPEG_LS:
        raise FileFormatError("JPEG-LS is not read: convert it to PNG first")
    if marker in _HIERARCHICAL:
        raise FileFormatError("hierarchical JPEG is not read: save it as baseline or progressive JPEG")
    if marker in _LOSSLESS:
        raise FileFormatError("lossless JPEG (SOF3) is not read: convert it to PNG or TIFF first")
    if bits != 8:
        raise FileFormatError(f"JPEG of {bits} bits a sample is not read: convert it to 16-bit PNG or TIFF first")
