"""PNG chunks that Pillow stumbles over, or that say how many bits of a sample mean something."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from PIL import PngImagePlugin

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.metadata import png_chunks

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FEWEST_BITS", "significant_bits", "significant_bits_chunk", "without_large_chunks"]

FEWEST_BITS: Final = 8
"""Fewer significant bits than these cannot be said of a marked picture: the mark lies below them."""
_MOST: Final = 2**26
"""Bytes to which a profile or a text that matters for the picture may be inflated."""
_XMP: Final = b"XML:com.adobe.xmp"
_LIMITED: Final = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
_N_COLOURS: Final = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}


def without_large_chunks(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Return a PNG file without the text and profiles that Pillow refuses as too large, and what it would say of them.

    Its limits guard against texts that fill the memory when they are inflated. What is taken out here is not inflated
    at all, but for a colour profile (``icc_profile``) and XMP (``xmp``), and these up to 64 MB.

    Raises
    ------
    FileFormatError
        If one of these two is larger.
    """
    removed: list[tuple[int, int]] = []
    found: dict[str, bytes] = {}
    memory, limit = 0, PngImagePlugin.MAX_TEXT_CHUNK
    for kind, start, end in png_chunks(data):
        if kind not in _LIMITED:
            continue
        content = data[start + 8 : end - 4]
        packed = _compressed_part(kind, content)
        size = len(content) if packed is None else len(_inflated(packed, limit + 1))
        if memory + size > PngImagePlugin.MAX_TEXT_MEMORY or (packed is not None and size > limit):
            removed.append((start, end))
            found |= _meaning(kind, content, packed)
        else:
            memory += size
    if not removed:
        return data, {}
    starts, ends = (0, *(end for _, end in removed)), (*(start for start, _ in removed), len(data))
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True)), found


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


def _meaning(kind: bytes, content: bytes, packed: bytes | None) -> Mapping[str, bytes]:
    """Return what Pillow would say of a chunk that was taken out, if it matters for the picture."""
    name = "icc_profile" if kind == b"iCCP" else "xmp" if content.startswith(_XMP + b"\0") else ""
    if not name:
        return {}
    value = content.partition(b"\0")[2][2:].split(b"\0", 2)[-1] if packed is None else _inflated(packed, _MOST + 1)
    if len(value) > _MOST:
        what = "colour profile" if kind == b"iCCP" else "XMP"
        raise FileFormatError(f"the {what} of the PNG file is larger than {_MOST} bytes: remove it first")
    return {name: value}
