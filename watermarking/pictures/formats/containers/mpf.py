"""The Multi-Picture Format's list of the pictures in a file: CIPA DC-007, section 5.2.3; a segment APP2 of JPEG."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.pictures.formats.containers.directories import Place, byte_order, first_directory, places

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEADER", "Entry", "read_index", "with_entries"]

HEADER: Final = b"MPF\0"
"""Offsets are counted from behind it."""
_NUMBER, _ENTRIES = 0xB001, 0xB002
_SIZE: Final = 16
_TYPE: Final = 0xFFFFFF


class Entry(NamedTuple):
    """One picture: its type code, the offset of its first byte (0 for the first picture), its length."""

    kind: int
    offset: int
    length: int


def read_index(content: bytes) -> list[Entry]:
    """List the pictures that a segment's content names; empty where it is damaged."""
    block = content[len(HEADER) :]
    found = _places(block)
    if _ENTRIES not in found:
        return []
    order, place = byte_order(block), found[_ENTRIES]
    entries = []
    for start in range(place.value, place.value + place.size - _SIZE + 1, _SIZE):
        attributes, length, offset = struct.unpack_from(order + "III", block, start)
        entries.append(Entry(attributes & _TYPE, offset, length))
    return entries


def with_entries(content: bytes, entries: Mapping[int, tuple[int, int]]) -> bytes:
    """Return the list with other offsets and lengths, given by place; those that are not given are taken out.

    Offsets and lengths are (offset, length); the first picture's offset is 0. The list keeps its size in the file.
    """
    block = bytearray(content[len(HEADER) :])
    found = _places(block)
    order, place = byte_order(block), found[_ENTRIES]
    numbers = {old + 1: new + 1 for new, old in enumerate(sorted(entries))}
    kept = b""
    for old, (offset, length) in sorted(entries.items()):
        attributes, _, _, *dependent = struct.unpack_from(order + "IIIHH", block, place.value + old * _SIZE)
        kept += struct.pack(
            order + "IIIHH", attributes, length, offset, *(numbers.get(number, 0) for number in dependent)
        )
    block[place.value : place.value + place.size] = kept.ljust(place.size, b"\0")
    struct.pack_into(order + "I", block, place.entry + 4, len(kept))
    if _NUMBER in found and found[_NUMBER].size == 4:
        struct.pack_into(order + "I", block, found[_NUMBER].value, len(entries))
    return HEADER + bytes(block)


def _places(block: bytes | bytearray) -> dict[int, Place]:
    return {place.tag: place for place in places(block, first_directory(block))}
