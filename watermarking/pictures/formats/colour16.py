"""16-bit colour in PNG and TIFF, which Pillow cuts to 8 bits: samples through OpenCV, the rest through Pillow."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image as PilImage
from PIL import PngImagePlugin, TiffImagePlugin

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.metadata import ifd_entries, png_chunks, reset_orientation
from watermarking.pictures.formats.tiff import save_tiff
from watermarking.pictures.opencv import cv2_module, silenced

if TYPE_CHECKING:
    from PIL import ImageFile

    from watermarking.interface import Image

__all__ = ["encode_colour16", "is_colour16", "read_colour16"]

_WIDTH, _BITS, _PLANAR, _EXTRA = 256, 258, 284, 338
_ASSOCIATED_ALPHA: Final = 1
_PNG_GREY: Final = 0
_PNG_NEEDED: Final = (b"IHDR", b"tRNS", b"IDAT", b"IEND")


def is_colour16(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Say whether a PNG or TIFF file holds 16-bit colour, or 16-bit grey with alpha."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return data[24] == 16 and data[25] != _PNG_GREY
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.mode in ("RGB", "RGBA", "LA") and max(image.tag_v2.get(_BITS, (8,))) > 8
    return False


def read_colour16(image: ImageFile.ImageFile, data: bytes) -> Image:
    """Decode 16-bit colour, (H, W, 3) or (H, W, 4) uint16 RGB, as it lies in the file: no orientation is applied.

    Raises
    ------
    FileFormatError
        If OpenCV cannot decode it, or decodes it wrongly: separate planes and premultiplied alpha in TIFF.
    """
    cv2 = cv2_module()
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if image.tag_v2.get(_PLANAR, 1) != 1 or _ASSOCIATED_ALPHA in image.tag_v2.get(_EXTRA, ()):
            raise FileFormatError(
                "16-bit TIFF with separate planes or premultiplied alpha is not read: save it interleaved, or as PNG"
            )
        data = reset_orientation(data)[0]  # some versions of OpenCV apply it, others do not
    else:  # nothing that OpenCV could apply, or print a warning about
        data = data[:8] + b"".join(data[a:b] for kind, a, b in png_chunks(data) if kind in _PNG_NEEDED)
    with silenced(cv2):
        samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16 or samples.ndim != 3:
        raise FileFormatError("OpenCV cannot decode this 16-bit file: save it as a plain 16-bit PNG or TIFF")
    n_channels = 4 if image.has_transparency_data else 3
    order = [2, 1, 0, 3][:n_channels]
    return np.ascontiguousarray(samples[..., order])


def encode_colour16(array: Image, file_format: str, options: dict[str, Any]) -> bytes:
    """Encode (H, W, 3) or (H, W, 4) uint16 as PNG or TIFF, with the metadata of Pillow's ``options``."""
    return (_encode_png if file_format == "PNG" else _encode_tiff)(array, options)


def _encode_png(array: Image, options: dict[str, Any]) -> bytes:
    cv2 = cv2_module()
    order = [2, 1, 0, 3][: array.shape[2]]
    done, encoded = cv2.imencode(".png", array[..., order], [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise FileFormatError("OpenCV cannot encode this picture as a 16-bit PNG")
    data = encoded.tobytes()
    donor = io.BytesIO()
    PilImage.new("RGB", (1, 1)).save(donor, "PNG", **options)
    metadata = donor.getvalue()
    parts = [data[:33]]  # signature and header
    parts += [metadata[a:b] for kind, a, b in png_chunks(metadata) if kind not in (b"IHDR", b"IDAT", b"IEND")]
    parts += [data[a:b] for kind, a, b in png_chunks(data) if kind in (b"IDAT", b"IEND")]
    return b"".join(parts)


def _encode_tiff(array: Image, options: dict[str, Any]) -> bytes:
    """Let Pillow write the bytes as an 8-bit picture of twice the width, then correct the two tags that say so."""
    height, width, n_channels = array.shape
    halves = np.ascontiguousarray(array, "<u2").view(np.uint8).reshape(height, 2 * width, n_channels)
    data = bytearray(save_tiff(PilImage.fromarray(halves), options))
    for tag, kind, count, position in ifd_entries(data):
        if tag == _WIDTH:
            struct.pack_into("<H" if kind == 3 else "<I", data, position, width)
        elif tag == _BITS:
            struct.pack_into(f"<{count}H", data, struct.unpack_from("<I", data, position)[0], *[16] * count)
    return bytes(data)
