"""What XMP says about things outside it: pictures and films behind the end of a JPEG, Content Credentials.

Where such a thing is left out, or grows, the packet is corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.metadata.xmp.packet import RDF, Packet, Property, edited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Item", "directory_items", "film_length", "has_gain_map", "with_items", "without_companions", "without_credentials",
    "without_depth",
]  # fmt: skip

GAIN_MAP: Final = frozenset({"http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/"})
_CAMERA: Final = "http://ns.google.com/photos/1.0/camera/"
_CONTAINER: Final = frozenset(
    {"http://ns.google.com/photos/1.0/container/", "http://ns.google.com/photos/dd/1.0/container/"}
)
_ITEM: Final = frozenset({
    "http://ns.google.com/photos/1.0/container/item/", "http://ns.google.com/photos/dd/1.0/item/",
})  # fmt: skip
_DEVICE: Final = frozenset({
    "http://ns.google.com/photos/dd/1.0/device/", "http://ns.google.com/photos/dd/1.0/profile/",
    "http://ns.google.com/photos/dd/1.0/camera/", "http://ns.google.com/photos/dd/1.0/depthmap/",
})  # fmt: skip
_DEPTH: Final = frozenset({"http://ns.google.com/photos/1.0/depthmap/", "http://ns.google.com/photos/1.0/image/"})
_FILM: Final = ("MotionPhoto", "MicroVideo")
_PROVENANCE: Final = ("http://purl.org/dc/terms/", "provenance")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the directory that Google's cameras write: files that follow the picture, one behind the other."""

    semantic: str
    mime: str
    length: int
    padding: int


def directory_items(xmp: bytes) -> list[Item]:
    """List the directory's entries, the picture itself first; empty where there is none, or it is damaged."""
    if not any(space.encode() in xmp for space in _ITEM):
        return []
    try:
        packet = Packet(xmp)
        return [_item_of(packet, fields) for fields in _fields(packet)]
    except ValueError:
        return []


def film_length(xmp: bytes) -> int:
    """Return how many bytes before the end of the file a film begins, by the older of Google's two ways; 0 for none."""
    try:
        text = Packet(xmp).find(_CAMERA, "MicroVideoOffset") if b"MicroVideoOffset" in xmp else None
        return int(text or 0)
    except ValueError:
        return 0


def has_gain_map(xmp: bytes) -> bool:
    """Say whether a packet speaks of a gain map."""
    return any(space.encode() in xmp for space in GAIN_MAP)


def with_items(xmp: bytes, lengths: Mapping[int, int | None]) -> bytes:
    """Return a packet whose directory states other lengths for some entries, by place; None takes an entry out."""
    if not lengths:
        return xmp
    packet = Packet(xmp)
    edits = []
    for place, fields in enumerate(_fields(packet)):
        length = lengths.get(place, -1)
        if length is None:
            start, end = _list_entry(packet, next(iter(fields.values())).owner)
            edits.append((start, end, b""))
        elif length >= 0 and "Length" in fields:
            edits.append((fields["Length"].value_start, fields["Length"].value_end, str(length).encode()))
    return edited(xmp, edits)


def without_companions(xmp: bytes, *, films: bool = True, gain_maps: bool = True, others: bool = True) -> bytes:
    """Return a packet that speaks no more of films, gain maps, or anything else that followed the picture."""
    spaces = frozenset[str]()
    spaces |= GAIN_MAP if gain_maps else frozenset()
    spaces |= _CONTAINER | _ITEM | _DEVICE if others else frozenset()

    def unwanted(one: Property) -> bool:
        return one.space in spaces or (films and one.space == _CAMERA and one.name.startswith(_FILM))

    return _without(xmp, unwanted, spaces, films)


def without_depth(xmp: bytes) -> bytes:
    """Return a packet without the depth map, and the picture it belongs to, that it holds itself."""
    return _without(xmp, lambda one: one.space in _DEPTH, _DEPTH)


def without_credentials(xmp: bytes) -> tuple[bytes, bool]:
    """Return a packet that names no place of Content Credentials, and whether it did."""

    def unwanted(one: Property) -> bool:
        value = xmp[one.value_start : one.value_end].lower()
        return (one.space, one.name) == _PROVENANCE and (b"jumbf" in value or b"c2pa" in value)

    cut = _without(xmp, unwanted, frozenset()) if b"provenance" in xmp else xmp
    return cut, cut != xmp


def _without(xmp: bytes, unwanted: Callable[[Property], bool], spaces: frozenset[str], anyway: bool = False) -> bytes:
    if spaces and not anyway and not any(space.encode() in xmp for space in spaces):
        return xmp
    try:
        return Packet(xmp).without(unwanted, spaces)
    except ValueError:  # not well formed: nobody's reader finds anything in it
        return xmp


def _fields(packet: Packet) -> list[dict[str, Property]]:
    """Return the fields by name of each entry of the directory."""
    groups: dict[int, dict[str, Property]] = {}
    for one in packet.everywhere(_ITEM):
        groups.setdefault(one.owner, {})[one.name] = one
    return list(groups.values())


def _item_of(packet: Packet, fields: Mapping[str, Property]) -> Item:
    texts = {name: packet.value(one).strip() for name, one in fields.items()}
    return Item(
        texts.get("Semantic", ""), texts.get("Mime", ""), int(texts.get("Length", 0)), int(texts.get("Padding", 0))
    )


def _list_entry(packet: Packet, owner: int) -> tuple[int, int]:
    """Return where the ``rdf:li`` lies that an element is in, else the element itself."""
    element = packet.elements[owner]
    inside = element
    while (inside.space, inside.name) != (RDF, "li") and inside.parent >= 0:
        inside = packet.elements[inside.parent]
    found = inside if inside.parent >= 0 else element
    return found.start, found.end
