"""Metadata in the segments of a JPEG file."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.containers.jpeg import APP0, COM, SEGMENT_LIMIT, Segment, split_jpeg, with_segments
from watermarking.pictures.formats.containers.mpf import HEADER as MPF_HEADER
from watermarking.pictures.formats.metadata.companions import read_companions
from watermarking.pictures.formats.metadata.exif import EXIF_HEADER
from watermarking.pictures.formats.metadata.model import Metadata
from watermarking.pictures.formats.metadata.photoshop import APP13_HEADER
from watermarking.pictures.formats.metadata.xmp.extended import (
    EXTENSION_HEADER,
    PACKET_HEADER,
    extension_named,
    joined,
    read_extension,
)
from watermarking.pictures.formats.metadata.xmp.packet import Packet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watermarking.pictures.formats.metadata.following import Following

__all__ = ["EXIF_LIMIT", "read_jpeg", "write_jpeg"]

APP1, APP2, APP11, APP13, APP14 = (APP0 + n for n in (1, 2, 11, 13, 14))
EXIF_LIMIT: Final = SEGMENT_LIMIT - len(EXIF_HEADER)
_ICC_HEADER: Final = b"ICC_PROFILE\0"
_ICC_PART: Final = SEGMENT_LIMIT - len(_ICC_HEADER) - 2
_JUMBF: Final = b"JP"
_CREDENTIALS: Final = b"c2pa"
_ADOBE: Final = b"Adobe\0"
_PACKET_HEADERS: Final = (PACKET_HEADER, b"XMP\0" + PACKET_HEADER[4:])
"""Of XMP; ImageMagick, and sites that use it, spoil the first letters."""
_OWN: Final = (EXIF_HEADER, *_PACKET_HEADERS, EXTENSION_HEADER)


def read_jpeg(data: bytes) -> Metadata:
    """Read what the first picture's segments hold, and what follows it."""
    segments, end = split_jpeg(data)
    icc, orphans = _read_icc(_contents(segments, APP2, _ICC_HEADER))
    xmp, extension = _read_xmp(segments)
    index, companions = read_companions(data, end, segments, xmp)
    credentials = _credentials(segments)
    photoshop = _contents(segments, APP13, APP13_HEADER)
    rest = [one for one in segments if _is_other(one) and one not in credentials]
    return Metadata(
        exif=b"".join(_contents(segments, APP1, EXIF_HEADER)),
        icc=icc,
        xmp=xmp,
        photoshop=b"".join(photoshop),
        comments=tuple(one.content for one in segments if one.marker == COM and one.content),
        segments=(*extension, *rest),
        index=index,
        companions=companions,
        credentials=bool(credentials),
        orphans=orphans,
    )


def write_jpeg(data: bytes, *, metadata: Metadata, follows: Following, packets: Iterable[bytes]) -> bytes:
    """Put metadata into a JPEG file that holds none, and what follows the picture behind it.

    ``metadata.exif`` fits in a segment; ``packets`` are the contents of the segments that hold XMP.
    """
    first = [Segment(APP1, EXIF_HEADER + metadata.exif)] if metadata.exif else []
    segments = [Segment(APP1, content) for content in packets]
    segments += [Segment(APP13, APP13_HEADER + part) for part in _parts(metadata.photoshop, SEGMENT_LIMIT - 14)]
    segments += _icc_segments(metadata.icc)
    segments += metadata.segments
    segments += [Segment(COM, comment) for comment in metadata.comments]
    if not metadata.dpi:
        data = _with_aspect(data, metadata.aspect)
    listed = [Segment(APP2, metadata.index)] if metadata.index else []
    whole = with_segments(data, [*first, *listed, *segments])
    if listed:
        at = whole.index(metadata.index, len(metadata.exif))  # not what happens to look like it in front
        index = follows.index(metadata.index, at, len(whole))
        whole = whole[:at] + index + whole[at + len(index) :] if index else with_segments(data, [*first, *segments])
    return b"".join((whole, *(one.content for one in follows.companions)))


