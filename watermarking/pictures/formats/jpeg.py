"""Kinds of JPEG that no decoder here takes: told by the marker of the first frame, before one stumbles over them."""

from __future__ import annotations

from typing import Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.jpeg import frame_of_jpeg

__all__ = ["is_arithmetic", "refuse_rare_jpeg"]

_LOSSLESS: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_HIERARCHICAL: Final = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_ARITHMETIC: Final = frozenset({0xC9, 0xCA})
_JPEG_LS: Final = 0xF7


def is_arithmetic(data: bytes) -> bool:
    """Say whether a JPEG file is of arithmetic coding, which decoders may be built without."""
    frame = frame_of_jpeg(data)
    return frame is not None and frame.marker in _ARITHMETIC


def refuse_rare_jpeg(data: bytes) -> None:
    """Raise for JPEG of 12 bits a sample, lossless and hierarchical JPEG, and JPEG-LS.

    Raises
    ------
    FileFormatError
    """
    if (frame := frame_of_jpeg(data)) is None:
        return
    marker, bits = frame.marker, frame.bits
    if marker == _JPEG_LS:
        raise FileFormatError("JPEG-LS is not read: convert it to PNG first")
    if marker in _HIERARCHICAL:
        raise FileFormatError("hierarchical JPEG is not read: save it as baseline or progressive JPEG")
    if marker in _LOSSLESS:
        raise FileFormatError("lossless JPEG (SOF3) is not read: convert it to PNG or TIFF first")
    if bits != 8:
        raise FileFormatError(f"JPEG of {bits} bits a sample is not read: convert it to 16-bit PNG or TIFF first")
