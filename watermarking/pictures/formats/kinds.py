"""What kind of file some bytes are: the formats that are read, and a name and a way out for those that are not."""

from __future__ import annotations

import re
from typing import Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.isobmff import brands
from watermarking.pictures.formats.picture import FORMATS
from watermarking.pictures.formats.raw import WAY_OUT_OF_RAW

__all__ = ["HEAD", "identify", "other_kind"]

HEAD: Final = 1024
"""Bytes from the beginning of a file that tell its kind."""
_AVIF: Final = frozenset({b"avif", b"avis"})
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevm", b"hevs", b"hevx"})
_HEIF: Final = frozenset({b"mif1", b"mif2", b"msf1"})
_FILMS: Final = frozenset({b"isom", b"iso2", b"mp41", b"mp42", b"qt  ", b"M4V ", b"avc1", b"3gp4", b"3gp5"})
_TIFF_HEADS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_JXL_HEADS: Final = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_TO_PNG: Final = "convert it to PNG or TIFF first"
_TO_16_BITS: Final = "convert it to 16-bit PNG or TIFF first"
_RENDER: Final = "render it to PNG first"
_FRAME: Final = "save a frame as PNG or JPEG first"
_OTHERS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (rb"GIF8", "GIF", "its few colours leave a mark no room: convert it to PNG first"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000", _TO_PNG),
    (rb"P[1-6][\s#]|P7\n", "a portable anymap (PBM, PGM, PPM, PAM)", _TO_PNG),
    (rb"P[Ff]4?\s", "a portable float map (PFM)", _TO_16_BITS),
    (rb"\x76\x2f\x31\x01", "OpenEXR (high dynamic range)", _TO_16_BITS),
    (rb"#\?(RADIANCE|RGBE)", "Radiance HDR (high dynamic range)", _TO_16_BITS),
    (rb"%PDF-", "PDF", _RENDER),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript (EPS)", _RENDER),
    (rb"\0\0[\x01\x02]\0[^\0]\0", "an icon or cursor (ICO, CUR)", "take its largest picture out as PNG first"),
    (rb"icns", "an icon (ICNS)", "take its largest picture out as PNG first"),
    (rb"8BPS", "Photoshop (PSD)", "export it as PNG or TIFF first"),
    (rb"gimp xcf", "GIMP (XCF)", "export it as PNG or TIFF first"),
    (rb"BPG\xfb", "BPG", _TO_PNG),
    (rb"FLIF", "FLIF", _TO_PNG),
    (rb"qoif", "QOI", _TO_PNG),
    (rb"II\xbc", "JPEG XR", _TO_PNG),
    (rb"\x8a[MJ]NG|\x8b[MJ]NG", "MNG or JNG", _TO_PNG),
    (rb"AT&TFORM", "DjVu", _RENDER),
    (rb"DDS |\xabKTX", "a texture (DDS, KTX)", _TO_PNG),
    (rb"SIMPLE  =", "FITS", _TO_16_BITS),
    (rb".{128}DICM", "DICOM", _TO_16_BITS),
    (rb"\x01\xda[\0\x01][\x01\x02]", "SGI", _TO_PNG),
    (rb"\x59\xa6\x6a\x95", "Sun raster", _TO_PNG),
    (rb"/\* XPM|#define \w+_width", "XPM or XBM", _TO_PNG),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "a metafile (WMF, EMF)", _RENDER),
    (rb"II.{6}CR", "camera raw (CR2)", WAY_OUT_OF_RAW),
    (rb"II.{4}HEAPCCDR", "camera raw (CRW)", WAY_OUT_OF_RAW),
    (rb"IIU\0", "camera raw (RW2)", WAY_OUT_OF_RAW),
    (rb"IIR[OS]|MMOR", "camera raw (ORF)", WAY_OUT_OF_RAW),
    (rb"FUJIFILMCCD-RAW", "camera raw (RAF)", WAY_OUT_OF_RAW),
    (rb"FOVb", "camera raw (X3F)", WAY_OUT_OF_RAW),
    (rb"\0MRM", "camera raw (MRW)", WAY_OUT_OF_RAW),
    (rb"(II|MM).{6}(IIII|MMMM)", "camera raw (IIQ)", WAY_OUT_OF_RAW),
    (rb"version https://git-lfs", "a pointer of Git LFS", "fetch the file that it stands for with git lfs pull"),
    (rb"RIFF.{4}AVI |\x1aE\xdf\xa3|\0\0\x01[\xb3\xba]|FLV\x01", "a film", _FRAME),
    (rb"PK\x03\x04", "an archive (ZIP)", "take the pictures out of it first"),
    (rb"\x1f\x8b", "a compressed file (gzip)", "unpack it first"),
)
_KINDS: Final = tuple((re.compile(pattern, re.DOTALL), name, way) for pattern, name, way in _OTHERS)


def identify(head: bytes) -> str:
    """Tell a file's format from its first bytes; 16 are enough for what is read, :data:`HEAD` to name the rest.

    Returns
    -------
    str
        One of :data:`~watermarking.pictures.formats.picture.FORMATS`, or ``HEIC`` or ``JXL``.

    Raises
    ------
    FileFormatError
        If it is anything else; the message names it, and the way out.
    """
    if not head:
        raise FileFormatError(f"the file is empty, one of {', '.join(FORMATS)} is needed")
    if other := _other(head):
        raise FileFormatError(f"{other[0]} is not read: {other[1]}")
    _refuse_markup(head[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower())
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:4] in _TIFF_HEADS:
        return "TIFF"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "BMP"
    if head.startswith(_JXL_HEADS):
        return "JXL"
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    raise FileFormatError(f"not a picture file, one of {', '.join(FORMATS)} is needed: convert it first")


def other_kind(head: bytes) -> str | None:
    """Return the name of a kind of file that is known and not read; None for all others."""
    found = _other(head)
    return found[0] if found else None


def _other(head: bytes) -> tuple[str, str] | None:
    return next(((name, way_out) for pattern, name, way_out in _KINDS if pattern.match(head)), None)


def _refuse_markup(text: bytes) -> None:
    if text.startswith(b"<") and b"<svg" in text:
        raise FileFormatError(f"SVG is not read: {_RENDER}")
    if text.startswith(b"<") and (b"<!doctype html" in text or b"<html" in text or b"<head" in text):
        raise FileFormatError("a web page is not read: fetch the picture itself")


def _png(head: bytes) -> str:
    if head[12:16] == b"CgBI":
        raise FileFormatError("PNG as iOS programs hold it (CgBI) is not read: convert it to plain PNG first")
    return "PNG"


def _by_brand(head: bytes) -> str:
    found = brands(head)
    for kind, name in ((_AVIF, "AVIF"), (_HEIC, "HEIC")):
        if head[8:12] in kind:
            return name
    if found & {b"crx "}:
        raise FileFormatError(f"camera raw (CR3) is not read: {WAY_OUT_OF_RAW}")
    if found & _HEIC:
        return "HEIC"
    if found & _AVIF or head[8:12] in _HEIF:
        return "AVIF"
    if found & _FILMS:
        raise FileFormatError(f"a film (MP4, QuickTime) is not read: {_FRAME}")
    brand = head[8:12].decode("ascii", "replace")
    raise FileFormatError(f"a file of the kind {brand!r} is not read, one of {', '.join(FORMATS)} is needed: {_TO_PNG}")
