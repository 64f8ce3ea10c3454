"""What a picture file holds beside its samples: EXIF, ICC profile, XMP, resolution, text, orientation."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image as PilImage
from PIL import JpegImagePlugin, PngImagePlugin, TiffImagePlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import ImageFile

    from watermarking.interface import Image

__all__ = [
    "ORIENTATION",
    "Metadata",
    "ifd_entries",
    "orient",
    "png_chunks",
    "read_metadata",
    "reset_orientation",
    "save_options",
]

EXIF_HEADER: Final = b"Exif\0\0"
ORIENTATION: Final = 0x0112
_XMP_TAG: Final = 700
_RESOLUTION: Final = 282
_XMP_ORIENTATION: Final = re.compile(rb'(tiff:Orientation(?:="|>))([1-8])')
_PNG_XMP: Final = "XML:com.adobe.xmp"
_JPEG_SEGMENT_LIMIT: Final = 65_000
_TIFF_LAYOUT: Final = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291,
    292, 293, 296, 282, 283, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513,
    514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 700, 34675,
})  # fmt: skip
"""TIFF tags that say how the samples lie in the file, or that :class:`Metadata` holds in a field of their own."""
_KEPT_CHUNKS: Final = frozenset({b"cHRM", b"gAMA", b"sRGB", b"cICP", b"tIME", b"tEXt", b"zTXt", b"iTXt"})


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is carried from a picture to its marked copy.

    Attributes
    ----------
    exif : bytes
        A TIFF structure without the ``Exif`` header; its orientation is 1. A thumbnail inside stays as it is, unmarked.
    icc, xmp, comment : bytes
        Empty where there are none.
    dpi : (horizontal, vertical) or None
        Dots an inch.
    chunks : tuple of (type, content)
        PNG chunks that are kept as they are: text, gamma, primaries.
    segments : bytes
        JPEG segments that are kept as they are: IPTC and the rest of a long XMP packet.
    """

    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    comment: bytes = b""
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    segments: bytes = b""


