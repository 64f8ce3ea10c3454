"""PNG chunks that Pillow stumbles over, or that say how many bits of a sample mean something."""

from __future__ import annotations

import zlib
from typing import Final

from PIL import PngImagePlugin

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.png import INFLATED_LIMIT, png_chunks

__all__ = ["FEWEST_BITS", "significant_bits", "significant_bits_chunk", "without_large_chunks"]

FEWEST_BITS: Final = 8
"""Fewer significant bits than these cannot be said of a marked picture: the mark lies below them."""
_XMP: Final = b"XML:com.adobe.xmp"
_LIMITED: Final = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
_N_COLOURS: Final = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}


def without_large_chunks(data: bytes) -> bytes:
    """Return a PNG file without the text and profiles that Pillow refuses as too large.

    Its limits guard against texts that fill the memory when they are inflated, which metadata does not need but for a
    colour profile and XMP, and these up to 64 MB.

    Raises
    ------
    FileFormatError
        If one of these two is larger.
    """
    removed: list[tuple[int, int]] = []
    memory, limit = 0, PngImagePlugin.MAX_TEXT_CHUNK
    for kind, start, end in png_chunks(data):
        if kind not in _LIMITED:
            continue
        content = data[start + 8 : end - 4]
        packed = _compressed_part(kind, content)
        size = len(content) if packed is None else len(_inflated(packed, limit + 1))
        if memory + size > PngImagePlugin.MAX_TEXT_MEMORY or (packed is not None and size > limit):
            removed.append((start, end))
            _check(kind, content, packed)
        else:
            memory += size
    if not removed:
        return data
    starts, ends = (0, *(end for _, end in removed)), (*(start for start, _ in removed), len(data))
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def significant_bits(data: bytes) -> int | None:
    """Return how many bits of a colour sample mean something, as the file says (sBIT); None where it says nothing."""
    for kind, start, end in png_chunks(data):
        if kind == b"IDAT":
            break
        if kind == b"sBIT":
            bits = data[start + 8 : min(end - 4, start + 8 + _N_COLOURS.get(data[25], 0))]
            depth = 8 if data[25] == 3 else data[24]  # a palette's colours have 8 bits
            return max(bits) if bits and 0 < max(bits) <= depth else None
    return None


def significant_bits_chunk(bits: int, mode: str, depth: int) -> bytes:
    """Return the content of an sBIT chunk for a Pillow mode; alpha has all the bits that there are."""
    n_colours, has_alpha = (1 if mode in ("L", "LA", "I;16") else 3), mode in ("LA", "RGBA")
    return bytes([min(bits, depth)] * n_colours + [depth] * has_alpha)


def _compressed_part(kind: bytes, content: bytes) -> bytes | None:
    """Return the compressed part of a chunk, None where there is none."""
    rest = content.partition(b"\0")[2]
    if kind in (b"zTXt", b"iCCP"):
        return rest[1:]
    return rest[2:].split(b"\0", 2)[-1] if kind == b"iTXt" and rest[:1] not in (b"", b"\0") else None


def _inflated(packed: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, limit)
    except zlib.error:
        return b""


def _check(kind: bytes, content: bytes, packed: bytes | None) -> None:
    """Refuse a colour profile or XMP that fills the memory."""
    what = "colour profile" if kind == b"iCCP" else "XMP" if content.startswith(_XMP + b"\0") else ""
    if what and (len(content) if packed is None else len(_inflated(packed, INFLATED_LIMIT + 1))) > INFLATED_LIMIT:
        raise FileFormatError(f"the {what} of the PNG file is larger than {INFLATED_LIMIT} bytes: remove it first")
