"""What a file holds beside its samples, as it is for the upright picture."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from watermarking.pictures.formats.containers.directories import ifd_entries
from watermarking.pictures.formats.metadata.exif import (
    EXIF_HEADER,
    reset_orientation,
    resolution_of,
    same_resolution,
    turned_exif,
)
from watermarking.pictures.formats.metadata.jpeg import read_jpeg
from watermarking.pictures.formats.metadata.others import read_bmp, read_boxes, read_webp
from watermarking.pictures.formats.metadata.png import read_png
from watermarking.pictures.formats.metadata.tiff import read_tiff
from watermarking.pictures.formats.metadata.xmp.claims import without_credentials
from watermarking.pictures.formats.metadata.xmp.frame import turned_xmp, xmp_orientation

if TYPE_CHECKING:
    from PIL import ImageFile

    from watermarking.pictures.formats.metadata.model import Metadata

__all__ = ["read_metadata"]

_UPRIGHT: Final = ("HEIF", "HEIC", "JXL")
"""Pillow's names of formats whose samples come out of the decoder upright; TIFF says its size in its tags."""


def read_metadata(image: ImageFile.ImageFile, data: bytes) -> tuple[Metadata, int]:
    """Return what a loaded file holds, and the orientation (1 to 8) in which its samples are to be turned.

    As in ``PIL.ImageOps.exif_transpose``, the orientation is the one in EXIF, else the one in XMP, else 1. What AVIF
    and HEIC hold as a transformation of the picture counts alone there.
    """
    found, orientation = _read(image, data)
    exif, stated = reset_orientation(_sound(found.exif))
    if image.format == "AVIF":  # Pillow's EXIF says what the transformation is
        stated = reset_orientation(_sound(image.info.get("exif") or b""))[1] or 1
    xmp, in_xmp = xmp_orientation(found.xmp)
    xmp, elsewhere = without_credentials(xmp)
    orientation = orientation or stated or in_xmp or 1
    stored = found.size if any(found.size) else _stored_size(image, orientation)
    dpi = found.dpi or _dpi(image)
    if dpi is None or same_resolution(dpi, resolution_of(exif)):  # which does not round
        dpi = resolution_of(exif)
    across = orientation >= 5
    metadata = replace(
        found,
        exif=turned_exif(exif, orientation, stored),
        xmp=turned_xmp(xmp, orientation),
        credentials=found.credentials or elsewhere,
        dpi=_writable(dpi[::-1] if dpi and across else dpi),
        aspect=found.aspect[::-1] if found.aspect and across else found.aspect,
        size=stored[::-1] if across else stored,
        turned=orientation,
    )
    return metadata, 1 if image.format in (*_UPRIGHT, "TIFF") else orientation


def _read(image: ImageFile.ImageFile, data: bytes) -> tuple[Metadata, int]:
    """Read a file by its format; return the orientation as well where no EXIF block holds it."""
    if image.format in ("JPEG", "MPO"):
        return replace(read_jpeg(data), aspect=_jfif_aspect(image.info)), 0
    if image.format == "PNG":
        return read_png(data), 0
    if image.format == "TIFF":
        return read_tiff(data)
    if image.format == "WEBP":
        return read_webp(image, data), 0
    if image.format == "BMP":
        return read_bmp(data), 0
    return read_boxes(image, data), 0


def _sound(exif: bytes) -> bytes:
    """Return the TIFF structure of an EXIF block, empty if it is so damaged that readers would stumble over it."""
    exif = exif.removeprefix(EXIF_HEADER)
    return exif if any(ifd_entries(exif)) else b""


def _stored_size(image: ImageFile.ImageFile, orientation: int) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if image.format in _UPRIGHT and orientation >= 5 else (width, height)


def _jfif_aspect(info: dict[Any, Any]) -> tuple[int, int] | None:
    horizontal, vertical = info.get("jfif_density") or (1, 1)
    is_ratio = info.get("jfif_unit") == 0 and horizontal and vertical and horizontal != vertical
    return (int(horizontal), int(vertical)) if is_ratio else None


def _dpi(image: ImageFile.ImageFile) -> tuple[float, float] | None:
    """Return the dots an inch that the header of a JPEG or BMP file states."""
    if image.format != "BMP" and image.info.get("jfif_unit") not in (1, 2):
        return None  # of JPEG, Pillow takes them from EXIF then, and says 72 if that states none
    try:
        horizontal, vertical = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return horizontal, vertical


def _writable(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return a resolution that every header holds, None for any other."""
    fits = dpi is not None and all(math.isfinite(value) and 0.5 <= value < 65535 for value in dpi)
    return dpi if fits else None
