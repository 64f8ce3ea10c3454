"""Small copies of a marked picture: the thumbnail of an EXIF block, and that of Photoshop."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
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
from watermarking.pictures.ranges import sample_peak

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watermarking.interface import Image

__all__ = ["as_jpeg", "small_copy", "with_thumbnail", "without_thumbnail"]

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


@dataclass(frozen=True, slots=True)
class _Old:
    """The thumbnail that an EXIF block has.

    Attributes
    ----------
    pointer : int
        Where the block says at which place the thumbnail's directory lies.
    found : dict of tag to Place
        That directory.
    ranges : list of (start, end)
        Where the parts of the thumbnail lie.
    side : int
        The longer one, of the thumbnail.
    is_apart : bool
        Whether it lies beside the directory and the pointer, and not over them.
    """

    pointer: int
    found: Mapping[int, Place]
    ranges: list[tuple[int, int]]
    side: int
    is_apart: bool


def small_copy(array: Image, width: int, height: int) -> PilImage.Image:
    """Return a picture of any dtype and number of channels as L or RGB, fitted into ``width`` x ``height``."""
    rows, columns = array.shape[:2]
    scale = min(width / columns, height / rows, 1.0)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    stride = max(1, int(1 / (scale * _OVERSAMPLING)))
    image = PilImage.fromarray(_in_8_bits(np.ascontiguousarray(array[::stride, ::stride])))
    if image.mode == "RGBA":
        ground = PilImage.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    return image.resize(size, PilImage.Resampling.BOX)


def _in_8_bits(samples: Image) -> Image:
    """Scale uint16 samples by the range that they use: 12 bits in 16 would come out black. Alpha uses all 16."""
    if samples.dtype != np.uint16:
        return samples
    small = (samples * (np.float32(255) / np.float32(sample_peak(samples)))).clip(0, 255).astype(np.uint8)
    if samples.ndim == 3 and samples.shape[2] == 4:
        small[..., 3] = samples[..., 3] >> 8
    return small


def as_jpeg(image: PilImage.Image, quality: int) -> bytes:
    """Encode a small copy."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def with_thumbnail(tiff: bytes, array: Image, limit: int | None = None) -> bytes:
    """Return an EXIF block whose thumbnail, if it has one, shows ``array``.

    The new thumbnail takes the room of the old one where it fits, so that nothing else moves; else it is appended, and
    the old one erased. It is left out where the block would grow beyond ``limit`` bytes, or where the old one lies over
    other things, which then stay.
    """
    old = _find(tiff)
    if old is None:
        return tiff
    if old.is_apart:
        small = small_copy(array, old.side, old.side)
        made = _in_place(tiff, old, small) if _OFFSET in old.found else None
        if made is None or (limit is not None and len(made) > limit):
            made = _at_end(tiff, old, small, limit)
        if _is_same(made, tiff):
            return made
    return _unlinked(bytearray(tiff), old)


def without_thumbnail(tiff: bytes) -> bytes:
    """Return an EXIF block without its thumbnail, shorter if that was its end."""
    old = _find(tiff)
    if old is None:
        return tiff
    block = bytearray(tiff)
    if old.is_apart:
        _erase(block, old.ranges)
    without = _unlinked(block, old)
    return without if _is_same(without, tiff) else _unlinked(bytearray(tiff), old)


def _find(tiff: bytes) -> _Old | None:
    start = first_directory(tiff)
    pointer, second = next_directory(tiff, start) if start else (0, 0)
    found = {place.tag: place for place in places(tiff, second)}
    is_jpeg = _OFFSET in found
    starts, lengths = (found.get(tag) for tag in ((_OFFSET, _LENGTH) if is_jpeg else (_STRIPS, _STRIP_BYTES)))
    if starts is None or lengths is None:
        return None
    parts = zip(_numbers(tiff, starts), _numbers(tiff, lengths), strict=False)
    ranges = [(at, min(at + n, len(tiff))) for at, n in parts if n and 8 <= at < len(tiff)]
    if not ranges:
        return None
    if is_jpeg:
        frame = frame_of_jpeg(tiff[slice(*ranges[0])])
        side = max(frame.width, frame.height) if frame else 0
    else:
        side = max((n for tag in (_WIDTH, _HEIGHT) if tag in found for n in _numbers(tiff, found[tag])), default=0)
    own = ((pointer, pointer + 4), (second, second + 2 + 12 * len(found)))
    is_apart = not any(a < end and begin < b for a, b in ranges for begin, end in own)
    return _Old(pointer, found, ranges, min(side, _LONGEST_SIDE) or _SIDE, is_apart)


def _is_same(one: bytes, other: bytes) -> bool:
    """Say whether all but the thumbnail is the same in two blocks."""
    return read_directory(one, first_directory(one)) == read_directory(other, first_directory(other))


def _unlinked(block: bytearray, old: _Old) -> bytes:
    struct.pack_into(byte_order(block) + "I", block, old.pointer, 0)
    return bytes(block)


def _erase(block: bytearray, ranges: list[tuple[int, int]]) -> None:
    for start, end in ranges:
        block[start:end] = bytes(end - start)
    if len(ranges) == 1 and ranges[0][1] == len(block):
        del block[ranges[0][0] :]


def _in_place(tiff: bytes, old: _Old, small: PilImage.Image) -> bytes | None:
    """Put a thumbnail where another one was; None where it does not fit."""
    block = bytearray(tiff)
    start, end = old.ranges[0]
    for quality in _QUALITIES:
        thumbnail = as_jpeg(small, quality)
        if len(thumbnail) <= end - start:
            block[start:end] = thumbnail.ljust(end - start, b"\0")
            for tag, value in ((_LENGTH, len(thumbnail)), (_WIDTH, small.width), (_HEIGHT, small.height)):
                if tag in old.found and old.found[tag].n_values == 1:
                    write_number(block, old.found[tag], value)
            return bytes(block)
    return None


def _at_end(tiff: bytes, old: _Old, small: PilImage.Image, limit: int | None) -> bytes:
    """Erase a thumbnail; put another one behind everything else, with a directory of its own, if the limit allows."""
    block = bytearray(tiff)
    _erase(block, old.ranges)
    kept = {
        tag: Field(one.kind, one.n_values, content_of(tiff, one))
        for tag, one in old.found.items()
        if tag not in _RAW_LAYOUT
    }
    for quality in _QUALITIES:
        grown = _appended(block, old.pointer, kept, as_jpeg(small, quality))
        if limit is None or len(grown) <= limit:
            return grown
    return _unlinked(block, old)


def _numbers(block: bytes, place: Place) -> tuple[int, ...]:
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
