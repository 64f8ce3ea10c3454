"""HEIC and JPEG XL: read and written where the packages for them are installed, refused with their names where not.

HEIC comes through ``pillow-heif`` (libheif), JPEG XL through ``pylibjxl`` (libjxl); both are in the extra ``formats``.
``pillow-jxl-plugin``, the better known, is under the GPL. The lossy coder of ``pylibjxl`` loses too much (31 dB at its
best), so JPEG XL is written without loss, whatever it was before.
Neither is made known to Pillow: what a program opens with Pillow itself stays as it is.
"""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import FileFormatError, MissingExtraError
from watermarking.pictures.formats.colour import profile_cicp
from watermarking.pictures.formats.isobmff import refuse_deep, refuse_hdr

if TYPE_CHECKING:
    from PIL import Image as PilImage
    from PIL import ImageFile

    from watermarking.interface import Image

__all__ = [
    "EXTRA_FORMATS",
    "encode_heic",
    "encode_jxl",
    "extra_class",
    "is_available",
    "refuse_hdr_profile",
    "refuse_heic",
    "refuse_jxl",
]

EXTRA_FORMATS: Final = ("HEIC", "JXL")
_PACKAGES: Final = {"HEIC": ("pillow_heif.as_plugin", "pillow-heif"), "JXL": ("pylibjxl.pillow_plugin", "pylibjxl")}
_JXL_EFFORT: Final = 3
"""6 MP in 1.6 s on one core; the default, 7, takes 6.6 s and saves 5 % of the bytes."""
_CLASSES: Final = {"HEIC": "HeifImageFile", "JXL": "JxlImageFile"}


def extra_class(file_format: str) -> type[ImageFile.ImageFile]:
    """Return the class that reads a format of the extra.

    Raises
    ------
    MissingExtraError
        If its package is not installed.
    """
    found: type[ImageFile.ImageFile] = getattr(_module(file_format), _CLASSES[file_format])
    return found


def is_available(file_format: str) -> bool:
    """Say whether a format of the extra is read and written here."""
    try:
        _module(file_format)
    except MissingExtraError:
        return False
    return True


def refuse_heic(data: bytes) -> None:
    """Raise for HEIC whose package is missing, and for pictures of more than 8 bits or of high dynamic range."""
    _module("HEIC")
    refuse_deep(data, "HEIC")


def refuse_jxl(data: bytes) -> None:
    """Raise for JPEG XL whose package is missing, and for animations, more than 8 bits, and high dynamic range.

    Raises
    ------
    FileFormatError, MissingExtraError
    """
    _module("JXL")
    found = importlib.import_module("pylibjxl").probe(data)
    if found["have_animation"]:
        raise FileFormatError("JPEG XL with an animation is not read: save a frame as PNG first")
    if (bits := found["bits_per_sample"]) > 8:
        kind = "floating-point samples" if found["exponent_bits_per_sample"] else "samples"
        raise FileFormatError(
            f"JPEG XL with {kind} of {bits} bits is not read, precision would be lost: convert it to 16-bit PNG or "
            "TIFF first"
        )


def refuse_hdr_profile(icc: bytes, file_format: str) -> None:
    """Raise for a colour profile that says high dynamic range."""
    cicp = profile_cicp(icc)
    refuse_hdr(None if cicp is None else (*cicp, 0), file_format)


def encode_heic(image: PilImage.Image, options: dict[str, Any]) -> bytes:
    """Encode an 8-bit PIL image as HEIC, with Pillow's ``options``."""
    heif = importlib.import_module(_module("HEIC").__name__.partition(".")[0])
    options = dict(options)
    chroma = options.pop("subsampling", "4:2:0").replace(":", "")
    image.info = {name: options.pop(name) for name in ("icc_profile",) if name in options}
    buffer = io.BytesIO()
    given = {name: value for name, value in options.items() if value}
    heif.from_pillow(image).save(buffer, chroma=int(chroma), **given)
    return buffer.getvalue()


def encode_jxl(array: Image, options: dict[str, Any]) -> bytes:
    """Encode uint8 samples as lossless JPEG XL, with the metadata of Pillow's ``options``.

    The lossy encoder of the package at hand is worse than that of JPEG: 31 dB where it takes most bits.
    """
    package = importlib.import_module(_module("JXL").__name__.partition(".")[0])
    names = {"icc_profile": "icc", "exif": "exif", "xmp": "xmp"}
    metadata = {names[name]: value for name, value in options.items() if name in names and value}
    encoded: bytes = package.encode(np.ascontiguousarray(array), lossless=True, effort=_JXL_EFFORT, **metadata)
    return encoded


def _module(file_format: str) -> Any:
    name, package = _PACKAGES[file_format]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"{file_format} needs {package}: use pip install 'watermarking[formats]', or another format, JPEG or PNG"
        ) from error
