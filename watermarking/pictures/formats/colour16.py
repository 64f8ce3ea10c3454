"""16-bit colour in PNG, which Pillow cuts to 8 bits: samples through OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.metadata import png_chunks
from watermarking.pictures.opencv import cv2_module, silenced

if TYPE_CHECKING:
    from PIL import ImageFile

    from watermarking.interface import Image

__all__ = ["encode_colour16", "is_colour16", "read_colour16"]

_GREY: Final = 0
_NEEDED: Final = (b"IHDR", b"tRNS", b"IDAT", b"IEND")


def is_colour16(data: bytes) -> bool:
    """Say whether a PNG file holds 16-bit colour, or 16-bit grey with alpha."""
    return data[24] == 16 and data[25] != _GREY


def read_colour16(image: ImageFile.ImageFile, data: bytes) -> Image:
    """Decode 16-bit colour, (H, W, 3) or (H, W, 4) uint16 RGB, as it lies in the file: no orientation is applied.

    Raises
    ------
    FileFormatError
        If OpenCV cannot decode it.
    """
    cv2 = cv2_module()
    # Nothing that OpenCV could apply, or print a warning about.
    data = data[:8] + b"".join(data[a:b] for kind, a, b in png_chunks(data) if kind in _NEEDED)
    with silenced(cv2):
        samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16 or samples.ndim != 3:
        raise FileFormatError("OpenCV cannot decode this 16-bit file: save it as a plain 16-bit PNG or TIFF")
    n_channels = 4 if image.has_transparency_data else 3
    order = [2, 1, 0, 3][:n_channels]
    return np.ascontiguousarray(samples[..., order])


def encode_colour16(array: Image) -> bytes:
    """Encode (H, W, 3) or (H, W, 4) uint16 as PNG, without metadata."""
    cv2 = cv2_module()
    order = [2, 1, 0, 3][: array.shape[2]]
    done, encoded = cv2.imencode(".png", array[..., order], [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise FileFormatError("OpenCV cannot encode this picture as a 16-bit PNG")
    data: bytes = encoded.tobytes()
    kept = (b"IHDR", b"IDAT", b"IEND")
    return data[:8] + b"".join(data[start:end] for kind, start, end in png_chunks(data) if kind in kept)
