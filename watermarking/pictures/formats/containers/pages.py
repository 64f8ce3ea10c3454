"""Pages of TIFF structures, each a directory: read without trusting them, and written anew behind the data."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.containers.directories import LONG, SHORT, byte_order, entries_at, first_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["LONG", "SHORT", "Page", "first_page", "pages", "rewritten"]

_SUB_IFDS: Final = 330
_CODES: Final = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
"""Integer types, with undefined bytes, as :mod:`struct` names them."""
_SIZES: Final = {kind: struct.calcsize("<" + code) for kind, code in _CODES.items()}
_MAX_DIRECTORIES: Final = 256
_MAX_ENTRIES: Final = 4096


@dataclass(frozen=True, slots=True)
class Page:
    """One picture of a TIFF structure: its directory.

    Attributes
    ----------
    data : bytes, the whole structure
    order : str, ``<`` or ``>``
    big : bool, BigTIFF
    entries : tag to (type, count, position of the value or of its offset)
    following : int, where the next directory of the chain lies, 0 for none
    """

    data: bytes = field(repr=False)
    order: str
    big: bool
    entries: Mapping[int, tuple[int, int, int]]
    following: int

    def values(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the whole numbers that a tag holds; the default where it is missing, damaged or of another type."""
        if tag not in self.entries:
            return default
        kind, count, position = self.entries[tag]
        if kind not in _CODES:
            return default
        room = 8 if self.big else 4
        try:
            if count * _SIZES[kind] > room:
                (position,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), self.data, position)
            if count < 0 or position + count * _SIZES[kind] > len(self.data):
                return default
            return struct.unpack_from(f"{self.order}{count}{_CODES[kind]}", self.data, position)
        except struct.error:
            return default

    def value(self, tag: int, default: int) -> int:
        """Return the first of the numbers that a tag holds."""
        found = self.values(tag)
        return found[0] if found else default

    def children(self) -> Iterator[Page]:
        """Yield the directories that this one points at as parts of itself: reduced copies, or what they are of."""
        for offset in self.values(_SUB_IFDS)[:_MAX_DIRECTORIES]:
            if (child := _page(self.data, offset, self.order, self.big)) is not None:
                yield child


def first_page(data: bytes) -> Page | None:
    """Return the first directory of a TIFF structure, or None if there is none to be read."""
    return next(pages(data), None)


def pages(data: bytes) -> Iterator[Page]:
    """Yield the chain of directories, at most 256, each once."""
    offset, order, big = first_directory(data), byte_order(data), data[2:4] in (b"+\0", b"\0+")
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(offset)
        if (directory := _page(data, offset, order, big)) is None:
            return
        yield directory
        offset = directory.following


def rewritten(
    data: bytes, changes: Mapping[int, tuple[int, Sequence[int]] | None], *, followed: bool = True
) -> bytes | None:
    """Return a TIFF structure whose first directory is written anew behind the data, with other tags in it.

    Everything else stays where it is. ``changes`` maps tags to (type, values), or to None for a tag to be left out.
    None is returned if there is no directory, or no room for another.
    """
    first = first_page(data)
    if first is None:
        return None
    width, word = (8, "Q") if first.big else (4, "I")
    out = bytearray(data)
    entries = {
        tag: struct.pack(f"{first.order}HH{word}", tag, kind, count) + data[place : place + width]
        for tag, (kind, count, place) in first.entries.items()
        if tag not in changes
    }
    for tag, change in changes.items():
        if change is not None:
            kind, values = change
            content = struct.pack(f"{first.order}{len(values)}{_CODES[kind]}", *values)
            if len(content) > width:
                out += bytes(len(out) % 2)
                place = struct.pack(first.order + word, len(out))
                out += content
                content = place
            entries[tag] = struct.pack(f"{first.order}HH{word}", tag, kind, len(values)) + content.ljust(width, b"\0")
    out += bytes(len(out) % 2)
    start = len(out)
    out += struct.pack(first.order + ("Q" if first.big else "H"), len(entries))
    out += b"".join(entries[tag] for tag in sorted(entries))
    out += struct.pack(first.order + word, first.following if followed else 0)
    if len(out) >= 2 ** (8 * width):
        return None
    struct.pack_into(first.order + word, out, 8 if first.big else 4, start)
    return bytes(out)


def _page(data: bytes, offset: int, order: str, big: bool) -> Page | None:
    """Read a directory; None if it is empty, too long, or ends too early."""
    count, word = ("Q", "Q") if big else ("H", "I")
    room = struct.calcsize("<" + word)
    try:
        (n_entries,) = struct.unpack_from(order + count, data, offset)
    except (struct.error, OverflowError):
        return None
    if not 0 < n_entries <= _MAX_ENTRIES:
        return None
    found = list(islice(entries_at(data, offset), n_entries))
    end = found[-1][3] + room if found else 0
    if len(found) < n_entries or end > len(data):
        return None
    named: dict[int, tuple[int, int, int]] = {}
    for tag, kind, n_values, position, _ in found:
        named.setdefault(tag, (kind, n_values, position))
    following = struct.unpack_from(order + word, data, end)[0] if end + room <= len(data) else 0
    return Page(data, order, big, named, following)
