"""Samples and metadata to picture files in memory."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.pictures.arrays import check_image, pil_from_array
from watermarking.pictures.formats.bands import encode_bands
from watermarking.pictures.formats.colour import is_srgb
from watermarking.pictures.formats.colour16 import encode_colour16
from watermarking.pictures.formats.containers.png import with_chunks
from watermarking.pictures.formats.extras import EXTRA_FORMATS, encode_heic, encode_jxl
from watermarking.pictures.formats.isobmff import with_nclx
from watermarking.pictures.formats.metadata import Carried, carry
from watermarking.pictures.formats.picture import FORMATS, Coding, Picture, first_line
from watermarking.pictures.formats.png import significant_bits_chunk
from watermarking.pictures.formats.tiff import save_tiff

if TYPE_CHECKING:
    from watermarking.interface import Image

__all__ = ["encode_picture"]

_QUALITY: Final = {"JPEG": 95, "WebP": 90, "AVIF": 85, "HEIC": 90}
"""Where neither the caller nor a JPEG source says anything."""
_LONGEST_SIDE: Final = {"JPEG": 65_500, "WebP": 16_383, "AVIF": 65_535, "BMP": 2**31 - 1}
_UNSPECIFIED: Final = 2
_LOSSLESS_TIFF: Final = frozenset({"raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "zstd"})


def encode_picture(
    array: Image,
    file_format: str,
    *,
    like: Picture | None = None,
    quality: int | None = None,
    subsampling: str | None = None,
) -> bytes:
    """Encode samples as a picture file.

    Without ``quality``, a JPEG made from a JPEG reuses its quantisation tables; anything else gets quality 95 as JPEG,
    90 as WebP (lossless if ``like`` was) and HEIC, 85 as AVIF. Without ``subsampling`` it is the one of ``like``, and
    4:4:4 for pictures that had none. TIFF keeps the lossless compression of a TIFF, and takes Deflate otherwise. JPEG
    XL is written without loss.

    Parameters
    ----------
    array : (H, W), (H, W, 3) or (H, W, 4) ndarray
        uint8 or uint16, upright. JPEG and BMP hold alpha only where all of it is opaque, and then drop it; 16 bits
        fit in PNG and TIFF alone.
    file_format : str
        One of :data:`FORMATS`, or ``HEIC`` or ``JXL`` where the extra ``formats`` is installed.
    like : Picture, optional
        Where metadata, coding and the channels beside the picture come from.
    quality : int, optional
        1 to 100, for JPEG, WebP, AVIF and HEIC.
    subsampling : {"4:4:4", "4:2:2", "4:2:0"}, optional
        For JPEG, AVIF and HEIC.

    Raises
    ------
    FileFormatError
        If the format cannot hold these samples or say what colours they stand for, or what ``like`` has beside them, or
        an option is out of range.
    MissingExtraError
        If a package for the format is missing.

    Warns
    -----
    UserWarning
        If metadata of ``like`` is left out, in one line that names it; if Content Credentials are removed; if other
        pictures of the file stay without a mark.
    """
    _check_options(file_format, quality, subsampling)
    array = _fit(check_image(array), file_format)
    if like is not None:
        _check_like(like, array, file_format)
    coding = like.coding if like else Coding(mode="")
    mode = _mode_of(array, coding, file_format)
    colour_space = b"GRAY" if mode in ("L", "LA", "I;16") and file_format != "WebP" else b"RGB "
    carried = carry(like.metadata, array, file_format, colour_space) if like else Carried()
    options = carried.options | _coding_options(coding, file_format, mode, quality, subsampling)
    try:
        data = carried.finish(_encoded(array, mode, file_format, options, like))
    except WatermarkError:
        raise
    except Exception as error:  # as in decode_picture
        height, width = array.shape[:2]
        raise FileFormatError(f"cannot write {width}x{height} pixels as {file_format}: {first_line(error)}") from error
    for message in carried.warnings:
        warnings.warn(message, UserWarning, stacklevel=2)
    return data


def _encoded(array: Image, mode: str, file_format: str, options: dict[str, Any], like: Picture | None) -> bytes:
    coding, peak = (like.coding, like.peak) if like else (Coding(mode=""), None)
    deep = array.dtype == "uint16"
    if file_format == "TIFF" and ((deep and (array.ndim == 3 or peak)) or (like and like.extra is not None)):
        grey = coding.mode == "LA" and array.ndim == 3 and _is_grey(array)
        extra = like.extra if like else None
        compression, peak = options["compression"], peak if deep else None
        return encode_bands(array, compression, extra=extra, kinds=coding.channels, grey=grey, peak=peak)
    if file_format == "TIFF":
        return save_tiff(pil_from_array(array, mode), options["compression"])
    if file_format == "JXL":
        return encode_jxl(array, options)
    if file_format == "PNG":
        data = encode_colour16(array) if deep and array.ndim == 3 else _saved(array, mode, file_format, options)
        bits = coding.significant or (peak.bit_length() if peak else 0)
        return with_chunks(data, [(b"sBIT", significant_bits_chunk(bits, mode, 16 if deep else 8))] if bits else [])
    by_numbers = coding.colours if file_format in ("AVIF", "HEIC") else None
    if by_numbers:
        options.pop("icc_profile", None)
    if file_format == "HEIC":
        data = encode_heic(pil_from_array(array, mode), options)
    else:
        data = _saved(array, mode, file_format, options)
    return with_nclx(data, *by_numbers) if by_numbers else data


def _saved(array: Image, mode: str, file_format: str, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pil_from_array(array, mode).save(buffer, file_format.upper(), **options)
    return buffer.getvalue()


def _check_options(file_format: str, quality: int | None, subsampling: str | None) -> None:
    if file_format not in (*FORMATS, *EXTRA_FORMATS):
        raise FileFormatError(f"{file_format} is not written, {', '.join(FORMATS)} are: choose one of them")
    if quality is not None and not 1 <= quality <= 100:
        raise FileFormatError(f"quality is {quality}, 1 to 100 is needed")
    if subsampling not in (None, "4:4:4", "4:2:2", "4:2:0"):
        raise FileFormatError(f"subsampling is {subsampling}, 4:4:4, 4:2:2 or 4:2:0 is needed")


def _fit(array: Image, file_format: str) -> Image:
    height, width = array.shape[:2]
    limit = _LONGEST_SIDE.get(file_format, 2**31 - 1)
    if max(height, width) > limit:
        raise FileFormatError(
            f"{width}x{height} pixels do not fit in {file_format}, {limit} on a side is the limit: write PNG or TIFF"
        )
    if array.dtype != "uint8" and not (array.dtype == "uint16" and file_format in ("PNG", "TIFF")):
        raise FileFormatError(
            f"{array.dtype} samples do not fit in {file_format}: write uint16 as PNG or TIFF, or convert to uint8"
        )
    if array.ndim == 3 and array.shape[2] == 4 and file_format in ("JPEG", "BMP"):
        if array[..., 3].min() < 255:
            raise FileFormatError(f"{file_format} holds no transparency: write PNG, WebP, AVIF or TIFF")
        return array[..., :3]
    return array


def _check_like(like: Picture, array: Image, file_format: str) -> None:
    """Refuse to drop what the picture has beside its samples, or to show its colours as others."""
    if like.extra is not None:
        n_channels = like.extra.shape[2]
        if file_format != "TIFF":
            raise FileFormatError(
                f"{file_format} does not hold the {n_channels} channel(s) that the picture has beside colour and "
                "alpha: write TIFF, or remove them first"
            )
        if like.extra.shape[:2] != array.shape[:2] or like.extra.dtype != array.dtype:
            raise FileFormatError(
                f"the {n_channels} channel(s) that the picture has beside colour and alpha do not fit samples of shape "
                f"{array.shape} and type {array.dtype}: keep size and type, or remove them first"
            )
    primaries, transfer = like.coding.colours or (_UNSPECIFIED, _UNSPECIFIED)
    has_profile = bool(like.metadata.icc) and file_format != "BMP"
    if file_format not in ("AVIF", "HEIC") and not has_profile and not is_srgb(primaries, transfer):
        raise FileFormatError(
            f"{file_format} cannot say the colours of the picture (primaries {primaries}, transfer {transfer} of ITU-T "
            f"H.273): write {like.format}, or convert it to sRGB first"
        )


def _is_grey(array: Image) -> bool:
    return bool((array[..., :1] == array[..., 1:3]).all())


def _mode_of(array: Image, coding: Coding, file_format: str) -> str:
    if array.ndim == 2:
        return "I;16" if array.dtype == "uint16" else "L"
    if array.shape[2] == 3:
        return "RGB"
    fits = coding.mode == "LA" and file_format in ("PNG", "TIFF") and array.dtype == "uint8"
    if fits and _is_grey(array):
        return "LA"
    return "RGBA"


def _coding_options(
    coding: Coding, file_format: str, mode: str, quality: int | None, subsampling: str | None
) -> dict[str, Any]:
    if file_format == "TIFF":
        kept = coding.compression in _LOSSLESS_TIFF
        return {"compression": coding.compression if kept else "tiff_adobe_deflate"}
    if file_format not in _QUALITY:
        return {}
    options: dict[str, Any] = {"quality": quality or _QUALITY[file_format]}
    if file_format == "WebP":
        return options | {"lossless": coding.lossless and quality is None, "exact": True}
    if mode != "L":
        options["subsampling"] = subsampling or coding.subsampling or "4:4:4"
    if mode == "RGBA":  # AVIF
        options["advanced"] = [("alpha:lossless", "1")]
    if file_format == "JPEG":
        options |= {"progressive": coding.progressive, "optimize": coding.optimized}
        if coding.tables and quality is None:
            del options["quality"]  # Pillow would scale the tables by it
            options["qtables"] = [list(table) for table in coding.tables]
    return options
