"""Reading a picture: as it is, then, if that fails, put back into place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.codes.messages import as_text
from watermarking.errors import CapacityError
from watermarking.interface import Detection, PlaneScheme
from watermarking.messages.carrier import (
    Attempt,
    best_presence,
    code_word,
    decode_message,
    extractor,
    message_detection,
    reading_detection,
    soft_reads,
)
from watermarking.messages.reading import Reading
from watermarking.pictures.plane import luma_plane, working_scale
from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key

__all__ = ["Sighting", "attempts", "detect", "read"]

_CERTAIN: Final = 1e-12


class Sighting(NamedTuple):
    """Where a known message was looked for with most success: the scheme, the verdict, which of the keys."""

    scheme: str
    detection: Detection
    key_index: int


def read(schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int) -> Reading:
    """Read a picture with every scheme and key, as it is, then in at most ``search`` alignments a key.

    The first message ends the search; the p-value counts all that was tried.
    """
    tried: list[Attempt] = []
    n_checks = 0
    for key_index, scheme, attempt in attempts(schemes, image, keys, search):
        tried.append(attempt)
        decoded, checks = decode_message(attempt.reads, keys[key_index])
        n_checks += checks
        if decoded is not None:
            detection = reading_detection(best_presence(tried), decoded, n_checks)
            text, rate = as_text(decoded.message), decoded.bit_error_rate
            return Reading(decoded.message, text, detection, rate, attempt.geometry, scheme.id, key_index)
    return Reading(None, None, reading_detection(best_presence(tried), None, n_checks), None, None, schemes[0].id, None)


def detect(schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], message: bytes, search: int) -> Sighting:
    """Compare a picture with the code words of a known message until one is beyond doubt; return the best comparison.

    The p-value counts all that was tried. Where trying ends at the i-th because of what it found, that p-value is
    multiplied by i (i + 1): since 1/2 + 1/6 + 1/12 + ... is 1, a false alarm stays as rare as the p-value says,
    wherever trying ends.
    """
    found = [Sighting(schemes[0].id, Detection(0.0, 1.0, "code word"), 0)]
    n_tried = 0
    for key_index, scheme, attempt in attempts(schemes, image, keys, search):
        try:
            word = code_word(scheme, message, keys[key_index], image.shape)
        except CapacityError:  # too small a picture for the scheme: the message is not in it
            continue
        n_tried += 1
        found.append(Sighting(scheme.id, message_detection(attempt.reads, word), key_index))
        if found[-1].detection.p_value < _CERTAIN:
            n_tried *= n_tried + 1
            break
    sighting = min(found, key=lambda one: one.detection.p_value)
    best = sighting.detection
    return sighting._replace(detection=Detection(best.score, any_of(best.p_value, max(1, n_tried)), best.statistic))


def attempts(
    schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int
) -> Iterator[tuple[int, Scheme, Attempt]]:
    """Yield key index, scheme and what was read: first from the picture as it is, then put back into place."""
    on_plane = [scheme for scheme in schemes if isinstance(scheme, PlaneScheme)]
    plane = luma_plane(image) if on_plane else None
    extractors = [extractor(scheme, image) for scheme in schemes]
    for key_index, key in enumerate(keys):
        for scheme, extract in zip(schemes, extractors, strict=True):
            if isinstance(scheme, PlaneScheme) and plane is not None:
                yield key_index, scheme, Attempt.of(scheme.read(plane, key=key))
            else:
                yield key_index, scheme, soft_reads(scheme, extract(key))
    if plane is not None and search > 0:
        for key_index, key in enumerate(keys):
            for scheme, attempt in _moved(on_plane, plane, key, search, working_scale(image.shape)):
                yield key_index, scheme, attempt


def _moved(
    schemes: Sequence[PlaneScheme], plane: npt.NDArray[np.float32], key: Key, search: int, pixels: int
) -> Iterator[tuple[PlaneScheme, Attempt]]:
    from watermarking.sync.align import alignments
    from watermarking.sync.geometry import geometry_of

    for found in alignments(plane, key, search):
        geometry = geometry_of(found.warp, pixels)
        for scheme in schemes:
            origin = (found.region.row // scheme.cell, found.region.col // scheme.cell)
            reads = scheme.read(found.plane, key=key, origin=origin, inside=found.inside)
            yield scheme, Attempt.of(reads, geometry)
