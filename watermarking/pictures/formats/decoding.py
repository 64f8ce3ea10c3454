"""Picture files in memory to samples and metadata.

Pillow reads everything; where it would cut or drop something,
:mod:`watermarking.pictures.formats.colour16` (PNG) and :mod:`watermarking.pictures.formats.bands` (TIFF) make more of
what its decoders give. The format is told by the content, never by the name. Refused, by rule:
formats that are not read, animations (PNG, WebP, AVIF, JPEG XL), several pages or pictures (TIFF, HEIC), camera raw,
floating point, high dynamic range, AVIF, HEIC and JPEG XL of more than 8 bits, CMYK and other modes that
:mod:`watermarking.pictures.arrays` refuses, and more pixels than a limit. Of a JPEG with several pictures (MPO) the
first is taken.
"""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
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
from watermarking.pictures.formats.bands import as_bytes, is_for_bands, read_bands
from watermarking.pictures.formats.coding import read_coding
from watermarking.pictures.formats.colour import is_srgb, profile_of
from watermarking.pictures.formats.colour16 import is_colour16, read_colour16
from watermarking.pictures.formats.extras import EXTRA_FORMATS, extra_class, refuse_hdr_profile, refuse_heic, refuse_jxl
from watermarking.pictures.formats.isobmff import chroma_of_av1, nclx_of, refuse_deep
from watermarking.pictures.formats.jpeg import decode_jpeg, is_arithmetic, refuse_rare_jpeg
from watermarking.pictures.formats.kinds import HEAD, identify
from watermarking.pictures.formats.layout import Layout, tiff_layout
from watermarking.pictures.formats.limits import MAX_PIXELS, PillowLimit, check_size, pillow_limit, pixel_limit
from watermarking.pictures.formats.metadata import orient, read_metadata
from watermarking.pictures.formats.picture import Picture, first_line
from watermarking.pictures.formats.png import without_large_chunks
from watermarking.pictures.formats.raw import refuse_camera_raw
from watermarking.pictures.ranges import tolerant_peak

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watermarking.interface import Image
    from watermarking.pictures.formats.metadata import Metadata
    from watermarking.pictures.formats.picture import Coding

__all__ = ["MAX_PIXELS", "PillowLimit", "decode_picture", "identify"]

