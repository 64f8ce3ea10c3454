"""AVIF, HEIC and JPEG XL as nested boxes: ISO/IEC 14496-12; the items of the meta box are those of ISO/IEC 23008-12."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Box", "Items", "boxes", "read_items"]

_PICTURES: Final = (b"av01", b"hvc1", b"hev1", b"grid", b"iden", b"iovl", b"jpeg", b"j2k1", b"unci")


class Box(NamedTuple):
    """A box: its type, and where its content begins and ends."""

    kind: bytes
    start: int
    stop: int


@dataclass
class Items:
    """What the meta box of an AVIF or HEIC file names.

    Attributes
    ----------
    kinds : dict of id to type
        For example ``av01``, ``Exif``, ``mime``.
    primary : int
        Id of the picture itself; 0 where none is named.
    references : list of (type, from, to)
    auxiliary : list of bytes
        What auxiliary pictures are for, as URNs.
    places : dict of id to list of (start, end)
        Where in the file the items lie.
    """

    kinds: dict[int, bytes] = field(default_factory=dict)
    primary: int = 0
    references: list[tuple[bytes, int, list[int]]] = field(default_factory=list)
    auxiliary: list[bytes] = field(default_factory=list)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def others(self) -> list[int]:
        """List the pictures that are neither the primary one, nor a part, an auxiliary or a smaller copy of one."""
        used = {self.primary}
        for kind, source, targets in self.references:
            used |= {source} if kind in (b"auxl", b"thmb") else set(targets) if kind == b"dimg" else set()
        return [item for item, kind in self.kinds.items() if kind in _PICTURES and item not in used]

    def content(self, data: bytes, kind: bytes) -> bytes:
        """Return the first item of a type, empty where there is none."""
        for item, found in self.kinds.items():
            if found == kind:
                return b"".join(data[start:end] for start, end in self.places.get(item, ()))
        return b""


def boxes(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """Yield the boxes that lie one behind the other in a part of a file, as far as they are whole."""
    stop = len(data) if stop is None else stop
    while start + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and content + 8 <= stop:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        finish = stop if size == 0 else start + size
        if finish < content or finish > stop:
            return
        yield Box(kind, content, finish)
        start = finish


def read_items(data: bytes) -> Items:
    """Read the meta box; what is damaged in it is left out."""
    items = Items()
    readers: dict[bytes, Callable[[bytes, int, int, Items], None]] = {
        b"pitm": _primary, b"iinf": _kinds, b"iref": _references, b"iprp": _properties, b"iloc": _places,
    }  # fmt: skip
    for outer, start, end in boxes(data):
        if outer != b"meta":
            continue
        inner = list(boxes(data, start + 4, end))
        for kind, begin, finish in inner:
            if reader := readers.get(kind):
                try:
                    reader(data, begin, finish, items)
                except (struct.error, IndexError, ValueError):
                    continue
    return items


def _primary(data: bytes, start: int, _: int, items: Items) -> None:
    (items.primary,) = struct.unpack_from(">I" if data[start] else ">H", data, start + 4)


def _kinds(data: bytes, start: int, end: int, items: Items) -> None:
    for kind, begin, _ in boxes(data, start + (8 if data[start] else 6), end):
        version = data[begin]
        if kind == b"infe" and version >= 2:
            (item,) = struct.unpack_from(">I" if version > 2 else ">H", data, begin + 4)
            place = begin + (8 if version > 2 else 6) + 2
            items.kinds[item] = data[place : place + 4]


def _references(data: bytes, start: int, end: int, items: Items) -> None:
    code, size = ("I", 4) if data[start] else ("H", 2)
    for kind, begin, _ in boxes(data, start + 4, end):
        source, count = struct.unpack_from(f">{code}H", data, begin)
        targets = struct.unpack_from(f">{count}{code}", data, begin + size + 2)
        items.references.append((kind, source, list(targets)))


def _properties(data: bytes, start: int, end: int, items: Items) -> None:
    for kind, begin, finish in boxes(data, start, end):
        if kind == b"ipco":
            found = (data[a + 4 : b].split(b"\0")[0] for name, a, b in boxes(data, begin, finish) if name == b"auxC")
            items.auxiliary += found


def _places(data: bytes, start: int, end: int, items: Items) -> None:
    version, sizes = data[start], struct.unpack_from(">H", data, start + 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    position = start + 6

    def number(size: int) -> int:
        nonlocal position
        position += size
        if position > end:
            raise ValueError("the box ends too early")
        return int.from_bytes(data[position - size : position], "big")

    id_size = 4 if version == 2 else 2
    for _ in range(number(id_size)):
        item = number(id_size)
        method = number(2) & 15 if version else 0
        number(2)  # which file it lies in
        base = number(base_size)
        extents = []
        for _ in range(number(2)):
            if version:
                number(index_size)
            extents.append((base + number(offset_size), number(length_size)))
        if method == 0:
            items.places[item] = [(at, at + length) for at, length in extents]
