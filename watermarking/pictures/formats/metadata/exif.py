"""EXIF blocks, changed in place: to write one anew would break the offsets inside makers' notes.

Tags are those of CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.containers.directories import (
    EXIF_IFD,
    LONG,
    SHORT,
    Place,
    byte_order,
    content_of,
    first_directory,
    ifd_entries,
    next_directory,
    places,
)
from watermarking.pictures.formats.metadata.orientation import turned_point

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "EXIF_HEADER", "ORIENTATION", "reset_orientation", "resolution_of", "same_resolution", "turned_exif", "with_size",
    "without_orientation", "write_number",
]  # fmt: skip

EXIF_HEADER: Final = b"Exif\0\0"
ORIENTATION: Final = 0x0112
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_CENTIMETRE: Final = 3
_FOCAL_PLANE_X, _FOCAL_PLANE_Y = 0xA20E, 0xA20F
_SUBJECT: Final = (0x9214, 0xA214)
"""SubjectArea and SubjectLocation: a point, a circle or a rectangle, given by its centre."""
_WIDTHS: Final = (0x0100, 0xA002)
_HEIGHTS: Final = (0x0101, 0xA003)


def reset_orientation(tiff: bytes) -> tuple[bytes, int]:
    """Return a TIFF structure with orientation 1, and the orientation that it had, 0 for none."""
    order = byte_order(tiff)
    for tag, kind, count, position in ifd_entries(tiff):
        code = {SHORT: "H", LONG: "I"}.get(kind)
        if tag == ORIENTATION and code and count == 1 and position + 4 <= len(tiff):
            (orientation,) = struct.unpack_from(order + code, tiff, position)
            patch = struct.pack(order + code, 1)
            return tiff[:position] + patch + tiff[position + len(patch) :], orientation if orientation <= 8 else 0
    return tiff, 0


def turned_exif(tiff: bytes, orientation: int, size: tuple[int, int]) -> bytes:
    """Return an EXIF block for the upright picture, from that of a stored one of ``size`` (width, height).

    What lies in the picture's frame turns with it: the place of the subject, horizontal and vertical resolutions. The
    orientation of the thumbnail becomes 1 as well.
    """
    if orientation == 1 or not tiff:
        return tiff
    block = bytearray(tiff)
    first, second, exif = _directories(block)
    for place in second:
        if place.tag == ORIENTATION and place.kind == SHORT:
            struct.pack_into(byte_order(block) + "H", block, place.value, 1)
    for place in exif:
        if place.tag in _SUBJECT and place.kind == SHORT and 2 <= place.n_values <= 4:
            _turn_subject(block, place, orientation, size)
    if orientation >= 5:
        _swap(block, first, _X_RESOLUTION, _Y_RESOLUTION)
        _swap(block, exif, _FOCAL_PLANE_X, _FOCAL_PLANE_Y)
    same = block[:8] == tiff[:8] and _directories(block) == (first, second, exif)
    return bytes(block) if same else tiff  # of a damaged one, where values lie over directories


def without_orientation(tiff: bytes) -> bytes:
    """Return an EXIF block without its orientation; for formats that hold a transformation of their own.

    The entries behind it move up by one, and nothing else does. Pillow would write the block anew.
    """
    start = first_directory(tiff)
    place = next((place for place in places(tiff, start) if place.tag == ORIENTATION), None) if start else None
    pointer, _ = next_directory(tiff, start) if place else (0, 0)
    if place is None or not pointer:
        return tiff
    block, order = bytearray(tiff), byte_order(tiff)
    block[place.entry : pointer + 4] = tiff[place.entry + 12 : pointer + 4] + bytes(12)
    struct.pack_into(order + "H", block, start, int(struct.unpack_from(order + "H", tiff, start)[0]) - 1)
    return bytes(block)


def with_size(tiff: bytes, width: int, height: int) -> bytes:
    """Return an EXIF block whose tags for the size of the picture, where there are any, say this size."""
    block = bytearray(tiff)
    first, _, exif = _directories(block)
    for place in (*first, *exif):
        value = width if place.tag in _WIDTHS else height if place.tag in _HEIGHTS else 0
        if value and place.n_values == 1 and place.kind in (SHORT, LONG):
            write_number(block, place, value)
    return bytes(block)


def resolution_of(tiff: bytes) -> tuple[float, float] | None:
    """Return the dots an inch that an EXIF block states, None where it states none."""
    found = {place.tag: place for place in places(tiff, first_directory(tiff))}
    order = byte_order(tiff)
    try:
        unit = struct.unpack_from(order + "H", tiff, found[_RESOLUTION_UNIT].value)[0]
        pairs = [struct.unpack_from(order + "II", tiff, found[tag].value) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
        inches = 2.54 if unit == _CENTIMETRE else 1.0
        horizontal, vertical = (above / below * inches for above, below in pairs)
    except (KeyError, struct.error, ZeroDivisionError):
        return None
    return horizontal, vertical


def same_resolution(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    """Say whether two resolutions are the same but for rounding."""
    if one is None or other is None:
        return False
    return all(math.isclose(a, b, rel_tol=0.01) for a, b in zip(one, other, strict=True))


def write_number(block: bytearray, place: Place, value: int) -> None:
    """Write a single whole number into an entry; its type becomes LONG where SHORT does not hold it."""
    order = byte_order(block)
    if place.kind == SHORT and value < 2**16:
        struct.pack_into(order + "HH", block, place.value, value, 0)
        return
    struct.pack_into(order + "HHII", block, place.entry, place.tag, LONG, 1, value)


def _directories(block: bytes | bytearray) -> tuple[list[Place], list[Place], list[Place]]:
    """Return the entries of the picture's directory, of the thumbnail's, and of the EXIF directory."""
    start = first_directory(block)
    first = list(places(block, start))
    second = list(places(block, next_directory(block, start)[1])) if start else []
    return first, second, list(_below(block, first))


def _below(block: bytes | bytearray, first: list[Place]) -> Iterator[Place]:
    for place in first:
        if place.tag == EXIF_IFD and place.size == 4:
            yield from places(block, struct.unpack_from(byte_order(block) + "I", block, place.value)[0])
            return


def _turn_subject(block: bytearray, place: Place, orientation: int, size: tuple[int, int]) -> None:
    code = f"{byte_order(block)}{place.n_values}H"
    x, y, *extent = struct.unpack_from(code, block, place.value)
    upright = (round(value) for value in turned_point(x, y, *size, orientation))
    if orientation >= 5:
        extent.reverse()
    struct.pack_into(code, block, place.value, *(min(max(value, 0), 2**16 - 1) for value in (*upright, *extent)))


def _swap(block: bytearray, entries: list[Place], one: int, other: int) -> None:
    found = {place.tag: place for place in entries}
    if one not in found or other not in found or found[one].size != found[other].size:
        return
    contents = content_of(block, found[one]), content_of(block, found[other])
    for place, content in zip((found[other], found[one]), contents, strict=True):
        block[place.value : place.value + place.size] = content
