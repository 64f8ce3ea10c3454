"""A picture as a file held it: samples, metadata, and how they were coded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from watermarking.interface import Image
    from watermarking.pictures.formats.metadata import Metadata

__all__ = ["FORMATS", "Coding", "Picture", "first_line"]

FORMATS: Final = ("JPEG", "PNG", "WebP", "AVIF", "TIFF", "BMP")


@dataclass(frozen=True, slots=True)
class Coding:
    """How a file held its samples, as far as a copy of it should do the same.

    Attributes
    ----------
    mode : str
        Mode of the PIL image to encode: L, LA, RGB, RGBA or I;16.
    tables : tuple of 64-tuples
        JPEG quantisation tables, luma first.
    subsampling : str or None
        Of the chroma of JPEG and AVIF: 4:4:4, 4:2:2 or 4:2:0; others become the one of these with as much chroma.
    progressive, optimized : bool
        Of JPEG: the order of its scans, and whether it has Huffman tables of its own.
    lossless : bool
        Of WebP.
    compression : str
        Of TIFF, in Pillow's words.
    colours : (int, int) or None
        Colour primaries and transfer characteristics by ITU-T H.273, of AVIF and HEIC that have no profile. Where they
        are not those of sRGB, the metadata has a profile that says the same, if there is one.
    significant : int or None
        Of PNG, how many bits of a sample mean something, where it says so (sBIT) and they are 8 or more.
    channels : tuple of int
        Of TIFF, its ExtraSamples, where there are more channels than the one alpha.
    """

    mode: str
    tables: tuple[tuple[int, ...], ...] = ()
    subsampling: str | None = None
    progressive: bool = False
    optimized: bool = False
    lossless: bool = False
    compression: str = ""
    colours: tuple[int, int] | None = None
    significant: int | None = None
    channels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture read from a file.

    Attributes
    ----------
    array : (H, W), (H, W, 3) or (H, W, 4) ndarray, uint8 or uint16
        RGB, upright: the orientation has been applied.
    format : str
        One of :data:`FORMATS`, or ``HEIC`` or ``JXL``.
    metadata : Metadata
    coding : Coding
    source : Path or None
        The file it came from.
    peak : int or None
        The largest value that its uint16 samples stand for, where the file says so (sBIT in PNG; BitsPerSample or
        MaxSampleValue in TIFF) and no sample is larger.
    extra : (H, W, n) ndarray or None
        Channels of a TIFF that are neither colour nor the one alpha, upright: near infrared, masks, spot colours.
    """

    array: Image = field(repr=False)
    format: str
    metadata: Metadata = field(repr=False)
    coding: Coding = field(repr=False)
    source: Path | None = None
    peak: int | None = None
    extra: Image | None = field(default=None, repr=False)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its class where it has none."""
    return (str(error) or type(error).__name__).splitlines()[0]
