"""JPEG: samples straight into an array, and the kinds that no decoder takes, told by the marker of the first frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.jpeg import frame_of_jpeg

if TYPE_CHECKING:
    from PIL import ImageFile

    from watermarking.interface import Image

__all__ = ["decode_jpeg", "is_arithmetic", "refuse_rare_jpeg"]

_LOSSLESS: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_HIERARCHICAL: Final = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_ARITHMETIC: Final = frozenset({0xC9, 0xCA})
_JPEG_LS: Final = 0xF7


def decode_jpeg(image: ImageFile.ImageFile, data: bytes) -> Image | None:
    """Decode a colour JPEG that Pillow has opened, (H, W, 3) uint8 RGB; None if Pillow should do it.

    The decoder is the one that Pillow has, libjpeg-turbo, and so are the samples. Pillow unpacks them to four bytes a
    pixel first, and packs them again for an array: that takes as long once more. Whatever libjpeg would warn of makes
    this one refuse: what to do about it is Pillow's to say.
    """
    if image.mode != "RGB":
        return None
    import simplejpeg

    try:
        samples: Image = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    except ValueError:
        return None
    return samples if samples.shape == (image.height, image.width, 3) else None


def is_arithmetic(data: bytes) -> bool:
    """Say whether a JPEG file is of arithmetic coding, which decoders may be built without."""
    frame = frame_of_jpeg(data)
    return frame is not None and frame.marker in _ARITHMETIC


def refuse_rare_jpeg(data: bytes) -> None:
    """Raise for JPEG of 12 bits a sample, lossless and hierarchical JPEG, and JPEG-LS.

    Raises
    ------
    FileFormatError
    """
    if (frame := frame_of_jpeg(data)) is None:
        return
    marker, bits = frame.marker, frame.bits
    if marker == _JPEG_LS:
        raise FileFormatError("JPEG-LS is not read: convert it to PNG first")
    if marker in _HIERARCHICAL:
        raise FileFormatError("hierarchical JPEG is not read: save it as baseline or progressive JPEG")
    if marker in _LOSSLESS:
        raise FileFormatError("lossless JPEG (SOF3) is not read: convert it to PNG or TIFF first")
    if bits != 8:
        raise FileFormatError(f"JPEG of {bits} bits a sample is not read: convert it to 16-bit PNG or TIFF first")
