"""Reading a picture: as it is, then, if that fails, put back into place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watermarking.carrier import (
    Attempt,
    best_presence,
    carried_bits,
    decode_message,
    message_detection,
    reading_detection,
    soft_reads,
)
from watermarking.errors import CapacityError
from watermarking.interface import Detection, PlaneScheme
from watermarking.plane import luma_plane, working_scale
from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.codes.framing import Decoded
    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key
    from watermarking.sync.geometry import Geometry

__all__ = ["attempts", "detect_message", "read_message"]

_CERTAIN: Final = 1e-12


def read_message(
    scheme: Scheme, image: Image, key: Key, search: int
) -> tuple[Decoded | None, Detection, Geometry | None]:
    """Read a picture, trying at most ``search`` alignments where it cannot be read as it is."""
    tried: list[Attempt] = []
    n_checks = 0
    for attempt in attempts(scheme, image, key, search):
        tried.append(attempt)
        decoded, checks = decode_message(attempt.reads, key)
        n_checks += checks
        if decoded is not None:
            return decoded, reading_detection(best_presence(tried), decoded, n_checks), attempt.geometry
    return None, reading_detection(best_presence(tried), None, n_checks), None


def detect_message(scheme: Scheme, image: Image, key: Key, message: bytes, search: int) -> Detection:
    """Compare a picture with the code word of a known message, in every alignment until one is beyond doubt."""
    try:
        word = carried_bits(scheme, message, key, image.shape)
    except CapacityError:
        return Detection(0.0, 1.0, "code word")
    found: list[Detection] = []
    for attempt in attempts(scheme, image, key, search):
        found.append(message_detection(attempt.reads, word))
        if found[-1].p_value < _CERTAIN:
            break
    best = min(found, key=lambda one: one.p_value)
    return Detection(best.score, any_of(best.p_value, len(found)), best.statistic)


def attempts(scheme: Scheme, image: Image, key: Key, search: int) -> Iterator[Attempt]:
    """Yield what is read from the picture as it is, then from each way to put it back into place."""
    if not isinstance(scheme, PlaneScheme):
        yield soft_reads(scheme, image, key)
        return
    plane = luma_plane(image)
    yield Attempt.of(scheme.read(plane, key=key))
    if search < 1:
        return
    from watermarking.sync.align import alignments
    from watermarking.sync.geometry import geometry_of

    pixels = working_scale(image.shape)
    for found in alignments(plane, key, search):
        origin = (found.region.row // scheme.cell, found.region.col // scheme.cell)
        reads = scheme.read(found.plane, key=key, origin=origin, inside=found.inside)
        yield Attempt.of(reads, geometry_of(found.warp, pixels))