def name_of(segment: Segment) -> str:
    """Name a segment, for a warning that it is left out."""
    if segment.content.startswith(EXTENSION_HEADER):  # which goes into the packet where it is whole
        return "damaged extended XMP"
    words = segment.content[:32].split(b"\0")[0]
    label = words.decode("ascii", "replace") if words.isascii() and words.decode("ascii").isprintable() else ""
    return f"APP{segment.marker - APP0}" + (f" ({label})" if label else "")


def _contents(segments: Iterable[Segment], marker: int, header: bytes) -> list[bytes]:
    return [one.content[len(header) :] for one in segments if one.marker == marker and one.content.startswith(header)]


def _is_other(segment: Segment) -> bool:
    """Say whether a segment is kept as it is: not held in a field of its own, nothing about how samples are coded."""
    marker, content = segment
    known = (
        marker in (APP0, COM)
        or (marker == APP1 and content.startswith(_OWN))
        or (marker == APP2 and content.startswith((_ICC_HEADER, MPF_HEADER)))
        or (marker == APP13 and content.startswith(APP13_HEADER))
        or (marker == APP14 and content.startswith(_ADOBE[:5]))
    )
    return not known


def _read_icc(parts: list[bytes]) -> tuple[bytes, tuple[str, ...]]:
    """Put the parts of a profile together: each begins with its number, counted from 1, and how many there are."""
    found = {part[0]: part[2:] for part in parts if len(part) > 2}
    total = parts[0][1] if parts and len(parts[0]) > 2 else 0
    if sorted(found) != list(range(1, total + 1)):
        return b"", ("damaged ICC profile",) if parts else ()
    return b"".join(content for _, content in sorted(found.items())), ()


def _icc_segments(icc: bytes) -> list[Segment]:
    parts = _parts(icc, _ICC_PART)
    return [
        Segment(APP2, _ICC_HEADER + bytes((number, len(parts))) + part) for number, part in enumerate(parts, start=1)
    ]


def _with_aspect(data: bytes, aspect: tuple[int, int] | None) -> bytes:
    """State the ratio of dots in the JFIF header, which begins the file and says nothing about them yet."""
    if aspect is None or data[6:11] != b"JFIF\0" or max(aspect) >= 2**16:
        return data
    return data[:13] + struct.pack(">BHH", 0, *aspect) + data[18:]


def _parts(content: bytes, length: int) -> list[bytes]:
    return [content[start : start + length] for start in range(0, len(content), length)]


def _read_xmp(segments: list[Segment]) -> tuple[bytes, list[Segment]]:
    """Return the packet, joined with its extension, or the segments of an extension that cannot be joined."""
    packets = [packet for header in _PACKET_HEADERS for packet in _contents(segments, APP1, header)]
    xmp = packets[0].rstrip(b"\0") if packets else b""
    extension = [one for one in segments if one.marker == APP1 and one.content.startswith(EXTENSION_HEADER)]
    if not extension:
        return xmp, []
    try:
        packet = Packet(xmp)
        whole = read_extension(_contents(extension, APP1, EXTENSION_HEADER), extension_named(packet))
        return joined(packet, whole), []
    except ValueError:
        return xmp, extension


def _credentials(segments: list[Segment]) -> list[Segment]:
    """List the segments of Content Credentials: ISO/IEC 19566-5, annex D; C2PA 2.1, A.3.1."""
    by_box: dict[bytes, list[Segment]] = {}
    for one in segments:
        if one.marker == APP11 and one.content.startswith(_JUMBF) and len(one.content) > 16:
            by_box.setdefault(one.content[2:4], []).append(one)
    return [one for parts in by_box.values() if holds_credentials(parts[0].content[8:]) for one in parts]


def holds_credentials(box: bytes) -> bool:
    """Say whether a JUMBF superbox, or its beginning, is one of Content Credentials."""
    return box[4:8] == b"jumb" and box[8:].partition(b"jumd")[2][:4] in (_CREDENTIALS, b"")
