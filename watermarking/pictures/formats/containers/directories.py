"""TIFF directories, which hold the tags of TIFF files and of EXIF blocks: TIFF 6.0, section 2; BigTIFF for reading."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "EXIF_IFD",
    "GPS_IFD",
    "INTEROP_IFD",
    "LONG",
    "SHORT",
    "UNDEFINED",
    "Directory",
    "Field",
    "Place",
    "byte_order",
    "content_of",
    "entries_at",
    "first_directory",
    "ifd_entries",
    "next_directory",
    "pack",
    "places",
    "read_directory",
    "read_pointers",
    "swapped",
]

SHORT: Final = 3
LONG: Final = 4
UNDEFINED: Final = 7
EXIF_IFD: Final = 0x8769
GPS_IFD: Final = 0x8825
INTEROP_IFD: Final = 0xA005
POINTERS: Final = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value by type."""
_WORDS: Final = {5: 4, 10: 4}
"""Bytes that are swapped together, where that is not the whole value."""
_CLASSIC: Final = (b"II*\0", b"MM\0*")
_BIG: Final = (b"II+\0", b"MM\0+")


class Field(NamedTuple):
    """The values of one tag as they lie in the file: their type, how many, their bytes."""

    kind: int
    n_values: int
    content: bytes


class Place(NamedTuple):
    """Where one entry of a directory lies: the entry itself, and its values."""

    tag: int
    kind: int
    n_values: int
    entry: int
    value: int
    size: int


Directory: TypeAlias = "dict[int, Field | Directory]"
"""Fields by tag; a tag that points at another directory holds that."""


def byte_order(tiff: bytes | bytearray) -> str:
    """Return the byte order of a TIFF structure, as :mod:`struct` writes it."""
    return "<" if tiff[:2] == b"II" else ">"


def first_directory(tiff: bytes | bytearray) -> int:
    """Return where the first directory lies; 0 where the structure has none."""
    order = byte_order(tiff)
    if tiff[:4] in _CLASSIC and len(tiff) >= 8:
        return int(struct.unpack_from(order + "I", tiff, 4)[0])
    if tiff[:4] in _BIG and len(tiff) >= 16:
        return int(struct.unpack_from(order + "Q", tiff, 8)[0])
    return 0


def ifd_entries(tiff: bytes | bytearray) -> Iterator[tuple[int, int, int, int]]:
    """Yield tag, type, count and the position of the value field of each entry of the first directory."""
    start = first_directory(tiff)
    for tag, kind, count, position, _ in entries_at(tiff, start) if start else ():
        yield tag, kind, count, position


def places(tiff: bytes | bytearray, start: int) -> Iterator[Place]:
    """Yield the entries of the directory at ``start`` whose type is known and whose values lie in the structure."""
    order = byte_order(tiff)
    for tag, kind, count, position, room in entries_at(tiff, start) if start else ():
        if position + room > len(tiff):
            return
        size = _SIZES.get(kind, 0) * count
        value = position
        if size > room:
            (value,) = struct.unpack_from(order + ("Q" if room == 8 else "I"), tiff, position)
        if size and value + size <= len(tiff):
            yield Place(tag, kind, count, position - (12 if room == 8 else 8), value, size)


def next_directory(tiff: bytes | bytearray, start: int) -> tuple[int, int]:
    """Return where the pointer to the directory behind the one at ``start`` lies, and what it says; (0, 0) for none."""
    order = byte_order(tiff)
    try:
        position = start + 2 + 12 * int(struct.unpack_from(order + "H", tiff, start)[0])
        return position, int(struct.unpack_from(order + "I", tiff, position)[0])
    except struct.error:
        return 0, 0


def content_of(tiff: bytes | bytearray, place: Place) -> bytes:
    """Return the bytes of an entry's values."""
    return bytes(tiff[place.value : place.value + place.size])


def read_directory(tiff: bytes, start: int, left_out: frozenset[int] = frozenset(), depth: int = 3) -> Directory:
    """Read the directory at ``start`` and those that its EXIF, GPS and interoperability tags point at."""
    found: Directory = {}
    order = byte_order(tiff)
    for place in places(tiff, start):
        if place.tag in left_out:
            continue
        content = content_of(tiff, place)
        if place.tag not in POINTERS:
            found[place.tag] = Field(place.kind, place.n_values, content)
        elif depth and place.size in (4, 8):
            below = int(struct.unpack(order + ("I" if place.size == 4 else "Q"), content)[0])
            if inner := read_directory(tiff, below, depth=depth - 1):
                found[place.tag] = inner
    return found


def read_pointers(tiff: bytes) -> Directory:
    """Return the tags of the first directory that point at others, as they stand, not followed."""
    found = (place for place in places(tiff, first_directory(tiff)) if place.tag in POINTERS)
    return {place.tag: Field(place.kind, place.n_values, content_of(tiff, place)) for place in found}


def pack(directory: Mapping[int, Field | Directory], at: int, order: str) -> bytes:
    """Return a directory, its values and the directories below it, to lie at the even position ``at``."""
    own = 2 + 12 * len(directory) + 4
    values, below = bytearray(), bytearray()
    fields = {tag: found for tag, found in directory.items() if isinstance(found, Field)}
    own += sum(len(one.content) + len(one.content) % 2 for one in fields.values() if len(one.content) > 4)
    for tag, found in directory.items():
        if not isinstance(found, Field):
            fields[tag] = Field(LONG, 1, struct.pack(order + "I", at + own + len(below)))
            below += pack(found, at + own + len(below), order)
    entries = bytearray(struct.pack(order + "H", len(fields)))
    first_value = at + 2 + 12 * len(fields) + 4
    for tag, one in sorted(fields.items()):
        entries += struct.pack(order + "HHI", tag, one.kind, one.n_values)
        if len(one.content) <= 4:
            entries += one.content.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", first_value + len(values))
            values += one.content + bytes(len(one.content) % 2)
    return bytes(entries + bytes(4) + values + below)


def swapped(directory: Directory) -> Directory:
    """Return a directory with the bytes of its values in the other order."""
    return {
        tag: _swapped_field(found) if isinstance(found, Field) else swapped(found) for tag, found in directory.items()
    }


def _swapped_field(found: Field) -> Field:
    width = _WORDS.get(found.kind, _SIZES[found.kind])
    if width == 1:
        return found
    words = (found.content[start : start + width][::-1] for start in range(0, len(found.content), width))
    return found._replace(content=b"".join(words))


def entries_at(tiff: bytes | bytearray, start: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield tag, type, count, the position of the value field and its size for each entry of the one at ``start``."""
    order = byte_order(tiff)
    if tiff[:4] in _CLASSIC:
        count, entry, room = order + "H", order + "HHI", 4
    elif tiff[:4] in _BIG:
        count, entry, room = order + "Q", order + "HHQ", 8
    else:
        return
    try:
        n_entries = int(struct.unpack_from(count, tiff, start)[0])
        start += struct.calcsize(count)
        head = struct.calcsize(entry)
        for position in range(start, start + n_entries * (head + room), head + room):
            tag, kind, n_values = struct.unpack_from(entry, tiff, position)
            yield tag, kind, n_values, position + head, room
    except (struct.error, OverflowError):  # it ends too early
        return