def read_metadata(image: ImageFile.ImageFile, data: bytes) -> tuple[Metadata, int]:
    """Return what a loaded file holds, with its orientation reset to 1, and the orientation it had (1 to 8).

    As in ``PIL.ImageOps.exif_transpose``, the orientation is the one in EXIF, else the one in XMP, else 1.
    """
    exif, orientation = reset_orientation(_raw_exif(image))
    xmp = _raw_xmp(image)
    if not orientation and (match := _XMP_ORIENTATION.search(xmp)):
        orientation = int(match[2])
    comment = image.info.get("comment", b"")
    metadata = Metadata(
        exif=exif,
        icc=image.info.get("icc_profile") or b"",
        xmp=_XMP_ORIENTATION.sub(rb"\g<1>1", xmp),
        dpi=_dpi(image),
        comment=comment if isinstance(comment, bytes) else b"",
        chunks=tuple(_text_chunks(data)) if image.format == "PNG" else (),
        segments=_jpeg_segments(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else b"",
    )
    return metadata, orientation or 1


def orient(array: Image, orientation: int) -> Image:
    """Turn samples (H, W) or (H, W, C) upright, for one of the eight EXIF orientations; contiguous."""
    pixels = array
    if array.ndim == 3 and orientation != 1:  # whole pixels are moved twice as fast as their samples
        pixels = np.ascontiguousarray(array).view(np.dtype((np.void, array[0, 0].nbytes)))[..., 0]
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    upright = np.ascontiguousarray(pixels)
    return upright.view(array.dtype).reshape(*upright.shape[:2], *array.shape[2:])


def save_options(metadata: Metadata, file_format: str, colour_space: bytes) -> dict[str, Any]:
    """Return the keyword arguments with which Pillow writes metadata into a file of this format.

    What the format cannot hold is left out: resolution in WebP and AVIF, all but resolution in BMP, a profile that
    is not for ``colour_space`` (``b"RGB "`` or ``b"GRAY"``), JPEG fields above 64 KB.
    """
    options: dict[str, Any] = {}
    if metadata.dpi and file_format in ("JPEG", "PNG", "TIFF", "BMP"):
        options["dpi"] = metadata.dpi
    if file_format == "BMP":
        return options
    if metadata.icc and metadata.icc[16:20] == colour_space:
        options["icc_profile"] = metadata.icc
    if file_format == "TIFF":
        return options | _tiff_options(metadata)
    if file_format == "PNG":
        return options | _png_options(metadata)
    if file_format == "JPEG":
        return options | _jpeg_options(metadata)
    return options | {"exif": metadata.exif, "xmp": metadata.xmp}


def ifd_entries(tiff: bytes | bytearray) -> Iterator[tuple[int, int, int, int]]:
    """Yield tag, type, count and the position of the value of each entry of a TIFF structure's first directory."""
    order = "<" if tiff[:2] == b"II" else ">"
    if tiff[:4] in (b"II*\0", b"MM\0*"):
        head, offset, count, entry = 4, order + "I", order + "H", order + "HHI"
    elif tiff[:4] in (b"II+\0", b"MM\0+"):  # BigTIFF
        head, offset, count, entry = 8, order + "Q", order + "Q", order + "HHQ"
    else:
        return
    try:
        start = struct.unpack_from(offset, tiff, head)[0]
        n_entries = struct.unpack_from(count, tiff, start)[0]
        start += struct.calcsize(count)
        value, stride = struct.calcsize(entry), struct.calcsize(entry) + struct.calcsize(offset)
        for position in range(start, start + n_entries * stride, stride):
            tag, kind, n_values = struct.unpack_from(entry, tiff, position)
            yield tag, kind, n_values, position + value
    except (struct.error, OverflowError):  # it ends too early
        return


def reset_orientation(tiff: bytes) -> tuple[bytes, int]:
    """Return a TIFF structure with orientation 1, and the orientation that it had, 0 for none.

    The tag is patched in place: writing EXIF anew would break the offsets inside makers' notes.
    """
    order = "<" if tiff[:2] == b"II" else ">"
    for tag, kind, count, position in ifd_entries(tiff):
        code = {3: "H", 4: "I"}.get(kind)
        if tag == ORIENTATION and code and count == 1 and position + 4 <= len(tiff):
            (orientation,) = struct.unpack_from(order + code, tiff, position)
            patch = struct.pack(order + code, 1)
            return tiff[:position] + patch + tiff[position + len(patch) :], orientation if orientation <= 8 else 0
    return tiff, 0


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of each chunk of a PNG file; its content begins 8 bytes after the start."""
    start = 8
    while start + 12 <= len(data):
        end = start + 12 + int(struct.unpack_from(">I", data, start)[0])
        yield data[start + 4 : start + 8], start, end
        start = end


def _raw_exif(image: ImageFile.ImageFile) -> bytes:
    exif: bytes = image.info.get("exif") or b""
    if not exif and (text := image.info.get("Raw profile type exif")):  # as ImageMagick wrote it into PNG
        try:
            exif = bytes.fromhex("".join(str(text).split("\n")[3:]))
        except ValueError:
            return b""
    if not exif and isinstance(image, TiffImagePlugin.TiffImageFile):
        exif = _exif_of_tiff(image)
    exif = exif.removeprefix(EXIF_HEADER)
    return exif if any(ifd_entries(exif)) else b""  # so damaged that writers would stumble over it


def _exif_of_tiff(image: TiffImagePlugin.TiffImageFile) -> bytes:
    try:
        exif = image.getexif()
        for tag in _TIFF_LAYOUT & set(exif):
            del exif[tag]
        return exif.tobytes() if len(exif) else b""
    except Exception:  # noqa: BLE001 - Pillow fails in many ways on damaged tags, which is no reason to refuse a picture
        return b""


def _raw_xmp(image: ImageFile.ImageFile) -> bytes:
    xmp = image.info.get("xmp") or image.info.get(_PNG_XMP) or b""
    return xmp.encode() if isinstance(xmp, str) else bytes(xmp)


def _dpi(image: ImageFile.ImageFile) -> tuple[float, float] | None:
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _RESOLUTION not in image.tag_v2:
        return None  # Pillow says 1
    try:
        horizontal, vertical = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    fits = all(math.isfinite(value) and 0.5 <= value < 65535 for value in (horizontal, vertical))
    return (horizontal, vertical) if fits else None


def _text_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, start, end in png_chunks(data):
        content = data[start + 8 : end - 4] if kind in _KEPT_CHUNKS else b""
        if content and not content.startswith((_PNG_XMP.encode(), b"Raw profile type exif")):
            yield kind, content


def _jpeg_segments(image: JpegImagePlugin.JpegImageFile) -> bytes:
    kept = (
        (marker, content)
        for marker, content in image.applist
        if marker == "APP13" or (marker == "APP1" and content.startswith(b"http://ns.adobe.com/xmp/extension/"))
    )
    return b"".join(
        struct.pack(">BBH", 0xFF, 0xE0 + int(marker[3:]), len(content) + 2) + content for marker, content in kept
    )


def _jpeg_options(metadata: Metadata) -> dict[str, Any]:
    options: dict[str, Any] = {"extra": metadata.segments}
    if 0 < len(metadata.exif) <= _JPEG_SEGMENT_LIMIT:
        options["exif"] = EXIF_HEADER + metadata.exif
    if 0 < len(metadata.xmp) <= _JPEG_SEGMENT_LIMIT:
        options["xmp"] = metadata.xmp
    if 0 < len(metadata.comment) <= _JPEG_SEGMENT_LIMIT:
        options["comment"] = metadata.comment
    return options


def _png_options(metadata: Metadata) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for kind, content in metadata.chunks:
        info.add(kind, content)
    if metadata.xmp:
        info.add_itxt(_PNG_XMP, metadata.xmp.decode("utf-8", "replace"))
    options: dict[str, Any] = {"pnginfo": info}
    if metadata.exif:
        options["exif"] = metadata.exif
    return options


def _tiff_options(metadata: Metadata) -> dict[str, Any]:
    exif = PilImage.Exif()
    try:
        exif.load(metadata.exif)
        for tag in _TIFF_LAYOUT & set(exif):
            del exif[tag]
    except Exception:  # noqa: BLE001 - Pillow fails in many ways on damaged EXIF, which is no reason to refuse a picture
        exif = PilImage.Exif()
    if metadata.xmp:
        exif[_XMP_TAG] = metadata.xmp
    return {"exif": exif} if len(exif) else {}
