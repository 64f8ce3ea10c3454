"""Metadata among the tags of a TIFF file."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.containers.directories import (
    EXIF_IFD,
    LONG,
    SHORT,
    UNDEFINED,
    Directory,
    Field,
    byte_order,
    first_directory,
    pack,
    read_directory,
    read_pointers,
    swapped,
)
from watermarking.pictures.formats.metadata.exif import ORIENTATION
from watermarking.pictures.formats.metadata.model import Metadata
from watermarking.pictures.formats.metadata.photoshop import iptc_of, with_iptc, without_iptc
from watermarking.pictures.formats.metadata.thumbnail import without_thumbnail

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_tiff", "write_tiff"]

_WIDTH, _HEIGHT = 256, 257
_SAMPLES: Final = (273, 324)
"""Offsets of strips and of tiles."""
_NOTE: Final = 0x927C
_XMP, _IPTC, _PHOTOSHOP, _ICC = 700, 33723, 34377, 34675
_CREDENTIALS, _LAYERS, _BELOW = 52545, 37724, 330
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_NO_UNIT, _INCH, _CENTIMETRE = 1, 2, 3
_BYTE, _RATIONAL = 1, 5
_LAYOUT: Final = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291,
    292, 293, 296, 282, 283, 317, 320, 321, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 515,
    517, 518, 519, 520, 521, 529, 530, 531, 532,
})  # fmt: skip
"""Tags that say how the samples lie in the file, and the resolution, which :class:`Metadata` holds in a field."""
_OWN: Final = frozenset({_XMP, _IPTC, _PHOTOSHOP, _ICC, _CREDENTIALS, _LAYERS})


def read_tiff(data: bytes) -> tuple[Metadata, int]:
    """Read the tags of the first picture, and its orientation (0 where none is stated).

    All that is not layout or held in a field of its own becomes an EXIF block, in the byte order of the file. The size
    is the one before turning.
    """
    order = byte_order(data)
    found = read_directory(data, first_directory(data))
    orientation = _number(found.get(ORIENTATION), order)
    rest = {tag: one for tag, one in found.items() if tag not in _LAYOUT | _OWN}
    photoshop = _content(found, _PHOTOSHOP)
    iptc = _iptc(found.get(_IPTC))
    unit = _number(found.get(_UNIT), order) or _INCH
    resolution = _resolution(found, order)
    orphans = (("Photoshop layers",) if _LAYERS in found else ()) + (
        ("further pictures (SubIFDs)",) if _BELOW in found else ()
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    metadata = Metadata(
        exif=head + pack(rest, 8, order) if rest else b"",
        icc=_content(found, _ICC),
        xmp=_content(found, _XMP).rstrip(b"\0"),
        photoshop=with_iptc(photoshop, iptc) if iptc else photoshop,
        dpi=_in_inches(resolution, unit) if unit != _NO_UNIT else None,
        aspect=_ratio(resolution) if unit == _NO_UNIT else None,
        credentials=_CREDENTIALS in found,
        orphans=orphans,
        size=(_number(found.get(_WIDTH), order), _number(found.get(_HEIGHT), order)),
    )
    return metadata, orientation if 1 <= orientation <= 8 else 0


def write_tiff(data: bytes, metadata: Metadata) -> bytes:
    """Put metadata into a TIFF file that holds none: a new first directory at its end, with the tags of the old one.

    A thumbnail in the EXIF block is left out. A maker's note stays at its place, counted from the beginning, which its
    own offsets are; only where the byte order of the block is not that of the file it moves.
    """
    order = byte_order(data)
    own = read_directory(data, first_directory(data))
    found = _carried(metadata.exif, order)
    if byte_order(metadata.exif) == order and _has_note(found):
        data, own = _behind(metadata.exif, data, own)
        found |= read_pointers(metadata.exif)
    if metadata.xmp:
        found[_XMP] = Field(_BYTE, len(metadata.xmp), metadata.xmp)
    if metadata.icc:
        found[_ICC] = Field(UNDEFINED, len(metadata.icc), metadata.icc)
    iptc = iptc_of(metadata.photoshop)
    others = without_iptc(metadata.photoshop)
    if iptc:
        found[_IPTC] = Field(UNDEFINED, len(iptc), iptc)
    if others:
        found[_PHOTOSHOP] = Field(_BYTE, len(others), others)
    if b"Orientation" in metadata.xmp:  # some readers find it there, in comments as well, unless a tag says it
        found[ORIENTATION] = Field(SHORT, 1, struct.pack(order + "H", 1))
    found |= _written_resolution(metadata, order)
    if not found:
        return data
    found |= own
    whole = bytearray(data) + bytes(len(data) % 2)
    struct.pack_into(order + "I", whole, 4, len(whole))
    return bytes(whole + pack(found, len(whole), order))


def _has_note(found: Directory) -> bool:
    inner = found.get(EXIF_IFD, {})
    return not isinstance(inner, Field) and _NOTE in inner


def _behind(exif: bytes, data: bytes, own: Directory) -> tuple[bytes, Directory]:
    """Put a TIFF file behind an EXIF block, both of which keep one header; samples move, and what says where they lie.

    All offsets inside the block still hold then. A thumbnail in it is erased.
    """
    block = without_thumbnail(exif)
    block += bytes(len(block) % 2)
    order, shift = byte_order(data), len(block) - 8
    moved: Directory = {}
    for tag in _SAMPLES:
        if isinstance(one := own.get(tag), Field):
            code = "H" if one.kind == SHORT else "I"
            offsets = struct.unpack(f"{order}{one.n_values}{code}", one.content)
            content = struct.pack(f"{order}{one.n_values}I", *(offset + shift for offset in offsets))
            moved[tag] = Field(LONG, one.n_values, content)
    return data[:8] + block[8:] + data[8:], own | moved


def _carried(exif: bytes, order: str) -> Directory:
    found = read_directory(exif, first_directory(exif), _LAYOUT | _OWN) if exif else {}
    return found if byte_order(exif) == order else swapped(found)


def _content(found: Mapping[int, Field | Directory], tag: int) -> bytes:
    one = found.get(tag)
    return one.content if isinstance(one, Field) else b""


def _number(one: Field | Directory | None, order: str) -> int:
    if not isinstance(one, Field) or one.n_values != 1 or one.kind not in (SHORT, LONG):
        return 0
    return int(struct.unpack(order + ("H" if one.kind == SHORT else "I"), one.content)[0])


def _iptc(one: Field | Directory | None) -> bytes:
    """Return IPTC-IIM, which old writers store as whole numbers, sometimes with their bytes swapped."""
    if not isinstance(one, Field):
        return b""
    content = one.content
    if one.kind == LONG and content[:1] != b"\x1c" and content[3:4] == b"\x1c":
        content = b"".join(content[start : start + 4][::-1] for start in range(0, len(content), 4))
    return content


def _resolution(found: Mapping[int, Field | Directory], order: str) -> tuple[float, float] | None:
    contents = [_content(found, tag) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
    if any(len(content) != 8 for content in contents):
        return None
    pairs = [struct.unpack(order + "II", content) for content in contents]
    if any(0 in pair for pair in pairs):
        return None
    horizontal, vertical = (above / below for above, below in pairs)
    return horizontal, vertical


def _in_inches(resolution: tuple[float, float] | None, unit: int) -> tuple[float, float] | None:
    if resolution is None or unit != _CENTIMETRE:
        return resolution
    return resolution[0] * 2.54, resolution[1] * 2.54


def _ratio(resolution: tuple[float, float] | None) -> tuple[int, int] | None:
    """Return the ratio of dots in whole numbers, None for square ones."""
    if resolution is None or resolution[0] == resolution[1]:
        return None
    ratio = Fraction(resolution[0] / resolution[1]).limit_denominator(10_000)
    return (ratio.numerator, ratio.denominator) if ratio else None


def _written_resolution(metadata: Metadata, order: str) -> Directory:
    values = metadata.dpi or metadata.aspect
    if values is None:
        return {}
    unit = _INCH if metadata.dpi else _NO_UNIT
    fractions = [Fraction(value).limit_denominator(10_000) for value in values]
    fields: Directory = {
        tag: Field(_RATIONAL, 1, struct.pack(order + "II", value.numerator, value.denominator))
        for tag, value in zip((_X_RESOLUTION, _Y_RESOLUTION), fractions, strict=True)
    }
    return fields | {_UNIT: Field(SHORT, 1, struct.pack(order + "H", unit))}
