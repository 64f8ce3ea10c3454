"""What is tried on a picture, in turn: as it is, with its colours put back, put back into place, inside a canvas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.interface import FramedScheme, PlaneScheme
from watermarking.messages.carrier import Attempt, Seen, extractor, soft_reads
from watermarking.messages.frame import Colours
from watermarking.pictures.plane import luma_plane, working_scale
from watermarking.pictures.ranges import sample_peak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key
    from watermarking.sync.align import Alignment

    F32 = npt.NDArray[np.float32]

__all__ = ["attempts", "inside", "searched_at", "synchronised"]

_CANVAS: Final = 4_200_000
"""Pixels of the largest plane in which pictures are looked for; larger ones are shrunk."""
_SMALLEST: Final = 160
_ALIGNED: Final = 20.0
"""Standard deviations of the waves' sum from which on faint pilots are no reason to doubt the place."""
_FAINT: Final = 1.0


def attempts(
    schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int
) -> Iterator[tuple[int, Scheme, Attempt]]:
    """Yield key index, scheme and what was read: first from the picture as it is, then from what it may have been.

    With ``search`` at 0 nothing is undone but a negative, which costs nothing.
    """
    on_plane = [scheme for scheme in schemes if isinstance(scheme, PlaneScheme)]
    plane = luma_plane(image) if on_plane else None
    extractors = [extractor(scheme, image) for scheme in schemes]
    pixels = working_scale(image.shape)
    matrix = np.array([[pixels, 0, (pixels - 1) / 2], [0, pixels, (pixels - 1) / 2]])
    for key_index, key in enumerate(keys):
        for scheme, extract in zip(schemes, extractors, strict=True):
            if isinstance(scheme, PlaneScheme) and plane is not None:
                attempt = Attempt.of(scheme.read(plane, key=key), seen=Seen(plane, matrix))
                yield key_index, scheme, attempt
                yield key_index, scheme, _negative(attempt, pixels)
            else:
                yield key_index, scheme, soft_reads(scheme, extract(key))
    moved = synchronised(schemes)
    if not moved or search == 0:
        return
    plane = luma_plane(image) if plane is None else plane
    opposite = _opposite_hues(image) if on_plane else None
    if opposite is not None:
        for key_index, key in enumerate(keys):
            for scheme in on_plane:
                yield key_index, scheme, Attempt.of(scheme.read(opposite, key=key), seen=Seen(opposite, matrix))
    for key_index, key in enumerate(keys):
        for scheme, attempt in _moved(moved, plane, Colours(image, pixels), key, search):
            yield key_index, scheme, attempt
    for key_index, key in enumerate(keys):
        for scheme, attempt in inside(moved, image, key, search):
            yield key_index, scheme, attempt


def synchronised(schemes: Sequence[Scheme]) -> list[Scheme]:
    """Return the schemes whose marks say where they are, once a picture was moved."""
    return [one for one in schemes if isinstance(one, PlaneScheme) or (isinstance(one, FramedScheme) and one.is_framed)]


def _negative(attempt: Attempt, pixels: int) -> Attempt:
    """Return what the picture's negative says: the same values with other signs."""
    from watermarking.sync.geometry import geometry_of
    from watermarking.sync.warp import Warp

    unmoved = geometry_of(Warp(np.eye(2, 3), np.zeros((2, 3))), pixels, True)
    reads = [replace(read, sums=-read.sums, score=-read.score, pilots=None) for read in attempt.reads]
    seen = None if attempt.seen is None else replace(attempt.seen, negative=True)
    return Attempt.of(sorted(reads, key=lambda read: -read.score), unmoved, seen=seen)


