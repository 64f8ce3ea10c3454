"""TIFF with EXIF: Pillow writes it either compressed or with directories below the first one, not both."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, Final

from PIL import TiffImagePlugin
from PIL.ExifTags import IFD

from watermarking.pictures.formats.metadata import ifd_entries

if TYPE_CHECKING:
    from PIL import Image as PilImage

__all__ = ["save_tiff"]

_DIRECTORIES: Final = (IFD.Exif, IFD.GPSInfo)
_LONG: Final = 4


def save_tiff(image: PilImage.Image, options: dict[str, Any]) -> bytes:
    """Encode a PIL image as TIFF, with Pillow's ``options``; ``options["exif"]`` is a ``PIL.Image.Exif``."""
    options = dict(options)
    exif: PilImage.Exif | None = options.pop("exif", None)
    if exif is None:
        return _saved(image, options)
    directories = {int(tag): _directory(exif.get_ifd(tag)) for tag in _DIRECTORIES if exif.get_ifd(tag)}
    first = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in exif.items():
        if tag not in _DIRECTORIES:
            first[tag] = value
    for tag in directories:
        first.tagtype[tag] = _LONG
        first[tag] = 0  # until it is known where the directory lies
    try:
        data = _saved(image, options | {"tiffinfo": first})
    except RuntimeError:  # libtiff does not take every tag, Pillow's own writer does
        data = _saved(image, options | {"tiffinfo": first, "compression": "raw"})
    return _append(data, directories)


def _saved(image: PilImage.Image, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


def _directory(tags: dict[int, Any]) -> TiffImagePlugin.ImageFileDirectory_v2:
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in tags.items():
        if tag != IFD.Interop:  # the place of yet another directory
            directory[tag] = value
    return directory


def _append(data: bytes, directories: dict[int, TiffImagePlugin.ImageFileDirectory_v2]) -> bytes:
    whole = bytearray(data)
    for tag, _, _, position in ifd_entries(data):
        if tag in directories:
            whole += bytes(len(whole) % 2)
            struct.pack_into("<I", whole, position, len(whole))
            whole += directories[tag].tobytes(len(whole))
    return bytes(whole)
