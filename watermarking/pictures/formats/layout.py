"""How a TIFF file holds its samples, and which of the ways are not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import TiffImagePlugin

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.pages import first_page

__all__ = ["ALPHA", "PREMULTIPLIED", "Layout", "tiff_layout"]

ALPHA: Final = 2
PREMULTIPLIED: Final = 1
_COREL_ALPHA: Final = 999
_BYTES: Final = frozenset({1, 5, 8, 32773, 32946, 34925, 50000})
"""Compressions that give back the very bytes, whatever these mean: none, LZW, Deflate, PackBits, LZMA, Zstandard."""
_COLOURS: Final = {0: 1, 1: 1, 2: 3}
_PHOTOMETRIC: Final = {
    3: "palette", 4: "transparency mask", 5: "CMYK", 6: "YCbCr", 8: "CIELab", 9: "ICCLab", 10: "ITULab",
    32844: "LogL", 32845: "LogLuv",
}  # fmt: skip
_NAMES: Final = {3: "floating-point", 2: "signed", 5: "complex", 6: "complex"}
_FLOATS: Final = "scale them to unsigned 16 bits, or mark them as an array of floats in [0, 1]"
_SIGNED: Final = "shift and scale them to unsigned 16 bits"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first directory of a TIFF file says about its samples.

    Attributes
    ----------
    size : (width, height)
    bits : int, of a sample
    n_samples : int, a pixel
    photometric : int, 0 and 1 grey, 2 RGB
    extra : tuple of int
        ExtraSamples: what each sample beyond the colours is. 0 unspecified, 1 premultiplied alpha, 2 alpha.
    planar : bool, whether each channel lies apart
    predictor, compression : int
    orientation : int, 0 where none is said
    max_sample : int or None, MaxSampleValue
    plain : bool, whether :mod:`watermarking.pictures.formats.bands` can read it
    """

    size: tuple[int, int]
    bits: int
    n_samples: int
    photometric: int
    extra: tuple[int, ...]
    planar: bool
    predictor: int
    compression: int
    orientation: int
    max_sample: int | None
    plain: bool

    @property
    def n_colours(self) -> int:
        """Return how many of the samples of a pixel are colours, 0 where that is not for this module to know."""
        return _COLOURS.get(self.photometric, 0)

    @property
    def peak(self) -> int | None:
        """Return the largest value that the samples stand for, if that is said and needs more than 8 bits."""
        if 8 < self.bits < 16:
            return int(2**self.bits - 1)
        if self.bits == 16 and self.max_sample is not None:
            return int(2 ** max(8, min(16, self.max_sample.bit_length())) - 1)
        return None

    @property
    def has_more_channels(self) -> bool:
        """Say whether there are channels that are neither colour nor the one alpha."""
        return len(self.extra) > 1 or (len(self.extra) == 1 and self.extra[0] not in (ALPHA, PREMULTIPLIED))


def tiff_layout(data: bytes) -> Layout | None:
    """Return the layout of a TIFF file, or None if it has no directory that says one.

    Raises
    ------
    FileFormatError
        If its samples are floating-point, signed, wider than 16 bits, in a colour space or a compression that is not
        read, or of more channels than can be kept.
    """
    first = first_page(data)
    if first is None:
        return None
    n_samples = first.value(277, 1)
    bits = first.values(258, (1,))[:n_samples]
    compression, photometric = first.value(259, 1), first.value(262, 1)
    _refuse(set(first.values(339)[:n_samples]), bits, compression, photometric)
    n_extra = max(0, n_samples - _COLOURS.get(photometric, n_samples))
    extra = tuple(ALPHA if kind == _COREL_ALPHA else kind for kind in first.values(338))
    if not extra and n_extra == 1 and photometric == 2:
        extra = (ALPHA,)  # as other programs take it
    extra = (extra + (0,) * n_extra)[:n_extra]
    is_plain = (
        photometric in _COLOURS
        and n_samples >= _COLOURS[photometric]
        and compression in _BYTES
        and len(set(bits)) == 1
        and bits[0] in (8, 10, 12, 14, 16)
        and first.value(266, 1) == 1
        and first.value(317, 1) in ((1, 2) if bits[0] in (8, 16) else (1,))
    )
    layout = Layout(
        (first.value(256, 0), first.value(257, 0)), bits[0] if bits else 1, n_samples, photometric, extra,
        first.value(284, 1) == 2 and n_samples > 1, first.value(317, 1), compression, _orientation(first.value(274, 0)),
        max(first.values(281), default=None), is_plain,
    )  # fmt: skip
    if photometric == 3 and n_samples > 1 and first.values(338) != (ALPHA,):
        raise FileFormatError("TIFF with channels beside a palette is not read: remove them, or save it as RGB first")
    return layout


def _orientation(value: int) -> int:
    return value if 1 <= value <= 8 else 0


def _refuse(formats: set[int], bits: tuple[int, ...], compression: int, photometric: int) -> None:
    deepest = max(bits, default=1)
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        raise FileFormatError(
            f"TIFF with compression {compression} is not read: save it with LZW, Deflate or no compression"
        )
    if photometric in (32844, 32845):
        raise FileFormatError(f"{_PHOTOMETRIC[photometric]} TIFF (high dynamic range) is not read: {_FLOATS}")
    for kind in sorted(formats & _NAMES.keys(), reverse=True):
        way_out = _SIGNED if kind == 2 else _FLOATS
        raise FileFormatError(f"TIFF with {_NAMES[kind]} samples of {deepest} bits is not read: {way_out}")
    if deepest > 16:
        raise FileFormatError(f"TIFF with samples of {deepest} bits is not read: scale them to 16 bits")