def _opposite_hues(image: Image) -> F32 | None:
    """Return the plane of a picture with every hue turned by half a circle, None of a grey one.

    Turned twice, hues are what they were: HSV takes a colour to its largest plus its smallest sample less itself, and
    the luma of that is the sum of those two less the colour's.
    """
    if image.ndim == 2 or image.shape[2] not in (3, 4):
        return None
    red, green, blue = (image[..., i] for i in range(3))
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    if np.array_equal(high, low):
        return None
    scale, peak = working_scale(image.shape), sample_peak(image)
    largest, smallest, own = (luma_plane(one, scale, peak=peak) for one in (high, low, image[..., :3]))
    return largest + smallest - own


def _moved(
    schemes: Sequence[Scheme], plane: F32, colours: Colours, key: Key, search: int
) -> Iterator[tuple[Scheme, Attempt]]:
    from watermarking.sync.align import alignments

    for found in alignments(plane, key, search):
        yield from _read(schemes, found, key, colours)


def searched_at(schemes: Sequence[Scheme], shape: tuple[int, ...], search: int) -> int | None:
    """Return by how much a canvas is shrunk at the least before pictures are looked for in it; None if none are."""
    from watermarking.sync.canvas import can_be_searched

    finest = _finest(shape)
    is_sought = search > 0 and bool(synchronised(schemes)) and can_be_searched(shape[0] // finest, shape[1] // finest)
    return finest if is_sought else None


def _finest(shape: tuple[int, ...]) -> int:
    """Return how many pixels of a canvas make one of the largest plane in which pictures are looked for."""
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] / _CANVAS)))


def inside(
    schemes: Sequence[Scheme], image: Image, key: Key, count: int, on_cut: Callable[[], None] | None = None
) -> Iterator[tuple[Scheme, Attempt]]:
    """Yield what upright pictures say that may be parts of this one, at most ``count`` at each of two scales.

    ``on_cut`` is called where more of it stood out than was tried.
    """
    from watermarking.sync.canvas import pictures_inside

    height, width = image.shape[:2]
    finest = _finest(image.shape)
    for pixels in (2 * finest, finest):
        if min(height, width) // pixels >= _SMALLEST or pixels == finest:
            plane, colours = luma_plane(image, pixels), Colours(image, pixels)
            for found in pictures_inside(plane, key, count, on_cut):
                top, left, rows, cols = (n * pixels for n in found.box)
                outline = (top, left, min(rows, height - top), min(cols, width - left))
                yield from _read(schemes, found.alignment, key, colours, outline)


def _read(
    schemes: Sequence[Scheme],
    found: Alignment,
    key: Key,
    colours: Colours,
    outline: tuple[int, int, int, int] | None = None,
) -> Iterator[tuple[Scheme, Attempt]]:
    """Yield what each scheme reads in an alignment of a plane."""
    from watermarking.sync.geometry import geometry_of

    geometry = geometry_of(found.warp, colours.pixels, found.negative)
    for scheme in schemes:
        if not isinstance(scheme, PlaneScheme):
            for attempt, own in _read_framed(scheme, found, key, colours):
                yield scheme, replace(attempt, geometry=geometry, outline=own if outline else None)
            continue
        origin = (found.region.row // scheme.cell, found.region.col // scheme.cell)
        reads = scheme.read(found.plane, key=key, origin=origin, inside=found.inside)
        seen = Seen(found.plane, np.array(geometry.matrix), origin, found.inside)
        attempt = Attempt.of(reads, geometry, outline, seen)
        yield scheme, replace(attempt, least_pilot=_FAINT) if found.score > _ALIGNED else attempt


def _read_framed(
    scheme: Scheme, found: Alignment, key: Key, colours: Colours
) -> Iterator[tuple[Attempt, tuple[int, int, int, int]]]:
    """Yield what a scheme reads in the whole picture as it may have been, and where that lies; one attempt a size."""
    from watermarking.sync.extent import sizes_of

    for size in sizes_of(found, key):
        frame = colours.put_back(found.warp, size, negative=found.negative)
        yield soft_reads(scheme, scheme.extract(frame, key=key)), colours.outline(found.warp, size)
