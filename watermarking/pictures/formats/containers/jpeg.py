"""JPEG as a row of marker segments, and where the picture ends: ITU-T T.81, annex B."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["APP0", "COM", "SEGMENT_LIMIT", "Segment", "join_segments", "size_of_jpeg", "split_jpeg", "with_segments"]

APP0: Final = 0xE0
COM: Final = 0xFE
SEGMENT_LIMIT: Final = 65_533
"""Bytes of content that one segment holds."""
_SOS, _EOI = 0xDA, 0xD9
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without content: TEM, RST0 to RST7, SOI."""
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of frame headers: all SOF, without DHT, JPG and DAC."""
_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends a run of entropy-coded bytes: any marker but a restart."""


class Segment(NamedTuple):
    """A marker's second byte, 0xE0 for APP0, and the content behind the length."""

    marker: int
    content: bytes


def split_jpeg(data: bytes) -> tuple[list[Segment], int]:
    """Return the APP and COM segments of the first picture in a file, and where it ends, behind its EOI.

    A picture without an end ends where the file does.
    """
    found: list[Segment] = []
    position = 2
    while marker := _MARKER.search(data, position):
        kind, position = data[marker.end() - 1], marker.end()
        if kind == _EOI:
            return found, position
        if kind in _ALONE or position + 2 > len(data):
            continue
        end = position + int(struct.unpack_from(">H", data, position)[0])
        if APP0 <= kind <= APP0 + 15 or kind == COM:
            found.append(Segment(kind, data[position + 2 : end]))
        position = max(end, position + 2)
    return found, len(data)


def size_of_jpeg(data: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG picture, (0, 0) where it does not say."""
    position = 2
    while marker := _MARKER.search(data, position):
        kind, position = data[marker.end() - 1], marker.end()
        if kind in (_SOS, _EOI) or position + 7 > len(data):
            break
        if kind in _FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return int(width), int(height)
        if kind not in _ALONE:
            position += max(2, int(struct.unpack_from(">H", data, position)[0]))
    return 0, 0


def join_segments(segments: Iterable[Segment]) -> bytes:
    """Return segments as they lie in a file."""
    return b"".join(struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content for kind, content in segments)


def with_segments(data: bytes, segments: Iterable[Segment]) -> bytes:
    """Put segments into a JPEG file, behind its JFIF header if it has one, else at its beginning."""
    start = 2
    if data[2:4] == bytes((0xFF, APP0)):
        start += 2 + int(struct.unpack_from(">H", data, 4)[0])
    return b"".join((data[:start], join_segments(segments), data[start:]))
