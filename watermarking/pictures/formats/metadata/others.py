"""Metadata in WebP, AVIF, HEIC, JPEG XL and BMP files, as far as Pillow does not read it."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from watermarking.pictures.formats.containers.boxes import boxes, read_items
from watermarking.pictures.formats.containers.riff import riff_chunks
from watermarking.pictures.formats.metadata.jpeg import holds_credentials
from watermarking.pictures.formats.metadata.model import BEHIND, Metadata

if TYPE_CHECKING:
    from PIL import Image as PilImage

__all__ = ["read_bmp", "read_boxes", "read_webp"]

_WEBP: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})
_CREDENTIALS_CHUNK: Final = b"C2PA"
_CREDENTIALS_BOX: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_BOXES: Final = frozenset({
    b"ftyp", b"meta", b"mini", b"mdat", b"free", b"skip", b"pdin", b"JXL ", b"jxlc", b"jxlp", b"jxll", b"jxli", b"jbrd",
    b"Exif", b"xml ", b"brob",
})  # fmt: skip
"""What holds the picture, metadata that is read, or nothing."""
_OTHER_BOXES: Final = {b"mpvd": "film of a motion photo", b"moov": "film", b"jhgm": "gain map"}
_AUXILIARY: Final = {
    b"alpha": "", b"auxid:1": "", b"hdrgainmap": "gain map", b"disparity": "depth map", b"depth": "depth map",
    b"auxid:2": "depth map", b"matte": "matte",
}  # fmt: skip
"""What auxiliary pictures are for, by a part of their URN; alpha is one of the samples."""


def read_webp(image: PilImage.Image, data: bytes) -> Metadata:
    """Read the chunks of a WebP file."""
    (size,) = struct.unpack_from("<I", data, 4)
    stop = min(8 + size, len(data))
    kinds = dict.fromkeys(kind for kind, _, end in riff_chunks(data) if end <= stop)
    unknown = [kind for kind in kinds if kind not in _WEBP and kind != _CREDENTIALS_CHUNK]
    orphans = [f"WebP chunk {kind.decode('latin-1').strip()}" for kind in unknown]
    if any(data[stop + stop % 2 :]):
        orphans.append(BEHIND)
    return _read(image, credentials=_CREDENTIALS_CHUNK in kinds, orphans=tuple(orphans))


def read_boxes(image: PilImage.Image, data: bytes) -> Metadata:
    """Read the boxes of an AVIF, HEIC or JPEG XL file.

    EXIF is taken from the file where it lies there in the open: Pillow writes it anew if it contradicts the picture's
    own transformation.
    """
    credentials, orphans = False, []
    for kind, start, end in boxes(data):
        if _is_credentials(kind, data[start - 8 : min(end, start + 64)]):
            credentials = True
        elif kind in _OTHER_BOXES:
            orphans.append(_OTHER_BOXES[kind])
        elif kind not in _BOXES:
            orphans.append(f"box {kind.decode('latin-1')}")
    items = read_items(data)
    if b"tmap" in items.kinds.values():
        orphans.append("gain map")
    orphans += [_auxiliary(urn) for urn in items.auxiliary if _auxiliary(urn)]
    if items.others():
        orphans.append("other pictures in the file")
    found = _read(image, credentials=credentials, orphans=tuple(dict.fromkeys(orphans)))
    exif = items.content(data, b"Exif")
    skipped = 4 + int.from_bytes(exif[:4], "big")  # where the TIFF structure begins: ISO/IEC 23008-12, A.2.1
    return replace(found, exif=exif[skipped:]) if exif[skipped:] else found


def read_bmp(data: bytes) -> Metadata:
    """Read the profile that a header of the fifth version names."""
    head = data[14:138]
    if len(head) == 124 and head[56:60] == b"MBED"[::-1]:
        offset, size = struct.unpack_from("<II", head, 112)
        return Metadata(icc=data[14 + offset : 14 + offset + size])
    return Metadata()


def _read(image: PilImage.Image, *, credentials: bool, orphans: tuple[str, ...]) -> Metadata:
    """Take what Pillow has read."""
    xmp = image.info.get("xmp") or b""
    return Metadata(
        exif=bytes(image.info.get("exif") or b""),
        icc=image.info.get("icc_profile") or b"",
        xmp=xmp.encode() if isinstance(xmp, str) else bytes(xmp),
        credentials=credentials,
        orphans=orphans,
    )


def _is_credentials(kind: bytes, head: bytes) -> bool:
    """Say whether a box, given with the eight bytes before its content, holds Content Credentials."""
    return head[8:24] == _CREDENTIALS_BOX if kind == b"uuid" else kind == b"jumb" and holds_credentials(head)


def _auxiliary(urn: bytes) -> str:
    unknown = f"auxiliary picture ({urn.decode('latin-1')})"
    return next((name for part, name in _AUXILIARY.items() if part in urn), unknown)
