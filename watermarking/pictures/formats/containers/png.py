"""PNG as a row of chunks: W3C, Portable Network Graphics (Third Edition), section 5."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["INFLATED_LIMIT", "inflate", "png_chunks", "with_chunks"]

INFLATED_LIMIT: Final = 2**26
"""Bytes to which a profile or a text that matters for the picture may be inflated."""
_HEAD: Final = 33
"""Bytes of the signature and IHDR, which comes first."""


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of each chunk of a PNG file up to IEND; its content begins 8 bytes after the start."""
    start, kind = 8, b""
    while start + 12 <= len(data) and kind != b"IEND":
        kind, end = data[start + 4 : start + 8], start + 12 + int(struct.unpack_from(">I", data, start)[0])
        yield kind, start, end
        start = end


def with_chunks(data: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Put chunks, given as (type, content), into a PNG file in front of its samples."""
    added = (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
        for kind, content in chunks
    )
    return b"".join((data[:_HEAD], *added, data[_HEAD:]))


def inflate(content: bytes) -> bytes:
    """Undo zlib's compression; empty where it is damaged, or holds more than 64 MiB."""
    try:
        inflater = zlib.decompressobj()
        found = inflater.decompress(content, INFLATED_LIMIT)
    except zlib.error:
        return b""
    return found if inflater.eof else b""
