"""XMP above 64 KB in JPEG: a packet that stands alone, and what was moved out of it. XMP part 3, section 1.1.3.1."""

from __future__ import annotations

import hashlib
import re
import struct
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.containers.jpeg import SEGMENT_LIMIT
from watermarking.pictures.formats.metadata.xmp.packet import RDF, Packet, edited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watermarking.pictures.formats.metadata.xmp.packet import Property

__all__ = [
    "EXTENSION_HEADER", "PACKET_HEADER", "extension_named", "extension_parts", "in_segments", "joined",
    "read_extension", "split",
]  # fmt: skip

PACKET_HEADER: Final = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_HEADER: Final = b"http://ns.adobe.com/xmp/extension/\0"
PACKET_LIMIT: Final = SEGMENT_LIMIT - len(PACKET_HEADER)
_NOTE: Final = "http://ns.adobe.com/xmp/note/"
_NOTE_ROOM: Final = 400
"""Bytes that the name of the extension takes in the packet, and some more."""
_GUID: Final = 32
_PART: Final = 65_400


def read_extension(contents: Iterable[bytes], guid: str) -> bytes:
    """Put the parts of the extension that ``guid`` names together; empty where one is missing.

    Parameters
    ----------
    contents : iterable of bytes
        What follows :data:`EXTENSION_HEADER` in each segment.
    guid : str
        32 characters.
    """
    parts, length = {}, 0
    for content in contents:
        if len(content) > _GUID + 8 and content[:_GUID] == guid.encode():
            length, offset = struct.unpack_from(">II", content, _GUID)
            parts[offset] = content[_GUID + 8 :]
    whole = b""
    for offset, part in sorted(parts.items()):
        if offset != len(whole):
            return b""
        whole += part
    return whole if len(whole) == length else b""


def extension_parts(extension: bytes, guid: bytes) -> list[bytes]:
    """Cut an extension into contents of segments."""
    return [
        EXTENSION_HEADER + guid + struct.pack(">II", len(extension), start) + extension[start : start + _PART]
        for start in range(0, len(extension), _PART)
    ]


def extension_named(packet: Packet) -> str:
    """Return which extension a packet asks for, empty where it asks for none."""
    return packet.find(_NOTE, "HasExtendedXMP") or ""


def joined(packet: Packet, extension: bytes) -> bytes:
    """Put the properties of an extension back into their packet.

    Raises
    ------
    ValueError
        If one of them is no well-formed packet with an ``rdf:RDF``.
    """
    more = Packet(extension)
    added = b""
    for index in more.descriptions():
        element = more.elements[index]
        text = extension[element.start : element.end]
        declared = {prefix for _, _, prefix, _ in element.declared}
        missing = {prefix: space for prefix, space in element.prefixes.items() if prefix not in declared}
        name = _name_end(extension, element.start) - element.start
        added += text[:name] + _declarations(missing, text) + text[name:]
    notes = [one for one in packet.properties() if (one.space, one.name) == (_NOTE, "HasExtendedXMP")]
    return _with_description(Packet(edited(packet.data, _cuts(packet, notes))), added)


def in_segments(xmp: bytes) -> tuple[list[bytes], bool]:
    """Return the contents of the JPEG segments that hold a packet, and whether its XML comments had to be left out.

    XMP readers pass comments over. No segments are returned for a packet that cannot be made to fit.
    """
    if len(xmp) <= PACKET_LIMIT:
        return [PACKET_HEADER + xmp], False
    try:
        whole = _without_padding(xmp)
        for packet in (whole, _without_comments(whole)):
            if len(packet) <= PACKET_LIMIT:
                return [PACKET_HEADER + packet], packet is not whole
            if parts := split(packet):
                kept, extension, guid = parts
                return [PACKET_HEADER + kept, *extension_parts(extension, guid)], packet is not whole
    except ValueError:  # not well formed: it cannot be cut
        pass
    return [], False


def split(xmp: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Cut a packet in two, so that the first fits in a segment: what it keeps, the extension, and its GUID.

    The largest properties are moved, as few as need be. Returns None where even that does not help.

    Raises
    ------
    ValueError
        If the packet is not well formed.
    """
    packet = Packet(xmp)
    room = PACKET_LIMIT - _NOTE_ROOM
    moved: list[Property] = []
    size = len(xmp)
    for one in sorted(packet.properties(), key=lambda one: one.start - one.end):
        if size <= room:
            break
        moved.append(one)
        size -= one.end - one.start
    if size > room or not moved:
        return None
    extension = _extension_of(packet, sorted(moved, key=lambda one: one.start))
    guid = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    kept = Packet(edited(packet.data, _cuts(packet, moved)))
    note = b'<rdf:Description xmlns:rdf="%s" rdf:about="" xmlns:xmpNote="%s" xmpNote:HasExtendedXMP="%s"/>' % (
        RDF.encode(), _NOTE.encode(), guid,
    )  # fmt: skip
    return _with_description(kept, note), extension, guid


def _without_padding(xmp: bytes) -> bytes:
    end = xmp.rfind(b"<?xpacket end")
    return xmp if end < 0 else xmp[:end].rstrip() + b"\n" + xmp[end:]


def _without_comments(xmp: bytes) -> bytes:
    packet = Packet(xmp)
    return edited(xmp, ((start, end, b"") for start, end in packet.comments)) if packet.comments else xmp


def _cuts(packet: Packet, moved: list[Property]) -> list[tuple[int, int, bytes]]:
    """Cut properties out of a packet, and the descriptions that say nothing else."""
    gone = {(one.start, one.end) for one in moved}
    left = {one.owner for one in packet.properties() if (one.start, one.end) not in gone}
    empty = (packet.elements[owner] for owner in {one.owner for one in moved} - left)
    return [(start, end, b"") for start, end in gone] + [(one.start, one.end, b"") for one in empty]


def _extension_of(packet: Packet, moved: list[Property]) -> bytes:
    described = b""
    for owner in dict.fromkeys(one.owner for one in moved):
        element = packet.elements[owner]
        texts = [(one, packet.data[one.start : one.end]) for one in moved if one.owner == owner]
        attributes = b"".join(text for one, text in texts if one.end <= element.inside)
        elements = b"".join(text for one, text in texts if one.start >= element.inside)
        spaces = _declarations(element.prefixes, attributes + elements)
        described += b'<rdf:Description rdf:about=""' + spaces + attributes + b">" + elements + b"</rdf:Description>"
    head = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s">' % RDF.encode()
    return head + described + b"</rdf:RDF></x:xmpmeta>"


def _with_description(packet: Packet, text: bytes) -> bytes:
    """Put a description behind those that a packet has."""
    for element in packet.elements:
        if element.name != "RDF":
            continue
        if element.closed < element.end:
            return edited(packet.data, [(element.closed, element.closed, text)])
        name = packet.data[element.start + 1 : _name_end(packet.data, element.start)]
        start_tag = packet.data[element.start : element.inside - 2]
        return edited(packet.data, [(element.start, element.end, start_tag + b">" + text + b"</" + name + b">")])
    raise ValueError("the packet holds no rdf:RDF")


def _declarations(prefixes: Mapping[str, str], text: bytes) -> bytes:
    """Declare those prefixes that a text uses."""
    return b"".join(
        f' xmlns:{prefix}="{space}"'.encode()
        for prefix, space in prefixes.items()
        if prefix and re.search(rb"[\s<\"']" + re.escape(prefix.encode()) + b":", text)
    )


def _name_end(data: bytes, start: int) -> int:
    found = re.compile(rb"[\s/>]").search(data, start)
    return found.start() if found else start
