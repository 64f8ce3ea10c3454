"""Metadata in the chunks of a PNG file."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from watermarking.pictures.formats.containers.png import inflate, png_chunks, with_chunks
from watermarking.pictures.formats.metadata.model import BEHIND, Metadata
from watermarking.pictures.formats.metadata.photoshop import APP13_HEADER, with_iptc
from watermarking.pictures.formats.metadata.xmp.extended import PACKET_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["comments_of", "names_of_chunks", "read_png", "text_of", "write_png"]

COMMENT: Final = b"Comment"
_XMP: Final = b"XML:com.adobe.xmp"
_PROFILE: Final = b"Raw profile type "
_INCH: Final = 0.0254
_CREDENTIALS: Final = b"caBX"
_TEXTS: Final = (b"tEXt", b"zTXt", b"iTXt")
_SIGNATURE: Final = b"dSIG"
_BACKGROUND: Final = b"bKGD"
_CODING: Final = frozenset({
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"hIST", b"sBIT", b"acTL", b"fcTL", b"fdAT", b"iDOT",
})  # fmt: skip
"""What says how samples are coded, or is about a palette, which a marked picture has none of."""
_COLOUR: Final = (b"cHRM", b"gAMA", b"sRGB", b"cICP")
"""Named in :mod:`watermarking.pictures.formats.metadata.colour`."""
_KEPT: Final = frozenset({
    *_COLOUR, b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"tIME", b"sPLT", b"oFFs", b"pCAL", b"sCAL",
    b"sTER", *_TEXTS,
})  # fmt: skip
_KNOWN: Final = {
    b"tIME": "time of the last change", b"mDCV": "mastering display (mDCV)", b"mDCv": "mastering display (mDCv)",
    b"cLLI": "light levels (cLLI)", b"cLLi": "light levels (cLLi)",
}  # fmt: skip


@dataclass
class _Reader:
    """Takes one chunk after the other, and gathers the fields of :class:`Metadata`."""

    head: bytes
    palette: bytes = b""
    fields: dict[str, Any] = field(default_factory=dict)
    chunks: list[tuple[bytes, bytes]] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    profiles: dict[bytes, bytes] = field(default_factory=dict)

    def take(self, kind: bytes, content: bytes) -> None:
        if kind == b"PLTE":
            self.palette = content
        elif kind == b"iCCP":
            self.fields["icc"] = inflate(content.partition(b"\0")[2][1:])
            if not self.fields["icc"]:
                self.orphans.append("damaged ICC profile")
        elif kind == b"eXIf":
            self.fields["exif"] = content
        elif kind == b"pHYs" and len(content) == 9:
            self._take_resolution(content)
        elif kind == _CREDENTIALS:
            self.fields["credentials"] = True
        elif kind == _SIGNATURE:
            self.orphans.append("digital signature, which no longer holds")
        elif kind in _TEXTS and content.startswith((_XMP + b"\0", _PROFILE)):
            self._take_profile(kind, content)
        elif kind == _BACKGROUND:
            self.chunks += _background(self.head, self.palette, content)
        elif kind in _KEPT or (kind not in _CODING and _is_safe_to_copy(kind)):
            self.chunks.append((kind, content))
        elif kind not in _CODING:
            self.orphans.append(f"PNG chunk {kind.decode('latin-1')}")

    def _take_resolution(self, content: bytes) -> None:
        horizontal, vertical, unit = struct.unpack(">IIB", content)
        if unit == 1 and horizontal and vertical:
            self.fields["dpi"] = horizontal * _INCH, vertical * _INCH
        elif horizontal and vertical:
            self.fields["aspect"] = horizontal, vertical

    def _take_profile(self, kind: bytes, content: bytes) -> None:
        keyword, text = text_of(kind, content)
        if keyword == _XMP:
            self.fields["xmp"] = text
            self.orphans += [] if text else ["damaged XMP"]
        elif profile := _profile(text):
            self.profiles[keyword.removeprefix(_PROFILE).lower()] = profile
        else:
            self.chunks.append((kind, content))

    def finish(self) -> Metadata:
        """Let ImageMagick's profiles fill what no chunk of its own says."""
        application = self.profiles.pop(b"app1", b"")
        if application.startswith(PACKET_HEADER):
            self.profiles.setdefault(b"xmp", application.removeprefix(PACKET_HEADER))
        elif application:
            self.profiles.setdefault(b"exif", application)
        for name, profile in self.profiles.items():
            if name in (b"exif", b"xmp", b"icc", b"icm"):
                own = "icc" if name == b"icm" else name.decode()
                self.fields[own] = self.fields.get(own) or profile
            elif name in (b"iptc", b"8bim"):
                blocks = profile.removeprefix(APP13_HEADER)
                self.fields["photoshop"] = blocks if blocks.startswith(b"8BIM") else with_iptc(b"", blocks)
            else:
                self.chunks.append(_raw_profile(name, profile))
        return Metadata(**self.fields, chunks=tuple(self.chunks), orphans=tuple(dict.fromkeys(self.orphans)))


