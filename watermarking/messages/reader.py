"""Reading a picture: what is tried on it, until a message passes its check."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.codes.messages import as_text
from watermarking.errors import CapacityError, WatermarkError
from watermarking.interface import Detection
from watermarking.messages.attempts import attempts, inside, synchronised
from watermarking.messages.carrier import (
    best_presence,
    code_word,
    decode_message,
    message_detection,
    reading_detection,
)
from watermarking.messages.reading import Reading
from watermarking.messages.trail import Trail
from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.codes.framing import Decoded
    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key
    from watermarking.messages.carrier import Attempt

__all__ = ["Sighting", "detect", "read", "read_all"]

_CERTAIN: Final = 1e-12
_LACKING: Final = 0.15
"""Of a picture's area: where more lacks the message, other marked pictures may lie there."""


class Sighting(NamedTuple):
    """Where a known message was looked for with most success: the scheme, the verdict, which of the keys."""

    scheme: str
    detection: Detection
    key_index: int


def read(
    schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int, *, presence: bool = False
) -> Reading:
    """Read a picture with every scheme and key, as it is, then in at most ``search`` alignments a key.

    The first message ends the search; the p-value counts all that was tried. With ``presence`` it is said where the
    message is.
    """
    tried: list[Detection] = []
    n_checks, trail = 0, Trail()
    for key_index, scheme, attempt in attempts(schemes, image, keys, search):
        tried.append(attempt.presence)
        decoded, checks = decode_message(attempt.reads, keys[key_index], least=attempt.least_pilot)
        n_checks += checks
        trail.tried(scheme, attempt, attempt.presence.p_value)
        if decoded is not None:
            trail.end(f"a message of {len(decoded.message)} bytes read with {scheme.id}")
            reading = _reading(decoded, attempt, len(tried), n_checks, scheme, key_index)
            if not presence:
                return reading
            from watermarking.messages.presence import presence_of  # readers that do not ask wait for no SciPy

            where = presence_of(scheme, attempt, decoded.message, keys[key_index], image.shape)
            return replace(reading, presence=where)
    trail.end(f"no message read, {n_checks} checks")
    return Reading(None, None, reading_detection(best_presence(tried), None, n_checks), None, None, schemes[0].id, None)


def read_all(schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int, most: int) -> list[Reading]:
    """Read every marked picture that a picture shows: itself, or those that are parts of it, at most ``most``.

    A picture that carries a message nearly all over as it lies is one picture. What is found as a whole that was moved
    comes last, if no part says the same. The p-value of each reading is of what was seen in its place, and counts all
    that was tried until then.

    Returns
    -------
    list of Reading
        At least one: without a message where nothing was read.

    Raises
    ------
    WatermarkError
        If nothing is asked for.
    """
    if most < 1:
        raise WatermarkError(f"at most {most} readings: give 1 or more")
    whole = read(schemes, image, keys, search=0, presence=True)
    moved = synchronised(schemes)
    is_one = whole.message is not None and _is_all_over(whole)
    if is_one or search == 0 or not moved:
        return [replace(whole, presence=None)]
    found: list[Reading] = []
    n_tried, n_checks, trail = 2 * len(schemes) * len(keys), 0, Trail()
    for key_index, key in enumerate(keys):
        for scheme, attempt in inside(moved, image, key, most):
            n_tried += 1
            decoded, checks = decode_message(attempt.reads, key, least=attempt.least_pilot)
            n_checks += checks
            trail.tried(scheme, attempt, attempt.presence.p_value)
            if decoded is not None and not any(_same(attempt, decoded.message, one) for one in found):
                found.append(_reading(decoded, attempt, n_tried, n_checks, scheme, key_index))
    found.sort(key=lambda one: one.detection.p_value)
    trail.end(f"{len(found)} marked pictures inside")
    rest = replace(whole, presence=None) if whole.message is not None else read(schemes, image, keys, search)
    if not found or (rest.message is not None and all(rest.message != one.message for one in found)):
        found.append(rest)
    return found[:most]


def _is_all_over(reading: Reading) -> bool:
    """Say whether no large part of a picture lacks the message; taken for granted where that cannot be said."""
    return reading.presence is None or float(reading.presence.missing.mean()) < _LACKING


def _reading(
    decoded: Decoded, attempt: Attempt, n_tried: int, n_checks: int, scheme: Scheme, key_index: int
) -> Reading:
    """Return the reading of an attempt in which a message was found, one of so many."""
    own = attempt.presence
    presence = Detection(own.score, any_of(own.p_value, n_tried), own.statistic)
    return Reading(
        decoded.message, as_text(decoded.message), reading_detection(presence, decoded, n_checks),
        decoded.bit_error_rate, attempt.geometry, scheme.id, key_index, attempt.outline,
    )  # fmt: skip


def _same(attempt: Attempt, message: bytes, reading: Reading) -> bool:
    """Say whether a reading says the same message, and the middle of an attempt's outline lies in its own."""
    if attempt.outline is None or reading.outline is None or message != reading.message:
        return False
    top, left, rows, cols = reading.outline
    row, col = attempt.outline[0] + attempt.outline[2] / 2, attempt.outline[1] + attempt.outline[3] / 2
    return top <= row < top + rows and left <= col < left + cols


def detect(schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], message: bytes, search: int) -> Sighting:
    """Compare a picture with the code words of a known message until one is beyond doubt; return the best comparison.

    The p-value counts all that was tried. Where trying ends at the i-th because of what it found, that p-value is
    multiplied by i (i + 1): since 1/2 + 1/6 + 1/12 + ... is 1, a false alarm stays as rare as the p-value says,
    wherever trying ends.
    """
    found = [Sighting(schemes[0].id, Detection(0.0, 1.0, "code word"), 0)]
    n_tried, trail = 0, Trail()
    for key_index, scheme, attempt in attempts(schemes, image, keys, search):
        try:
            word = code_word(scheme, message, keys[key_index], image.shape)
        except CapacityError:  # too small a picture for the scheme: the message is not in it
            continue
        n_tried += 1
        found.append(Sighting(scheme.id, message_detection(attempt.reads, word), key_index))
        trail.tried(scheme, attempt, found[-1].detection.p_value)
        if found[-1].detection.p_value < _CERTAIN:
            n_tried *= n_tried + 1
            break
    sighting = min(found, key=lambda one: one.detection.p_value)
    best = sighting.detection
    trail.end(f"compared with the message, most like it with {sighting.scheme}")
    return sighting._replace(detection=Detection(best.score, any_of(best.p_value, max(1, n_tried)), best.statistic))
