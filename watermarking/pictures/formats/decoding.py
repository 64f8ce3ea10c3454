"""Picture files in memory to samples and metadata.

Pillow reads everything; only the samples of 16-bit colour come through
:mod:`watermarking.pictures.formats.colour16`. The format is told by the content, never by the name. Refused, by rule:
formats other than the six, animations (PNG, WebP, AVIF), TIFF files of several pages, CMYK and other modes that
:mod:`watermarking.pictures.arrays` refuses, and more pixels than a limit. Of a JPEG with several pictures (MPO) the first
is taken. AVIF of 10 and 12 bits is read as 8, as Pillow does.
"""

from __future__ import annotations

import io
import os
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as PilImage

from watermarking.errors import FileFormatError, UnsupportedImageError, WatermarkError
from watermarking.pictures.arrays import array_from_pil
from watermarking.pictures.formats.colour16 import is_colour16, read_colour16
from watermarking.pictures.formats.metadata import ORIENTATION, orient, read_metadata
from watermarking.pictures.formats.picture import FORMATS, Coding, Picture, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MAX_PIXELS", "decode_picture", "identify"]

MAX_PIXELS: Final = 400_000_000
"""Pictures with more pixels are taken for decompression bombs; WATERMARKING_MAX_PIXELS sets another limit."""