_CLASSES: Final[dict[str, type[ImageFile.ImageFile]]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_REFUSALS: Final[dict[str, Callable[[bytes], None]]] = {
    "JPEG": refuse_rare_jpeg,
    "AVIF": lambda data: refuse_deep(data, "AVIF"),
    "TIFF": refuse_camera_raw,
    "HEIC": refuse_heic,
    "JXL": refuse_jxl,
}
"""What says no to kinds of a format that are not read, before a decoder stumbles over them."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file on its way to a picture.

    Attributes
    ----------
    data : bytes
    format : str
    readable : bytes, what Pillow is given in its place
    layout : how its samples lie, of TIFF
    in_bands : bool, whether Pillow is given rows of bytes
    """

    data: bytes
    format: str
    readable: bytes
    layout: Layout | None = None
    in_bands: bool = False


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
        If it is HEIC or JPEG XL and the extra ``formats`` is missing.
    """
    file_format = identify(data[:HEAD])
    limit = pixel_limit(max_pixels)
    try:
        if refuse := _REFUSALS.get(file_format):
            refuse(data)
        file = _prepared(data, file_format)
        image = _open(file)
        banded = file.layout if file.in_bands else None
        check_size(banded.size if banded else image.size, banded.n_samples if banded else 0, limit)
        _check_single(image, file_format)
        with pillow_limit.lifted_for(image.width * image.height):
            return dataclasses.replace(_decode(image, file), source=source)
    except UnsupportedImageError as error:
        raise FileFormatError(str(error)) from error
    except WatermarkError:
        raise
    except MemoryError as error:
        raise FileFormatError(f"the {file_format} picture does not fit in memory: scale it down") from error
    except Exception as error:  # Pillow answers damaged files with nearly every class of exception
        raise FileFormatError(_undecodable(error, data, file_format)) from error


def _undecodable(error: Exception, data: bytes, file_format: str) -> str:
    """Say why a decoder gave up: damage is one of the reasons, and nobody here can tell it from a rare kind of file."""
    if str(error) == "unknown pixel mode":
        return "TIFF with samples of this number, depth and colour space is not read: save it as RGB of 8 or 16 bits"
    kind = "JPEG of arithmetic coding" if file_format == "JPEG" and is_arithmetic(data) else f"the {file_format} file"
    return (
        f"{kind} cannot be decoded ({first_line(error)}), it is damaged or of a rare kind: if another program shows "
        "it, save it anew there"
    )


def _prepared(data: bytes, file_format: str) -> _File:
    if file_format == "PNG":
        return _File(data, file_format, without_large_chunks(data))
    layout = tiff_layout(data) if file_format == "TIFF" else None
    if layout is not None and is_for_bands(layout):
        return _File(data, file_format, as_bytes(data, layout), layout=layout, in_bands=True)
    return _File(data, file_format, data, layout=layout)


def _open(file: _File) -> ImageFile.ImageFile:
    kind = extra_class(file.format) if file.format in EXTRA_FORMATS else _CLASSES[file.format]
    try:
        return kind(io.BytesIO(file.readable), "")
    except PilImage.DecompressionBombError:  # WebP: Pillow's limit is below ours, and WebP's own largest size is too
        with pillow_limit.lifted_for(2**62):
            return kind(io.BytesIO(file.readable), "")


def _check_single(image: ImageFile.ImageFile, file_format: str) -> None:
    n_frames = 1 if file_format in ("JPEG", "BMP", "JXL") else int(getattr(image, "n_frames", 1))
    if n_frames > 1:
        what = {"TIFF": "pages", "HEIC": "pictures"}.get(file_format, "frames of an animation")
        raise FileFormatError(f"the {file_format} file has {n_frames} {what}, 1 is needed: split it first")


def _decode(image: ImageFile.ImageFile, file: _File) -> Picture:
    direct = decode_jpeg(image, file.data) if file.format == "JPEG" else None
    if direct is None:
        image.load()
    metadata, orientation = read_metadata(image, file.data)
    if file.format == "JXL":
        orientation = 1  # the decoder has applied it, whatever EXIF says
    array, mode, extra = _samples(image, file) if direct is None else (direct, "RGB", None)
    if file.in_bands and file.layout and file.layout.orientation:  # of other TIFF files, Pillow has applied it already
        orientation = file.layout.orientation
    metadata, coding = _coloured(metadata, read_coding(image, file.data, file.format, mode), file)
    claimed = file.layout.peak if file.layout else 2**coding.significant - 1 if coding.significant else None
    if extra is not None and file.layout:
        extra, coding = orient(extra, orientation), dataclasses.replace(coding, channels=file.layout.extra)
    image.close()  # Pillow's copy of the samples is larger than ours
    upright = orient(array, orientation)
    return Picture(upright, file.format, metadata, coding, peak=tolerant_peak(upright, claimed), extra=extra)


def _samples(image: ImageFile.ImageFile, file: _File) -> tuple[Image, str, Image | None]:
    """Return the samples, the Pillow mode in which they go back, and the channels beside them."""
    layout = file.layout
    if layout is not None and file.in_bands and isinstance(image, TiffImagePlugin.TiffImageFile):
        bands = read_bands(image, file.data, layout)
        return bands.picture, "LA" if layout.n_colours == 1 and bands.picture.ndim == 3 else "", bands.extra
    if file.format == "PNG" and is_colour16(file.data):
        return read_colour16(image, file.readable), image.mode, None
    if file.format == "AVIF" and image.mode == "RGB" and chroma_of_av1(file.data) == "4:0:0":
        return *array_from_pil(image.convert("L")), None  # Pillow repeats the grey channel
    return *array_from_pil(image), None


def _coloured(metadata: Metadata, coding: Coding, file: _File) -> tuple[Metadata, Coding]:
    """Give a picture whose colours are said by numbers a profile that says the same; refuse high dynamic range."""
    if file.format == "JXL":
        refuse_hdr_profile(metadata.icc, "JPEG XL")
    named = nclx_of(file.data) if file.format in ("AVIF", "HEIC") and not metadata.icc else None
    if named is None:
        return metadata, coding
    profile = b"" if is_srgb(*named[:2]) else profile_of(*named[:2]) or b""
    return dataclasses.replace(metadata, icc=profile), dataclasses.replace(coding, colours=named[:2])
