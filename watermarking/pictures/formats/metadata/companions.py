"""What follows the end of a JPEG picture: gain maps, films of motion photos, depth maps, previews, makers' own data.

Two lists say what lies there: that of the Multi-Picture Format, by place, and a directory in XMP that Google's cameras
write, by length. Both are read here, and what lies between is kept as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.pictures.formats.containers.jpeg import split_jpeg
from watermarking.pictures.formats.containers.mpf import HEADER, read_index
from watermarking.pictures.formats.metadata.model import Companion
from watermarking.pictures.formats.metadata.xmp.claims import Item, directory_items, film_length, has_gain_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.pictures.formats.containers.jpeg import Segment

__all__ = ["ISO_GAIN_MAP", "read_companions"]

ISO_GAIN_MAP: Final = b"urn:iso:std:iso:ts:21496:-1\0"
_APP2: Final = 0xE2
_JPEG: Final = b"\xff\xd8\xff"
_FILM_BOX: Final = b"ftyp"
_PREVIEWS: Final = range(0x010001, 0x010100)
_UNDEFINED, _GAIN_MAP = 0, 0x050000
"""Type codes of the Multi-Picture Format: CIPA DC-007, table 5."""
_MARKS: Final = {
    b"hdr-gain-map": "gain map",
    b"hdrgainmap": "gain map",
    ISO_GAIN_MAP: "gain map",
    b"aux:disparity": "depth map",
    b"aux:depth": "depth map",
}
"""What a picture's own segments say that it is for."""


class _Run(NamedTuple):
    start: int
    length: int
    entry: int | None = None
    item: int | None = None
    role: str = ""


def read_companions(data: bytes, end: int, segments: list[Segment], xmp: bytes) -> tuple[bytes, tuple[Companion, ...]]:
    """Return the Multi-Picture Format's list, and all that follows the end of the picture, in its order.

    A list that does not fit the file comes back empty. Where the two lists contradict each other, what follows is
    taken for one run of bytes, of which nothing is known.

    Parameters
    ----------
    data : bytes
        The whole file.
    end : int
        Where the picture ends.
    segments : list of Segment
        Of the picture.
    xmp : bytes
    """
    if end >= len(data):
        return b"", ()
    index = next((one.content for one in segments if one.marker == _APP2 and one.content.startswith(HEADER)), b"")
    listed = list(_listed(data, end, index, has_gain_map(xmp)))
    if index and not listed:
        index = b""
    companions, position = [], end
    for run in _merged([*listed, *_in_directory(data, end, xmp), *_film_at_end(data, end, xmp)]):
        if run.start < position:
            return b"", (Companion("data", data[end:]),)
        if run.start > position:
            companions.append(_unlisted(data[position : run.start]))
        position = run.start + run.length
        companions.append(Companion(run.role, data[run.start : position], run.entry, run.item))
    if position < len(data):
        companions.append(_unlisted(data[position:]))
    return index, tuple(companions)


def _listed(data: bytes, end: int, index: bytes, claimed: bool) -> Iterator[_Run]:
    """Yield the pictures that the Multi-Picture Format lists; none if one of them does not lie behind the picture."""
    entries = read_index(index) if index else []
    base = data.find(index) + len(HEADER)
    runs = [_Run(base + one.offset, one.length, number) for number, one in enumerate(entries)][1:]
    if any(run.start < end or not run.length or run.start + run.length > len(data) for run in runs):
        return
    n_undefined = sum(one.kind == _UNDEFINED for one in entries[1:])
    for run, one in zip(runs, entries[1:], strict=True):
        content = data[run.start : run.start + run.length]
        role = "preview" if one.kind in _PREVIEWS else _role_of_picture(content)
        if one.kind == _GAIN_MAP or (role == "picture" and claimed and one.kind == _UNDEFINED and n_undefined == 1):
            role = "gain map"
        yield run._replace(role=role)


def _in_directory(data: bytes, end: int, xmp: bytes) -> Iterator[_Run]:
    """Yield the files that the directory in XMP lists, as far as they are what it says."""
    items = directory_items(xmp)
    start = end + (items[0].padding if items else 0)
    for place, item in enumerate(items[1:], 1):
        if item.length <= 0:  # shares the file of the entry before
            continue
        if item.mime.startswith("video/") and data[start + 4 : start + 8] != _FILM_BOX:
            start = len(data) - item.length
        content = data[start : start + item.length]
        if start < end or len(content) < item.length or not _is(content, item):
            return
        yield _Run(start, item.length, None, place, _role_of_item(content, item))
        start += item.length + item.padding


def _film_at_end(data: bytes, end: int, xmp: bytes) -> Iterator[_Run]:
    start = len(data) - film_length(xmp)
    if end <= start < len(data) and data[start + 4 : start + 8] == _FILM_BOX:
        yield _Run(start, len(data) - start, role="film")


def _merged(runs: list[_Run]) -> list[_Run]:
    """Sort runs; those that both lists name become one."""
    found: dict[tuple[int, int], _Run] = {}
    for run in runs:
        same = found.get(run[:2])
        found[run[:2]] = run if same is None else same._replace(item=run.item or same.item, role=run.role or same.role)
    return sorted(found.values())


def _is(content: bytes, item: Item) -> bool:
    return {"image/jpeg": content[:3] == _JPEG, "video/mp4": content[4:8] == _FILM_BOX}.get(item.mime, True)


def _role_of_item(content: bytes, item: Item) -> str:
    known = {"GainMap": "gain map", "Depth": "depth map", "Confidence": "depth map", "MotionPhoto": "film"}
    if item.semantic in known:
        return known[item.semantic]
    if item.mime.startswith("video/"):
        return "film"
    return _role_of_picture(content) if item.mime == "image/jpeg" else "data"


def _role_of_picture(content: bytes) -> str:
    if content[:3] != _JPEG:
        return "data"
    said = b"".join(one.content for one in split_jpeg(content)[0]).lower()
    return next((role for mark, role in _MARKS.items() if mark in said), "picture")


def _unlisted(content: bytes) -> Companion:
    role = "film" if content[4:8] == _FILM_BOX else "picture" if content[:3] == _JPEG else "data"
    return replace(Companion("data", content), role=role)