def read_png(data: bytes) -> Metadata:
    """Read what the chunks hold."""
    reader, end = _Reader(data[16:29]), len(data)
    for kind, start, end in png_chunks(data):  # where the last one ends
        reader.take(kind, data[start + 8 : end - 4])
    if any(data[end:]):
        reader.orphans.append(BEHIND)
    return reader.finish()


def write_png(data: bytes, metadata: Metadata) -> bytes:
    """Put metadata into a PNG file that holds none."""
    added = [("iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc))] if metadata.icc else []
    if metadata.dpi:
        added.append(("pHYs", struct.pack(">IIB", *(round(value / _INCH) for value in metadata.dpi), 1)))
    elif metadata.aspect:
        added.append(("pHYs", struct.pack(">IIB", *metadata.aspect, 0)))
    if metadata.exif:
        added.append(("eXIf", metadata.exif))
    if metadata.xmp:
        added.append(("iTXt", _XMP + bytes(5) + metadata.xmp))
    chunks = [(kind.encode(), content) for kind, content in added]
    if metadata.photoshop:
        chunks.append(_raw_profile(b"iptc", metadata.photoshop))
    chunks += [_comment(text) for text in metadata.comments]
    for kind, content in metadata.chunks:
        chunks += _written_background(data[16:29], content) if kind == _BACKGROUND else [(kind, content)]
    return with_chunks(data, chunks)


def text_of(kind: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Return the keyword and the text of a chunk; Latin-1 in tEXt and zTXt, UTF-8 in iTXt. Empty where damaged."""
    keyword, _, text = content.partition(b"\0")
    if kind == b"zTXt":
        text = inflate(text[1:])
    elif kind == b"iTXt":
        compressed, text = text[:1] == b"\1", text[2:]
        text = text.partition(b"\0")[2].partition(b"\0")[2]
        text = inflate(text) if compressed else text
    return keyword, text


def comments_of(chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield the comments among chunks, as UTF-8."""
    for kind, content in chunks:
        if kind in _TEXTS and content.startswith(COMMENT + b"\0"):
            text = text_of(kind, content)[1]
            yield text if kind == b"iTXt" else text.decode("latin-1").encode()


def names_of_chunks(chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """Name chunks that only PNG holds, for a warning that they are left out."""
    keywords: dict[bytes, None] = {}
    others: dict[bytes, None] = {}
    for kind, content in chunks:
        if kind in _TEXTS and not content.startswith(COMMENT + b"\0"):
            keywords[content.partition(b"\0")[0]] = None
        elif kind not in (*_TEXTS, *_COLOUR, _BACKGROUND):
            others[kind] = None
    if keywords:
        words = ", ".join(keyword.decode("latin-1") for keyword in list(keywords)[:4])
        yield f"text ({words}{', ...' if len(keywords) > 4 else ''})"
    yield from (_KNOWN.get(kind, f"PNG chunk {kind.decode('latin-1')}") for kind in others)


def _is_safe_to_copy(kind: bytes) -> bool:
    """Say whether a chunk of an unknown kind stays true where samples change: section 5.4."""
    return bool(kind[3:4].islower() and kind[:1].islower())


def _profile(text: bytes) -> bytes:
    """Return the profile that ImageMagick wrote as text: a name, a length, hexadecimal digits; empty if damaged."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def _raw_profile(name: bytes, profile: bytes) -> tuple[bytes, bytes]:
    digits = profile.hex().encode()
    lines = b"\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    text = b"\n%s\n%8d\n%s\n" % (name, len(profile), lines)
    return b"zTXt", _PROFILE + name + b"\0\0" + zlib.compress(text)


def _comment(text: bytes) -> tuple[bytes, bytes]:
    """Return the chunk of a comment, whose bytes are taken for UTF-8 where they are, else for Latin-1."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return b"tEXt", COMMENT + b"\0" + text
    return (b"tEXt", COMMENT + b"\0" + text) if text.isascii() else (b"iTXt", COMMENT + bytes(5) + text)


def _background(head: bytes, palette: bytes, content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the background colour as three samples of 16 bits."""
    depth, colour_type = head[8], head[9]
    if colour_type == 3:
        red = content[0] * 3 if content else len(palette)
        samples, top = tuple(palette[red : red + 3]), 255
    else:
        samples, top = struct.unpack(f">{len(content) // 2}H", content[: len(content) // 2 * 2]), 2**depth - 1
    if len(samples) == 1:
        samples *= 3
    if len(samples) != 3 or not 0 < top >= max(samples):
        return []
    return [(_BACKGROUND, struct.pack(">3H", *(value * 65535 // top for value in samples)))]


def _written_background(head: bytes, content: bytes) -> list[tuple[bytes, bytes]]:
    depth, colour_type = head[8], head[9]
    samples = [value >> (16 - depth) for value in struct.unpack(">3H", content)]
    if colour_type in (0, 4):
        if len(set(samples)) > 1:
            return []
        samples = samples[:1]
    return [(_BACKGROUND, struct.pack(f">{len(samples)}H", *samples))]
