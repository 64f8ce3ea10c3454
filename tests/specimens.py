"""Picture files as cameras and programs write them, put together byte by byte and without this package's own code."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any, Final

import numpy as np
from PIL import Image as PilImage

Array = np.ndarray[Any, Any]

HDRGM: Final = "http://ns.adobe.com/hdr-gain-map/1.0/"
CONTAINER: Final = "http://ns.google.com/photos/1.0/container/"
FILM: Final = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(range(256)) * 8
"""The beginning of an MP4 file, and some bytes for the rest."""
ICC_HEADER: Final = b"ICC_PROFILE\0"
EXTENSION: Final = b"http://ns.adobe.com/xmp/extension/\0"


def blocks(rows: int = 2, columns: int = 4) -> Array:
    """Return flat blocks of 16 pixels, no two alike, which lossy formats keep apart; (32, 64, 3) uint8."""
    levels = np.arange(rows * columns).reshape(rows, columns) * (220 // (rows * columns)) + 20
    grey = np.kron(levels, np.ones((16, 16), int))
    return np.dstack([grey, grey[:, ::-1], 255 - grey]).astype(np.uint8)


def saved(array: Array, name: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(array).save(buffer, name, **options)
    return buffer.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(array: Array | None = None, *segments: bytes, **options: Any) -> bytes:
    """Return a JPEG file with some segments, given whole, behind its JFIF header."""
    data = saved(blocks() if array is None else array, "JPEG", quality=95, subsampling="4:4:4", **options)
    return data[:20] + b"".join(segments) + data[20:]


def xmp(inner: str, attributes: str = "") -> bytes:
    """Return a packet with properties as attributes and as elements."""
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    )
    return text.encode()


def xmp_segment(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def extended_xmp(packet: bytes, extension: bytes, part: int = 60_000) -> list[bytes]:
    """Return the segments of a packet, in which ``GUID`` stands for the name of the extension, and of the extension."""
    guid = hashlib.md5(extension).hexdigest().upper().encode()
    found = [xmp_segment(packet.replace(b"GUID", guid))]
    for start in range(0, len(extension), part):
        head = EXTENSION + guid + struct.pack(">II", len(extension), start)
        found.append(segment(0xE1, head + extension[start : start + part]))
    return found


def directory(items: list[tuple[str, str, int]], more: str = "") -> bytes:
    """Return the XMP packet of a Google camera: semantic, MIME type and length of each file, the picture first."""
    entries = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{semantic}" Item:Mime="{mime}"'
        + (f' Item:Length="{length}"' if length else "")
        + "/></rdf:li>"
        for semantic, mime, length in items
    )
    spaces = f'xmlns:Container="{CONTAINER}" xmlns:Item="{CONTAINER}item/"'
    return xmp(f"<Container:Directory><rdf:Seq>{entries}</rdf:Seq></Container:Directory>", f"{spaces} {more}")


def mpf(entries: list[tuple[int, int, int]]) -> bytes:
    """Return the content of a Multi-Picture Format segment: type, length and offset of each picture."""
    table = b"".join(struct.pack(">IIIHH", kind, length, offset, 0, 0) for kind, length, offset in entries)
    fields = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, len(entries))
    fields += struct.pack(">HHII", 0xB002, 7, len(table), 8 + 2 + 36 + 4)
    return b"MPF\0MM\0*" + struct.pack(">IH", 8, 3) + fields + struct.pack(">I", 0) + table


def with_pictures(make_base: Any, others: list[tuple[int, bytes]], trailer: bytes = b"") -> bytes:
    """Return a JPEG file with other pictures behind it, by type, listed in the Multi-Picture Format.

    ``make_base`` takes the segment of the list and returns the first picture.
    """
    empty = mpf([(0, 0, 0)] * (len(others) + 1))
    base = make_base(segment(0xE2, empty))
    origin = base.index(b"MPF\0") + 4
    entries, start = [(0x030000, len(base), 0)], len(base)
    for kind, content in others:
        entries.append((kind, len(content), start - origin))
        start += len(content)
    whole = base.replace(empty, mpf(entries)) + b"".join(content for _, content in others) + trailer
    assert len(whole) == start + len(trailer)
    return whole


def gain_map(array: Array | None = None) -> bytes:
    """Return a gain map: a small grey JPEG that says so in XMP and by ISO 21496-1."""
    small = blocks()[::2, ::2, 0] if array is None else array
    packet = xmp("", f'xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0" hdrgm:GainMapMax="2.5"')
    return jpeg(small, xmp_segment(packet), segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(64)))


def ultra_hdr(*, exif: bytes = b"", film: bytes = b"", **options: Any) -> bytes:
    """Return an Ultra HDR picture, with a film behind it if it is a motion photo as well."""
    small = gain_map()
    items = [("Primary", "image/jpeg", 0), ("GainMap", "image/jpeg", len(small))]
    more = f'xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0"'
    if film:
        items.append(("MotionPhoto", "video/mp4", len(film)))
        more += ' xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"'
    head = segment(0xE1, b"Exif\0\0" + exif) if exif else b""
    packet = xmp_segment(directory(items, more))
    iso = segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")

    def base(index: bytes) -> bytes:
        return jpeg(None, head, packet, index, iso, **options)

    return with_pictures(base, [(0, small)], film)


def exif_block(
    order: str = "<",
    orientation: int = 1,
    thumbnail: bytes = b"",
    size: tuple[int, int] | None = None,
    subject: tuple[int, ...] = (),
    resolution: tuple[int, int] = (72, 72),
    behind: bytes = b"",
) -> bytes:
    """Return an EXIF block: a maker's note that knows where its own text lies, and all that is asked for.

    ``behind`` follows the thumbnail, or takes its place at the end.
    """
    first = [(0x0112, 3, 1, struct.pack(order + "HH", orientation, 0)), (0x011A, 5, 1, b""), (0x011B, 5, 1, b"")]
    first += [(0x0128, 3, 1, struct.pack(order + "HH", 2, 0)), (0x8769, 4, 1, b"")]
    inner = [(0x927C, 7, 24, b"")]
    if subject:
        held = struct.pack(f"{order}{len(subject)}H", *subject) if len(subject) == 2 else b""
        inner.append((0x9214, 3, len(subject), held))
    if size:
        inner.append((0xA002, 3, 1, struct.pack(order + "HH", size[0], 0)))
        inner.append((0xA003, 4, 1, struct.pack(order + "I", size[1])))
    inner.sort()
    at = 8 + 2 + 12 * len(first) + 4
    texts = {0x011A: struct.pack(order + "II", resolution[0], 1), 0x011B: struct.pack(order + "II", resolution[1], 1)}
    below = at + 16
    end = below + 2 + 12 * len(inner) + 4
    note = end + 24
    texts[0x927C] = b"NOTE" + struct.pack(order + "I", note) + b"at that offset: "
    texts[0x9214] = struct.pack(f"{order}{len(subject)}H", *subject).ljust(8, b"\0")
    places = {0x011A: at, 0x011B: at + 8, 0x8769: below, 0x927C: end, 0x9214: note + 16}
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    second = note + 24 if thumbnail else 0
    block += _ifd(order, first, places, second) + texts[0x011A] + texts[0x011B]
    block += _ifd(order, inner, places, 0) + texts[0x927C] + b"the makers' text" + texts[0x9214]
    if thumbnail:
        fields = [
            (tag, 3, 1, struct.pack(order + "HH", value, 0)) for tag, value in ((0x0103, 6), (0x0112, orientation))
        ]
        place, length = (struct.pack(order + "I", value) for value in (second + 2 + 48 + 4, len(thumbnail)))
        fields += [(0x0201, 4, 1, place), (0x0202, 4, 1, length)]
        block += _ifd(order, fields, {}, 0) + thumbnail
    return block + behind


def _ifd(order: str, fields: list[tuple[int, int, int, bytes]], places: dict[int, int], following: int) -> bytes:
    out = struct.pack(order + "H", len(fields))
    for tag, kind, count, value in fields:
        out += struct.pack(order + "HHI", tag, kind, count) + (value or struct.pack(order + "I", places[tag]))
    return out + struct.pack(order + "I", following)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks: tuple[bytes, bytes], array: Array | None = None) -> bytes:
    """Return a PNG file with some chunks in front of its samples."""
    data = saved(blocks() if array is None else array, "PNG")
    return data[:33] + b"".join(chunk(*one) for one in chunks) + data[33:]


def resource(kind: int, content: bytes) -> bytes:
    """Return one of Photoshop's image resource blocks."""
    return b"8BIM" + struct.pack(">HHI", kind, 0, len(content)) + content + bytes(len(content) % 2)


def iptc(caption: bytes = b"a caption") -> bytes:
    """Return IPTC-IIM: a caption and a copyright notice."""
    return b"".join(
        b"\x1c\x02" + bytes((number,)) + struct.pack(">H", len(text)) + text
        for number, text in ((120, caption), (116, b"(c) Ada"))
    )
