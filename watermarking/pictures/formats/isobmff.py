"""The boxes of AVIF and HEIC files (ISO/IEC 14496-12 and 23008-12): how the main picture is coded, and its colours."""

from __future__ import annotations

import struct
from typing import Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.boxes import Box, boxes

__all__ = ["brands", "chroma_of_av1", "nclx_of", "refuse_deep", "refuse_hdr", "with_nclx"]

_HDR: Final = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of ITU-T H.273 that are high dynamic range."""


def brands(head: bytes) -> set[bytes]:
    """Return the brands in the first bytes of a file: the major one, and those it is compatible with."""
    if head[4:8] != b"ftyp":
        return set()
    stop = min(struct.unpack_from(">I", head, 0)[0] or len(head), len(head))
    return {head[8:12], *(head[place : place + 4] for place in range(16, stop - 3, 4))}


def _main_properties(data: bytes) -> list[Box]:
    """Return the properties of the main picture; of all pictures, if it is not said which are whose."""
    meta = _child(data, Box(b"", 0, len(data)), b"meta")
    if meta is None:
        return []
    inside = Box(b"meta", meta.start + 4, meta.stop)
    places = _child(data, inside, b"iprp")
    container = _child(data, places, b"ipco") if places else None
    if places is None or container is None:
        return []
    properties = list(boxes(data, container.start, container.stop))
    main, owners = _child(data, inside, b"pitm"), _child(data, places, b"ipma")
    try:
        (item,) = struct.unpack_from(">I" if main and data[main.start] else ">H", data, main.start + 4 if main else -1)
        mine = _associations(data, owners)[item] if owners else []
        return [properties[index - 1] for index in mine if 0 < index <= len(properties)] or properties
    except (struct.error, KeyError, IndexError):
        return properties


def refuse_deep(data: bytes, file_format: str) -> None:
    """Raise for a main picture of more than 8 bits, or of high dynamic range.

    Raises
    ------
    FileFormatError
    """
    for box in _main_properties(data):
        if (bits := _bits(data, box)) > 8:
            raise FileFormatError(
                f"{file_format} of {bits} bits a sample is not read, precision would be lost: convert it to 16-bit PNG "
                f"or TIFF, or to {file_format} of 8 bits, first"
            )
    refuse_hdr(nclx_of(data), file_format)


def refuse_hdr(nclx: tuple[int, int, int] | None, file_format: str) -> None:
    """Raise for colours with the transfer characteristics of high dynamic range."""
    if nclx is not None and nclx[1] in _HDR:
        raise FileFormatError(
            f"{file_format} of high dynamic range ({_HDR[nclx[1]]}) is not read: convert it to a picture of standard "
            "range first"
        )


def nclx_of(data: bytes) -> tuple[int, int, int] | None:
    """Return colour primaries, transfer characteristics and matrix coefficients of the main picture, by ITU-T H.273."""
    place = _nclx_place(data)
    return None if place is None else struct.unpack_from(">HHH", data, place)


def with_nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    """Return a file whose main picture says other primaries and transfer characteristics; its samples stay."""
    place = _nclx_place(data)
    if place is None:
        raise FileFormatError("the encoder left no room for the colours of the picture: write PNG or TIFF")
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def chroma_of_av1(data: bytes) -> str | None:
    """Return the chroma subsampling of an AVIF's main picture, ``4:0:0`` for grey."""
    for box in _main_properties(data):
        if box.kind == b"av1C" and box.stop - box.start >= 4:
            flags = data[box.start + 2]  # AV1 Codec ISO Media File Format Binding 2.3.3: bits 4, 3 and 2
            monochrome, halved_x, halved_y = flags & 16, flags & 8, flags & 4
            return "4:0:0" if monochrome else "4:4:4" if not halved_x else "4:2:0" if halved_y else "4:2:2"
    return None


def _child(data: bytes, parent: Box, kind: bytes) -> Box | None:
    return next((box for box in boxes(data, parent.start, parent.stop) if box.kind == kind), None)


def _nclx_place(data: bytes) -> int | None:
    for box in _main_properties(data):
        if box.kind == b"colr" and data[box.start : box.start + 4] == b"nclx" and box.stop - box.start >= 10:
            return box.start + 4
    return None


def _bits(data: bytes, box: Box) -> int:
    """Return the bits of a sample that a property names, 0 if it names none."""
    content = data[box.start : box.stop]
    if box.kind == b"pixi" and len(content) > 5:
        return max(content[5 : 5 + content[4]], default=0)
    if box.kind == b"av1C" and len(content) > 2:
        return 8 if not content[2] & 64 else 12 if content[2] & 32 else 10
    if box.kind == b"hvcC" and len(content) > 18:
        return 8 + max(content[17] & 7, content[18] & 7)
    return 0


def _associations(data: bytes, box: Box) -> dict[int, list[int]]:
    """Return, for each item, the numbers of its properties, from 1."""
    version, flags = data[box.start], data[box.start + 3]
    place, found = box.start + 8, {}
    (n_items,) = struct.unpack_from(">I", data, box.start + 4)
    for _ in range(min(n_items, box.stop - box.start)):
        if place + 3 > box.stop:
            break
        (item,) = struct.unpack_from(">I" if version else ">H", data, place)
        place += 4 if version else 2
        n_properties, wide = data[place], flags & 1
        place += 1
        numbers = struct.unpack_from(f">{n_properties}{'H' if wide else 'B'}", data, place)
        found[item] = [number & (0x7FFF if wide else 0x7F) for number in numbers]
        place += n_properties * (2 if wide else 1)
    return found