_CLASSES: Final[dict[str, type[ImageFile.ImageFile]]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_STANDARD_HUFFMAN: Final = bytes((0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125, 1, 2, 3, 0))
"""How the table for luma's AC coefficients begins that encoders use unless they optimise: ITU-T T.81, table K.5."""
_AVIF_BRANDS: Final = (b"avif", b"avis", b"mif1", b"msf1")
_TIFF_HEADS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def identify(head: bytes) -> str:
    """Tell a file's format from its first 16 bytes or more.

    Raises
    ------
    FileFormatError
        If it is none of :data:`FORMATS`.
    """
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS:
        return "AVIF"
    if head[:4] in _TIFF_HEADS:
        return "TIFF"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "BMP"
    found = "the file is empty" if not head else "GIF is not read" if head[:4] == b"GIF8" else "not a picture file"
    raise FileFormatError(f"{found}, one of {', '.join(FORMATS)} is needed: convert it first")


def decode_picture(data: bytes, *, max_pixels: int | None = None, source: Path | None = None) -> Picture:
    """Decode a picture file, samples upright.

    Parameters
    ----------
    data : bytes
        The whole file.
    max_pixels : int, optional
        Refuse larger pictures; by default ``WATERMARKING_MAX_PIXELS`` of the environment, else :data:`MAX_PIXELS`.
    source : Path, optional
        Kept in the result.

    Raises
    ------
    FileFormatError
        If the content is damaged or refused by one of this module's rules.
    MissingExtraError
        If it is 16-bit colour and OpenCV cannot be loaded.
    """
    file_format = identify(data[:16])
    limit = _max_pixels(max_pixels)
    try:
        image = _open(data, file_format)
        _check_size(image.size, limit)
        _check_single(image, file_format)
        with _pillow_limit.lifted_for(image.width * image.height):
            return _decode(image, data, file_format, source)
    except UnsupportedImageError as error:
        raise FileFormatError(str(error)) from error
    except WatermarkError:
        raise
    except MemoryError as error:
        raise FileFormatError(f"the {file_format} picture does not fit in memory: scale it down") from error
    except Exception as error:  # Pillow answers damaged files with nearly every class of exception
        raise FileFormatError(f"the {file_format} file is damaged: {first_line(error)}") from error


def _max_pixels(max_pixels: int | None) -> int:
    if max_pixels is not None:
        return max_pixels
    text = os.environ.get("WATERMARKING_MAX_PIXELS", "")
    if text and not text.isdecimal():
        raise FileFormatError(f"WATERMARKING_MAX_PIXELS is {text!r}: set it to a whole number of pixels")
    return int(text) if text else MAX_PIXELS


def _open(data: bytes, file_format: str) -> ImageFile.ImageFile:
    try:
        return _CLASSES[file_format](io.BytesIO(data), "")
    except PilImage.DecompressionBombError:  # WebP: Pillow's limit is below ours, and WebP's own largest size is too
        with _pillow_limit.lifted_for(2**62):
            return _CLASSES[file_format](io.BytesIO(data), "")


def _check_size(size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width * height > limit:
        raise FileFormatError(
            f"the picture has {width}x{height} pixels, the limit is {limit}: scale it down, or set "
            f"WATERMARKING_MAX_PIXELS if you trust the file"
        )


def _check_single(image: ImageFile.ImageFile, file_format: str) -> None:
    n_frames = 1 if file_format in ("JPEG", "BMP") else int(getattr(image, "n_frames", 1))
    if n_frames > 1:
        what = "pages" if file_format == "TIFF" else "frames of an animation"
        raise FileFormatError(f"the {file_format} file has {n_frames} {what}, 1 is needed: split it first")


def _decode(image: ImageFile.ImageFile, data: bytes, file_format: str, source: Path | None) -> Picture:
    tiff_orientation = image.tag_v2.get(ORIENTATION, 1) if isinstance(image, TiffImagePlugin.TiffImageFile) else 1
    image.load()  # of 16-bit colour as well: OpenCV returns a picture from a file that lacks its end
    metadata, orientation = read_metadata(image, data)
    if is_colour16(image, data):
        array, mode, orientation = read_colour16(image, data), image.mode, max(orientation, tiff_orientation)
    else:
        if file_format == "AVIF" and image.mode == "RGB" and _avif_subsampling(data) == "4:0:0":
            array, mode = array_from_pil(image.convert("L"))  # Pillow repeats the grey channel
        else:
            array, mode = array_from_pil(image)  # of TIFF, Pillow has applied the orientation already
    coding = _read_coding(image, data, file_format, mode)
    image.close()  # Pillow's copy of the samples is larger than ours
    return Picture(orient(array, orientation), file_format, metadata, coding, source)


def _read_coding(image: ImageFile.ImageFile, data: bytes, file_format: str, mode: str) -> Coding:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        tables = [tuple(image.quantization[component[3]]) for component in image.layer[:2]]
        return Coding(
            mode,
            tables=tuple(dict.fromkeys(tables)),
            subsampling=_jpeg_subsampling(image),
            progressive=bool(image.info.get("progressive")),
            optimized=_STANDARD_HUFFMAN not in data,
        )
    if file_format == "WebP":
        return Coding(mode, lossless=_is_lossless_webp(data))
    if file_format == "AVIF":
        return Coding(mode, subsampling=None if mode == "L" else _avif_subsampling(data))
    return Coding(mode, compression=str(image.info.get("compression", "")) if file_format == "TIFF" else "")


def _jpeg_subsampling(image: JpegImagePlugin.JpegImageFile) -> str | None:
    if len(image.layer) != 3:
        return None
    luma, chroma = (component[1] * component[2] for component in image.layer[:2])
    return {1: "4:4:4", 2: "4:2:2"}.get(max(1, luma // max(1, chroma)), "4:2:0")


def _avif_subsampling(data: bytes) -> str | None:
    position = data.find(b"av1C")
    if position < 0 or position + 7 > len(data):
        return None
    flags = data[position + 6]  # AV1 Codec ISO Media File Format Binding 2.3.3: bits 4, 3 and 2
    monochrome, halved_x, halved_y = flags & 16, flags & 8, flags & 4
    return "4:0:0" if monochrome else "4:4:4" if not halved_x else "4:2:0" if halved_y else "4:2:2"


def _is_lossless_webp(data: bytes) -> bool:
    position = 12
    while position + 8 <= len(data):
        if data[position : position + 4] in (b"VP8L", b"VP8 "):
            return data[position + 3 : position + 4] == b"L"
        position += 8 + (struct.unpack_from("<I", data, position + 4)[0] + 1) // 2 * 2
    return False


class PillowLimit:
    """Pillow's process-wide limit of pixels: lifted while a picture above it is decoded, else left alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_users = 0
        self._limit: int | None = None

    @contextmanager
    def lifted_for(self, n_pixels: int) -> Iterator[None]:
        """Lift it if a picture of this many pixels needs that, until the last such picture is done."""
        with self._lock:
            limit = self._limit if self._n_users else PilImage.MAX_IMAGE_PIXELS
            if needed := limit is not None and n_pixels > limit:
                self._n_users, self._limit, PilImage.MAX_IMAGE_PIXELS = self._n_users + 1, limit, None
        try:
            yield
        finally:
            with self._lock:
                self._n_users -= needed
                if needed and not self._n_users:
                    PilImage.MAX_IMAGE_PIXELS = self._limit


_pillow_limit: Final = PillowLimit()
