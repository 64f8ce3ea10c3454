"""JPEG as a row of marker segments, and where the picture ends: ITU-T T.81, annex B."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "APP0", "COM", "SEGMENT_LIMIT", "Frame", "Segment", "frame_of_jpeg", "join_segments", "split_jpeg", "with_segments",
]  # fmt: skip

APP0: Final = 0xE0
COM: Final = 0xFE
SEGMENT_LIMIT: Final = 65_533
"""Bytes of content that one segment holds."""
_SOS, _EOI = 0xDA, 0xD9
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without content: TEM, RST0 to RST7, SOI."""
_FRAMES: Final = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""Markers of frame headers: all SOF, without DHT, JPG and DAC; and that of JPEG-LS."""
_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends a run of entropy-coded bytes: any marker but a restart."""


class Frame(NamedTuple):
    """What the header of a frame says: its marker's second byte, bits of a sample, width and height."""

    marker: int
    bits: int
    width: int
    height: int


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


def frame_of_jpeg(data: bytes) -> Frame | None:
    """Return the header of the first frame, None where there is none in front of the samples."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # fill bytes
            position += 1
        elif marker in _ALONE:
            position += 2
        elif marker in _FRAMES:
            if position + 9 > len(data):
                return None
            bits, height, width = struct.unpack_from(">BHH", data, position + 4)
            return Frame(marker, bits, width, height)
        else:
            (length,) = struct.unpack_from(">H", data, position + 2)
            if length < 2 or marker in (_EOI, _SOS):
                return None
            position += 2 + length
    return None


def join_segments(segments: Iterable[Segment]) -> bytes:
    """Return segments as they lie in a file."""
    return b"".join(struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content for kind, content in segments)


def with_segments(data: bytes, segments: Iterable[Segment]) -> bytes:
    """Put segments into a JPEG file, behind its JFIF header if it has one, else at its beginning."""
    start = 2
    if data[2:4] == bytes((0xFF, APP0)):
        start += 2 + int(struct.unpack_from(">H", data, 4)[0])
    return b"".join((data[:start], join_segments(segments), data[start:]))
