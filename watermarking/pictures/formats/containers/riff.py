"""WebP as a row of RIFF chunks: RFC 9649, section 2."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["riff_chunks"]


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of the content of each chunk of a WebP file."""
    start = 20
    while start <= len(data):
        end = start + int(struct.unpack_from("<I", data, start - 4)[0])
        yield data[start - 8 : start - 4], start, end
        start = end + end % 2 + 8
