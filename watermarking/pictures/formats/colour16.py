"""16-bit colour in PNG, which Pillow cuts to 8 bits: its decoder gives high bytes and low bytes, one after the other.

OpenCV writes the samples; it would read them as well, but prints to stderr what it does not like about a file.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image as PilImage
from PIL import PngImagePlugin

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.png import png_chunks
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from PIL import ImageFile

    from watermarking.interface import Image

__all__ = ["encode_colour16", "is_colour16", "read_colour16"]

_GREY, _GREY_ALPHA, _COLOUR_ALPHA = 0, 4, 6
_LOW_BYTES: Final = {"RGB": "RGB;16L", "RGBA": "RGBA;16L"}
"""Pillow's names for samples whose second byte counts: of PNG, which is big-endian, these are the low bytes."""
_BAND: Final = 64  # rows


def is_colour16(data: bytes) -> bool:
    """Say whether a PNG file holds 16-bit colour, or 16-bit grey with alpha."""
    return data[24] == 16 and data[25] != _GREY


def read_colour16(image: ImageFile.ImageFile, data: bytes) -> Image:
    """Decode 16-bit colour, (H, W, 3) or (H, W, 4) uint16 RGB, as it lies in the file: no orientation is applied.

    Parameters
    ----------
    image : what Pillow makes of the file, loaded
    data : the file as Pillow was given it
    """
    if data[25] == _GREY_ALPHA:
        whole = np.asarray(_loaded(_as_bytes(data), None)).view(">u2")
        return whole[..., [0, 0, 0, 1]].astype(np.uint16)
    low = _loaded(data, _LOW_BYTES[image.mode])
    key = image.info.get("transparency") if image.mode == "RGB" else None
    out = np.empty((image.height, image.width, 3 if image.mode == "RGB" and key is None else 4), np.uint16)
    for top in range(0, image.height, _BAND):
        box = (0, top, image.width, min(top + _BAND, image.height))
        samples = np.asarray(image.crop(box)).astype(np.uint16) << 8
        samples |= np.asarray(low.crop(box))
        out[top : box[3], :, : samples.shape[2]] = samples
        if key is not None:
            out[top : box[3], :, 3] = np.where((samples == np.asarray(key)).all(axis=2), 0, 65535)
    return out


def _loaded(data: bytes, rawmode: str | None) -> PilImage.Image:
    image = PngImagePlugin.PngImageFile(io.BytesIO(data), "")
    if rawmode is not None:
        image.tile = [tile._replace(args=rawmode) for tile in image.tile]
    image.load()
    return image


def _as_bytes(data: bytes) -> bytes:
    """Call two samples of 16 bits four of 8: the filters of PNG work on bytes, so many to a pixel."""
    head = data[12:24] + bytes([8, _COLOUR_ALPHA]) + data[26:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


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
