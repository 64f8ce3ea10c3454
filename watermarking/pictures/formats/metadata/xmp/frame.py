"""What XMP says about the frame of the picture: its orientation, its size, where faces are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.metadata.orientation import turned_point
from watermarking.pictures.formats.metadata.xmp.packet import Packet, Property, edited, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["turned_xmp", "xmp_orientation", "xmp_with_size"]

_TIFF: Final = "http://ns.adobe.com/tiff/1.0/"
_EXIF: Final = "http://ns.adobe.com/exif/1.0/"
_AREA: Final = "http://ns.adobe.com/xmp/sType/Area#"
_DIMENSIONS: Final = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_REGIONS: Final = "http://www.metadataworkinggroup.com/schemas/regions/"
_WIDTHS: Final = ((_TIFF, "ImageWidth"), (_EXIF, "PixelXDimension"))
_HEIGHTS: Final = ((_TIFF, "ImageLength"), (_EXIF, "PixelYDimension"))
_SKIPPED: Final = rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>"
_ORIENTATION: Final = re.compile(_SKIPPED + rb'|(tiff:Orientation\s*(?:=\s*["\']|>)\s*)([1-8])', re.DOTALL)


def xmp_orientation(xmp: bytes) -> tuple[bytes, int]:
    """Return a packet with orientation 1, and the orientation that it had, 0 for none; also of one that is damaged."""
    if b"Orientation" not in xmp:
        return xmp, 0
    try:
        packet = Packet(xmp)
    except ValueError:
        found = [match for match in _ORIENTATION.finditer(xmp) if match[2]]
        return edited(xmp, ((*match.span(2), b"1") for match in found)), int(found[0][2]) if found else 0
    places = packet.named(_TIFF, "tiff", "Orientation")
    values = [packet.value(one).strip() for one in places]
    known = [(one, int(value)) for one, value in zip(places, values, strict=True) if value in tuple("12345678")]
    patched = edited(xmp, ((one.value_start, one.value_end, b"1") for one, _ in known))
    return patched, known[0][1] if known else 0


def turned_xmp(xmp: bytes, orientation: int) -> bytes:
    """Return a packet whose regions (faces, for example) lie where they lie in the upright picture.

    Metadata Working Group, Guidelines 2.0, section 5.9: their places are fractions of the stored picture.
    """
    if orientation == 1 or _REGIONS.encode() not in xmp:
        return xmp
    try:
        packet = Packet(xmp)
    except ValueError:
        return xmp
    edits = []
    for numbers in _structures(packet, _AREA):
        edits += _turned_area(packet, numbers, orientation)
    if orientation >= 5:
        for numbers in _structures(packet, _DIMENSIONS):
            if _is_applied(packet, numbers):
                edits += _exchanged(packet, numbers)
    return edited(xmp, edits)


def xmp_with_size(xmp: bytes, width: int, height: int) -> bytes:
    """Return a packet whose properties for the size of the picture, where it has any, say this size."""
    if not any(name.encode() in xmp for _, name in (*_WIDTHS, *_HEIGHTS)):
        return xmp
    try:
        packet = Packet(xmp)
    except ValueError:
        return xmp
    edits = []
    for one in packet.properties():
        value = width if (one.space, one.name) in _WIDTHS else height if (one.space, one.name) in _HEIGHTS else 0
        if value and packet.value(one).strip() != str(value):
            edits.append((one.value_start, one.value_end, str(value).encode()))
    return edited(xmp, edits)


def _structures(packet: Packet, space: str) -> Iterator[dict[str, Property]]:
    """Yield the fields by name of each structure whose fields are of this namespace."""
    groups: dict[int, dict[str, Property]] = {}
    for one in packet.everywhere((space,)):
        groups.setdefault(one.owner, {})[one.name] = one
    yield from groups.values()


def _is_applied(packet: Packet, numbers: dict[str, Property]) -> bool:
    """Say whether dimensions are those of the picture that regions were drawn in."""
    owner = next(iter(numbers.values())).owner
    while owner >= 0:
        if (packet.elements[owner].space, packet.elements[owner].name) == (_REGIONS, "AppliedToDimensions"):
            return True
        owner = packet.elements[owner].parent
    return False


def _turned_area(packet: Packet, numbers: dict[str, Property], orientation: int) -> list[tuple[int, int, bytes]]:
    if not {"x", "y"} <= numbers.keys():
        return []
    try:
        x, y = (float(packet.value(numbers[name])) for name in ("x", "y"))
    except ValueError:
        return []
    upright = turned_point(x, y, 1, 1, orientation)
    edits = [
        (numbers[name].value_start, numbers[name].value_end, quoted(f"{value:.6g}"))
        for name, value in zip(("x", "y"), upright, strict=True)
    ]
    return edits + (_exchanged(packet, numbers) if orientation >= 5 else [])


def _exchanged(packet: Packet, numbers: dict[str, Property]) -> list[tuple[int, int, bytes]]:
    if not {"w", "h"} <= numbers.keys():
        return []
    width, height = numbers["w"], numbers["h"]
    return [
        (one.value_start, one.value_end, packet.data[other.value_start : other.value_end])
        for one, other in ((width, height), (height, width))
    ]
