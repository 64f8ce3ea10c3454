"""Small copies of a marked picture: the thumbnail of an EXIF block, and that of Photoshop."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image as PilImage

from watermarking.pictures.formats.containers.directories import (
    LONG,
    SHORT,
    Field,
    Place,
    byte_order,
    content_of,
    first_directory,
    next_directory,
    pack,
    places,
    read_directory,
)
from watermarking.pictures.formats.containers.jpeg import frame_of_jpeg
from watermarking.pictures.formats.metadata.exif import write_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watermarking.interface import Image

__all__ = ["as_jpeg", "small_copy", "with_thumbnail"]

_SIDE: Final = 160
_LONGEST_SIDE: Final = 1024
_OVERSAMPLING: Final = 4
"""Samples a pixel of the small copy, along each side, that are averaged: a 12 MP picture is never scaled as a whole."""
_QUALITIES: Final = (85, 70, 55)
_WIDTH, _HEIGHT, _COMPRESSION, _STRIPS, _STRIP_BYTES = 256, 257, 259, 273, 279
_OFFSET, _LENGTH = 0x0201, 0x0202
_JPEG: Final = 6
_RAW_LAYOUT: Final = frozenset({_WIDTH, _HEIGHT, 258, 262, _STRIPS, 277, 278, _STRIP_BYTES, 284, 530, 531, 532})
"""Tags that say how a thumbnail lies that is no JPEG."""


def small_copy(array: Image, width: int, height: int) -> PilImage.Image:
    """Return a picture of any dtype and number of channels as L or RGB, fitted into ``width`` x ``height``."""
    rows, columns = array.shape[:2]
    scale = min(width / columns, height / rows, 1.0)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    stride = max(1, int(1 / (scale * _OVERSAMPLING)))
    samples = array[::stride, ::stride]
    if samples.dtype == np.uint16:
        samples = (samples >> 8).astype(np.uint8)
    image = PilImage.fromarray(np.ascontiguousarray(samples))
    if image.mode == "RGBA":
        ground = PilImage.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    return image.resize(size, PilImage.Resampling.BOX)


def as_jpeg(image: PilImage.Image, quality: int) -> bytes:
    """Encode a small copy."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def with_thumbnail(tiff: bytes, array: Image, limit: int | None = None) -> bytes:
    """Return an EXIF block whose thumbnail, if it has one, shows ``array``.

    The new thumbnail takes the room of the old one where it fits, so that nothing else moves; else it is appended. It
    is left out where the block would grow beyond ``limit`` bytes, or where the old one lies over other things. Nothing
    of the old one stays in the block.
    """
    block = bytearray(tiff)
    start = first_directory(block)
    pointer, second = next_directory(block, start) if start else (0, 0)
    found = {place.tag: place for place in places(block, second)}
    old = _old_thumbnail(block, found)
    if old is None:
        return tiff
    ranges, side = old
    own = ((pointer, pointer + 4), (second, second + 2 + 12 * len(found)))
    if not any(a < end and begin < b for a, b in ranges for begin, end in own):
        small = small_copy(array, side, side)
        made = _in_place(bytearray(tiff), found, ranges[0], small) if _OFFSET in found else None
        if made is None or (limit is not None and len(made) > limit):
            made = _at_end(bytearray(tiff), found, ranges, small, pointer, limit)
        if read_directory(made, start) == read_directory(tiff, start):
            return made
    struct.pack_into(byte_order(block) + "I", block, pointer, 0)
    return bytes(block)


def _in_place(
    block: bytearray, found: Mapping[int, Place], room: tuple[int, int], small: PilImage.Image
) -> bytes | None:
    """Put a thumbnail where another one was; None where it does not fit."""
    start, end = room
    for quality in _QUALITIES:
        thumbnail = as_jpeg(small, quality)
        if len(thumbnail) <= end - start:
            block[start:end] = thumbnail.ljust(end - start, b"\0")
            write_number(block, found[_LENGTH], len(thumbnail))
            for tag, value in zip((_WIDTH, _HEIGHT), small.size, strict=True):
                if tag in found and found[tag].n_values == 1:
                    write_number(block, found[tag], value)
            return bytes(block)
    return None


def _at_end(
    block: bytearray,
    found: Mapping[int, Place],
    ranges: list[tuple[int, int]],
    small: PilImage.Image,
    pointer: int,
    limit: int | None,
) -> bytes:
    """Erase a thumbnail; put another one behind everything else, with a directory of its own, if the limit allows."""
    fields = {tag: Field(one.kind, one.n_values, content_of(block, one)) for tag, one in found.items()}
    for start, end in ranges:
        block[start:end] = bytes(end - start)
    if len(ranges) == 1 and ranges[0][1] == len(block):
        del block[ranges[0][0] :]
    kept = {tag: one for tag, one in fields.items() if tag not in _RAW_LAYOUT}
    for quality in _QUALITIES:
        grown = _appended(block, pointer, kept, as_jpeg(small, quality))
        if limit is None or len(grown) <= limit:
            return grown
    struct.pack_into(byte_order(block) + "I", block, pointer, 0)
    return bytes(block)


def _old_thumbnail(block: bytearray, found: dict[int, Place]) -> tuple[list[tuple[int, int]], int] | None:
    """Return where the parts of the thumbnail lie, and its longer side."""
    is_jpeg = _OFFSET in found
    starts, lengths = (found.get(tag) for tag in ((_OFFSET, _LENGTH) if is_jpeg else (_STRIPS, _STRIP_BYTES)))
    if starts is None or lengths is None:
        return None
    parts = zip(_numbers(block, starts), _numbers(block, lengths), strict=False)
    ranges = [(at, min(at + n, len(block))) for at, n in parts if n and 8 <= at < len(block)]
    if not ranges:
        return None
    if is_jpeg:
        frame = frame_of_jpeg(bytes(block[slice(*ranges[0])]))
        side = max(frame.width, frame.height) if frame else 0
    else:
        side = max((n for tag in (_WIDTH, _HEIGHT) if tag in found for n in _numbers(block, found[tag])), default=0)
    return ranges, min(side, _LONGEST_SIDE) or _SIDE


def _numbers(block: bytearray, place: Place) -> tuple[int, ...]:
    code = {SHORT: "H", LONG: "I"}.get(place.kind)
    return struct.unpack_from(f"{byte_order(block)}{place.n_values}{code}", block, place.value) if code else ()


def _appended(block: bytearray, pointer: int, fields: dict[int, Field], thumbnail: bytes) -> bytes:
    """Put a new directory for the thumbnail and the thumbnail itself behind everything else."""
    order = byte_order(block)
    whole = block + bytes(len(block) % 2)
    at = len(whole)
    directory = fields | {
        _COMPRESSION: Field(SHORT, 1, struct.pack(order + "H", _JPEG)),
        _OFFSET: Field(LONG, 1, bytes(4)),
        _LENGTH: Field(LONG, 1, struct.pack(order + "I", len(thumbnail))),
    }
    place = at + len(pack(directory, at, order))
    directory[_OFFSET] = Field(LONG, 1, struct.pack(order + "I", place))
    struct.pack_into(order + "I", whole, pointer, at)
    return bytes(whole + pack(directory, at, order) + thumbnail)
