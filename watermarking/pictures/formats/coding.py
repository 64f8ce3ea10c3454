"""How a file that was read held its samples, as far as a copy of it should do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import JpegImagePlugin

from watermarking.pictures.formats.containers.riff import riff_chunks
from watermarking.pictures.formats.isobmff import chroma_of_av1
from watermarking.pictures.formats.picture import Coding
from watermarking.pictures.formats.png import FEWEST_BITS, significant_bits

if TYPE_CHECKING:
    from PIL import ImageFile

__all__ = ["read_coding"]

_STANDARD_HUFFMAN: Final = bytes((0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125, 1, 2, 3, 0))
"""How the table for luma's AC coefficients begins that encoders use unless they optimise: ITU-T T.81, table K.5."""


def read_coding(image: ImageFile.ImageFile, data: bytes, file_format: str, mode: str) -> Coding:
    """Return the coding of a loaded file whose samples go back in a Pillow mode."""
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
        return Coding(mode, subsampling=None if mode == "L" else chroma_of_av1(data))
    if file_format == "HEIC":
        return Coding(mode, subsampling={444: "4:4:4", 422: "4:2:2"}.get(image.info.get("chroma", 420), "4:2:0"))
    if file_format == "PNG":
        bits = significant_bits(data)
        return Coding(mode, significant=bits if bits is not None and bits >= FEWEST_BITS else None)
    return Coding(mode, compression=str(image.info.get("compression", "")) if file_format == "TIFF" else "")


def _jpeg_subsampling(image: JpegImagePlugin.JpegImageFile) -> str | None:
    if len(image.layer) != 3:
        return None
    luma, chroma = (component[1] * component[2] for component in image.layer[:2])
    return {1: "4:4:4", 2: "4:2:2"}.get(max(1, luma // max(1, chroma)), "4:2:0")


def _is_lossless_webp(data: bytes) -> bool:
    return next((kind == b"VP8L" for kind, _, _ in riff_chunks(data) if kind in (b"VP8L", b"VP8 ")), False)
