"""What is carried from a picture to its marked copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from watermarking.pictures.formats.containers.jpeg import Segment

__all__ = ["BEHIND", "Companion", "Metadata"]

BEHIND: Final = "data behind the end of the picture"
"""What is said where such data, of which nothing is known, is left out."""


@dataclass(frozen=True, slots=True)
class Companion:
    """A run of bytes behind the end of a JPEG picture: another picture, a film, a maker's own data.

    Attributes
    ----------
    role : str
        ``gain map``, ``depth map``, ``preview``, ``picture``, ``film`` or ``data``.
    content : bytes
    entry : int or None
        Its place among the pictures of the Multi-Picture Format's list, which counts the first picture as 0.
    item : int or None
        Its place in the directory in XMP that Google's cameras write, which counts the first picture as 0.
    """

    role: str
    content: bytes
    entry: int | None = None
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file holds beside its samples, upright as they are.

    Attributes
    ----------
    exif : bytes
        A TIFF structure without the ``Exif`` header; its orientation is 1. The thumbnail inside is the one that was
        found; it is made anew when the picture is written. Previews inside makers' notes stay as they are.
    icc, xmp : bytes
        Empty where there are none. A long XMP packet that JPEG holds in parts is one here.
    photoshop : bytes
        Image resource blocks; IPTC-IIM is one of them.
    dpi : (horizontal, vertical) or None
        Dots an inch.
    aspect : (horizontal, vertical) or None
        Dots in a length that is not said, where only their ratio is known.
    comments : tuple of bytes
        Of JPEG.
    chunks : tuple of (type, content)
        PNG chunks that are kept as they are.
    segments : tuple of Segment
        JPEG segments that are kept as they are.
    index : bytes
        The list of the Multi-Picture Format: content of a JPEG segment.
    companions : tuple of Companion
        All that lies behind the end of a JPEG picture, in its order.
    credentials : bool
        Whether there were Content Credentials (C2PA), which a new sample makes void.
    orphans : tuple of str
        Names of what was found and cannot be written to any format.
    size : (width, height)
        Of the picture, upright.
    turned : int
        The orientation (1 to 8) that the file had. Companions still lie as it says.
    """

    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    photoshop: bytes = b""
    dpi: tuple[float, float] | None = None
    aspect: tuple[int, int] | None = None
    comments: tuple[bytes, ...] = ()
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    segments: tuple[Segment, ...] = ()
    index: bytes = b""
    companions: tuple[Companion, ...] = ()
    credentials: bool = False
    orphans: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    turned: int = 1
