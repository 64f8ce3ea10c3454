"""TIFF samples that Pillow would cut or drop: 10 to 16 bits, and channels that are neither colour nor the one alpha.

libtiff, inside Pillow, undoes the compression: a directory is put behind the file that calls its rows grey bytes. What
the bytes mean is made of them here. Writing goes the same way back.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image as PilImage
from PIL import TiffImagePlugin

from watermarking.errors import FileFormatError
from watermarking.pictures.arrays import array_from_pil
from watermarking.pictures.formats.containers.pages import LONG, SHORT, Page, first_page, rewritten
from watermarking.pictures.formats.layout import ALPHA, PREMULTIPLIED
from watermarking.pictures.formats.tiff import save_tiff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watermarking.interface import Image
    from watermarking.pictures.formats.layout import Layout

__all__ = ["Bands", "as_bytes", "encode_bands", "is_for_bands", "read_bands"]

T = TypeVar("T")

_WIDTH, _BITS, _PHOTOMETRIC, _STRIPS, _ORIENTATION, _PER_PIXEL, _SIZES = 256, 258, 262, 273, 274, 277, 279
_MAX_SAMPLE, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILES, _TILE_SIZES, _EXTRA, _FORMAT = (
    281,
    284,
    317,
    322,
    324,
    325,
    338,
    339,
)


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """What a TIFF file holds a pixel.

    Attributes
    ----------
    picture : (H, W), (H, W, 3) or (H, W, 4) uint8 or uint16
    extra : (H, W, n) of the same dtype, or None
    """

    picture: Image
    extra: Image | None


def is_for_bands(layout: Layout) -> bool:
    """Say whether a TIFF file is to be read by this module.

    Raises
    ------
    FileFormatError
        If it should be, but cannot.
    """
    deep = layout.bits == 16 and layout.n_colours > 0 and (layout.n_samples > 1 or layout.photometric == 0)
    if not (layout.has_more_channels or layout.bits in (10, 12, 14) or deep):
        return False
    if PREMULTIPLIED in layout.extra:
        raise FileFormatError(
            "TIFF with premultiplied alpha is not read in 16 bits or with more channels: save it with straight alpha "
            "first"
        )
    if not layout.plain:
        raise FileFormatError(
            f"TIFF with {layout.n_samples} channels of {layout.bits} bits is not read in this colour space, "
            "compression, predictor or order of bits: save it as grey or RGB of 8 or 16 bits, with LZW, Deflate or no "
            "compression"
        )
    return True


def as_bytes(data: bytes, layout: Layout, plane: int = 0) -> bytes:
    """Return a TIFF file that calls the rows of this one, or of one of its planes, grey bytes; other tags stay."""
    first = _need(first_page(data))
    apart = layout.n_samples if layout.planar else 1
    bits = layout.bits * layout.n_samples // apart
    changes: dict[int, tuple[int, tuple[int, ...]] | None] = {
        _WIDTH: (LONG, ((layout.size[0] * bits + 7) // 8,)),
        _BITS: (SHORT, (8,)),
        _PHOTOMETRIC: (SHORT, (1,)),
        _ORIENTATION: (SHORT, (1,)),
        _PER_PIXEL: (SHORT, (1,)),
        _PLANAR: (SHORT, (1,)),
        _PREDICTOR: (SHORT, (1,)),
        _EXTRA: None,
        _FORMAT: None,
    }
    if _TILE_WIDTH in first.entries:
        changes[_TILE_WIDTH] = (LONG, (first.value(_TILE_WIDTH, 16) * bits // 8,))
    if apart > 1:
        changes |= _plane_of(first, plane, apart)
    return _need(rewritten(data, changes))


def read_bands(image: TiffImagePlugin.TiffImageFile, data: bytes, layout: Layout) -> Bands:
    """Return the samples, as they lie in the file: no orientation is applied.

    Parameters
    ----------
    image : what Pillow makes of :func:`as_bytes`
    data : the original file
    layout : of the original file
    """
    if layout.planar:
        images = [image, *(_opened(as_bytes(data, layout, plane)) for plane in range(1, layout.n_samples))]
        samples = np.dstack([_samples(one, data, layout, 1) for one in images])
    else:
        samples = _samples(image, data, layout, layout.n_samples)
    n = layout.n_colours
    colours = samples[..., :n] if layout.photometric else 2**layout.bits - 1 - samples[..., :n]
    others = [n + index for index in range(len(layout.extra))]
    alpha = next((n + index for index, kind in enumerate(layout.extra) if kind == ALPHA), None)
    if alpha is not None:
        others.remove(alpha)
        colours = np.dstack([np.repeat(colours, 3 // n, axis=2), samples[..., alpha]])
    elif n == 1:
        colours = colours[..., 0]
    extra = np.ascontiguousarray(samples[..., others]) if others else None
    return Bands(np.ascontiguousarray(colours).astype(samples.dtype, copy=False), extra)


def encode_bands(
    array: Image,
    compression: str,
    *,
    extra: Image | None = None,
    kinds: tuple[int, ...] = (),
    grey: bool = False,
    peak: int | None = None,
) -> bytes:
    """Encode a picture and the channels beside it as TIFF, without metadata.

    ``kinds`` is the ExtraSamples of the file that the extra channels came from; the order of channels is the same.
    ``grey`` says that the three colours are one. ``peak`` becomes MaxSampleValue.
    """
    n_colours = 1 if grey or array.ndim == 2 else 3
    others = [] if extra is None else list(np.moveaxis(extra, 2, 0))
    left = [] if extra is None else list(kinds)
    position = left.index(ALPHA) if ALPHA in left else 0
    if ALPHA in left:
        left.remove(ALPHA)
    if array.ndim == 3 and array.shape[2] == 4:
        others.insert(position, array[..., 3])
        left.insert(position, ALPHA)
    kinds = tuple(left)
    colours = array[..., None] if array.ndim == 2 else array[..., :n_colours]
    channels = [colours, *others]
    samples = np.ascontiguousarray(np.dstack(channels), f"<u{array.itemsize}")
    height, width, n_samples = samples.shape
    rows = samples.view(np.uint8).reshape(height, -1)
    changes: dict[int, tuple[int, tuple[int, ...]] | None] = {
        _WIDTH: (LONG, (width,)),
        _BITS: (SHORT, (8 * array.itemsize,) * n_samples),
        _PHOTOMETRIC: (SHORT, (2 if n_colours == 3 else 1,)),
        _PER_PIXEL: (SHORT, (n_samples,)),
        _EXTRA: (SHORT, kinds) if kinds else None,
        _MAX_SAMPLE: (SHORT, (peak,) * n_samples) if peak else None,
    }
    return _need(rewritten(save_tiff(PilImage.fromarray(rows), compression), changes))


def _samples(image: TiffImagePlugin.TiffImageFile, data: bytes, layout: Layout, n_channels: int) -> Image:
    """Make (H, W, channels) uint8 or uint16 of rows of bytes."""
    rows, _ = array_from_pil(image)
    samples: Image
    width, height = layout.size
    if layout.bits in (10, 12, 14):
        samples = np.empty((height, width * n_channels), np.uint16)
        for row, packed in enumerate(rows):
            bits = np.unpackbits(packed, count=width * n_channels * layout.bits).reshape(-1, layout.bits)
            samples[row] = np.packbits(np.pad(bits, ((0, 0), (16 - layout.bits, 0)))).view(">u2")
    elif layout.bits == 16:
        samples = rows.view("<u2" if data[:2] == b"II" else ">u2").astype(np.uint16, copy=False)
    else:
        samples = rows
    samples = samples.reshape(height, width, n_channels)
    if layout.predictor == 1:
        return samples
    tile = _need(first_page(data)).value(_TILE_WIDTH, width)
    out = np.empty_like(samples)
    for left in range(0, width, max(1, tile)):
        part = slice(left, left + tile)
        np.cumsum(samples[:, part], axis=1, dtype=samples.dtype, out=out[:, part])
    return out


def _plane_of(first: Page, plane: int, n_planes: int) -> Mapping[int, tuple[int, tuple[int, ...]]]:
    """Return the places of the strips or tiles of one plane."""
    found = {}
    for tag in (_STRIPS, _SIZES, _TILES, _TILE_SIZES):
        if values := first.values(tag):
            each = len(values) // n_planes
            found[tag] = (16 if first.big else LONG, values[plane * each : (plane + 1) * each])
    return found


def _opened(data: bytes) -> TiffImagePlugin.TiffImageFile:
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data), "")
    image.load()
    return image


def _need(found: T | None) -> T:
    if found is None:
        raise FileFormatError("the TIFF file has no directory, or is too large for another: save it anew as BigTIFF")
    return found
