"""Photoshop's image resource blocks, one of which holds IPTC-IIM: Adobe Photoshop File Formats Specification."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.metadata.thumbnail import as_jpeg, small_copy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image as PilImage

    from watermarking.interface import Image

__all__ = ["APP13_HEADER", "iptc_of", "names_of", "with_iptc", "with_own_thumbnail", "without_iptc"]

APP13_HEADER: Final = b"Photoshop 3.0\0"
_SIGNATURE: Final = b"8BIM"
_IPTC: Final = 0x0404
_THUMBNAILS: Final = (0x0409, 0x040C)
_RGB: Final = 0x040C
_THUMBNAIL_HEAD: Final = ">IIIIIIHH"


def iptc_of(blocks: bytes) -> bytes:
    """Return IPTC-IIM, empty where there is none."""
    return next((blocks[a:b] for kind, _, a, b in _resources(blocks) if kind == _IPTC), b"")


def with_iptc(blocks: bytes, iptc: bytes) -> bytes:
    """Return blocks with this IPTC-IIM in the place of another one."""
    block = _SIGNATURE + struct.pack(">HHI", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    return without_iptc(blocks) + block


def without_iptc(blocks: bytes) -> bytes:
    """Return the blocks that hold no IPTC-IIM."""
    cut = blocks
    for kind, start, content, end in reversed(list(_resources(blocks))):
        if kind == _IPTC:
            cut = cut[:start] + cut[end + (end - content) % 2 :]
    return cut


def with_own_thumbnail(blocks: bytes, array: Image) -> bytes:
    """Return blocks whose thumbnail, if they have one, shows ``array``."""
    whole = blocks
    for kind, start, content, end in reversed(list(_resources(blocks))):
        if kind not in _THUMBNAILS or end - content < struct.calcsize(_THUMBNAIL_HEAD):
            continue
        side = max(struct.unpack_from(">II", blocks, content + 4))
        small = small_copy(array, side, side).convert("RGB") if 0 < side <= 1024 else None
        block = b"" if small is None else _thumbnail(small)
        whole = whole[:start] + block + whole[end + (end - content) % 2 :]
    return whole


def names_of(blocks: bytes) -> tuple[str, ...]:
    """Name what blocks hold, for a warning that it is left out."""
    kinds = {kind for kind, *_ in _resources(blocks)}
    names = ("IPTC",) if _IPTC in kinds else ()
    others = kinds - {_IPTC, *_THUMBNAILS} or (blocks and not kinds)  # what is damaged may hold anything
    return (*names, "Photoshop resources") if others else names


def _thumbnail(small: PilImage.Image) -> bytes:
    """Return the block of a thumbnail: sizes, then a JPEG of RGB."""
    jpeg = as_jpeg(small, 85)
    row = (small.width * 24 + 31) // 32 * 4
    head = struct.pack(_THUMBNAIL_HEAD, 1, small.width, small.height, row, row * small.height, len(jpeg), 24, 1)
    length = len(head) + len(jpeg)
    return _SIGNATURE + struct.pack(">HHI", _RGB, 0, length) + head + jpeg + bytes(length % 2)


def _resources(blocks: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield the number of each block, its start, and the start and end of its content."""
    start = 0
    while blocks[start : start + 4] == _SIGNATURE and start + 12 <= len(blocks):
        name = blocks[start + 6]
        content = start + 7 + name + (name + 1) % 2 + 4
        if content > len(blocks):
            return
        end = content + int(struct.unpack_from(">I", blocks, content - 4)[0])
        if end > len(blocks):
            return
        yield int(struct.unpack_from(">H", blocks, start + 4)[0]), start, content, end
        start = end + (end - content) % 2
