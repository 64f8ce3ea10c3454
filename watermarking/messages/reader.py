"""Reading a picture: what is tried on it, until a message passes its check."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.codes.messages import as_text
from watermarking.errors import CapacityError, WatermarkError
from watermarking.interface import Detection
from watermarking.messages.attempts import attempts, inside, searched_at, synchronised
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
    from watermarking.messages.presence import Presence

__all__ = ["Canvas", "Sighting", "detect", "read", "read_all"]

_CERTAIN: Final = 1e-12
_LACKING: Final = 0.15
"""Of a picture's area: where more lacks the message, other marked pictures may lie there."""


class Sighting(NamedTuple):
    """Where a known message was looked for with most success: the scheme, the verdict, which of the keys.

    ``searched_at`` is as in a :class:`Reading`.
    """

    scheme: str
    detection: Detection
    key_index: int
    searched_at: int | None = None


class Canvas(NamedTuple):
    """What a picture shows: one reading at least, without a message where nothing was read; whether there may be more.

    There may be more where as many were read as were asked for, or where places that stood out were left untried.
    """

    readings: list[Reading]
    maybe_more: bool


@dataclass
class _Tried:
    """What was tried on a picture so far, in whichever way it was seen: p-values count all of it."""

    presences: list[Detection] = field(default_factory=list)
    n_checks: int = 0

    def decode(self, attempt: Attempt, key: Key) -> Decoded | None:
        """Look for a message in an attempt."""
        self.presences.append(attempt.presence)
        decoded, checks = decode_message(attempt.reads, key, least=attempt.least_pilot)
        self.n_checks += checks
        return decoded

    def nothing(self, scheme: Scheme, scale: int | None) -> Reading:
        """Return what there is to say where no message was found."""
        detection = reading_detection(best_presence(self.presences), None, self.n_checks)
        return Reading(None, None, detection, None, None, scheme.id, None, searched_at=scale)


class _Found(NamedTuple):
    """A message that passed its check, and where."""

    decoded: Decoded
    attempt: Attempt
    scheme: Scheme
    key_index: int

    def reading(self, tried: _Tried, scale: int | None) -> Reading:
        """Return the reading, one of all that was tried."""
        own, decoded = self.attempt.presence, self.decoded
        presence = Detection(own.score, any_of(own.p_value, len(tried.presences)), own.statistic)
        return Reading(
            decoded.message, as_text(decoded.message), reading_detection(presence, decoded, tried.n_checks),
            decoded.bit_error_rate, self.attempt.geometry, self.scheme.id, self.key_index, self.attempt.outline,
            searched_at=scale,
        )  # fmt: skip

    def where(self, keys: Sequence[Key], shape: tuple[int, ...]) -> Presence | None:
        """Say where in the picture the message is."""
        from watermarking.messages.presence import presence_of  # readers that do not ask wait for no SciPy

        return presence_of(self.scheme, self.attempt, self.decoded.message, keys[self.key_index], shape)


def read(
    schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int, *, presence: bool = False
) -> Reading:
    """Read a picture with every scheme and key, as it is, then in at most ``search`` alignments a key.

    The first message ends the search; the p-value counts all that was tried. With ``presence`` it is said where the
    message is.
    """
    tried = _Tried()
    found = _first(schemes, image, keys, search, tried)
    if found is None:
        return tried.nothing(schemes[0], searched_at(schemes, image.shape, search))
    scale = None if found.attempt.outline is None else searched_at(schemes, image.shape, search)
    reading = found.reading(tried, scale)
    return replace(reading, presence=found.where(keys, image.shape)) if presence else reading


def read_all(schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int, most: int) -> Canvas:
    """Read every marked picture that a picture shows: itself, or those that are parts of it, at most ``most``.

    A picture that carries a message nearly all over as it lies is one picture. What is found as a whole that was moved
    comes last, if no part says the same. The p-value of each reading is of what was seen in its place, and counts all
    that was tried.

    Raises
    ------
    WatermarkError
        If nothing is asked for, or no whole number.
    """
    if not isinstance(most, Integral) or most < 1:
        raise WatermarkError(f"at most {most!r} readings: give 1 or more, a whole number")
    tried = _Tried()
    whole = _first(schemes, image, keys, 0, tried)
    if search == 0 or not synchronised(schemes) or (whole and _is_all_over(whole.where(keys, image.shape))):
        return Canvas([whole.reading(tried, None) if whole else tried.nothing(schemes[0], None)], False)
    found, is_cut = _parts(synchronised(schemes), image, keys, most, tried)
    rest = whole or _first(schemes, image, keys, search, tried)
    scale = searched_at(schemes, image.shape, search)
    readings = [one.reading(tried, scale) for one in found]
    readings.sort(key=lambda one: (one.detection.p_value, -one.detection.score))
    if rest and all(rest.decoded.message != one.message for one in readings):
        readings.append(rest.reading(tried, scale))
    maybe_more = bool(found) and (is_cut or len(readings) >= most)
    return Canvas(readings[:most] or [tried.nothing(schemes[0], scale)], maybe_more)


def _first(schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], search: int, tried: _Tried) -> _Found | None:
    """Try a picture in every way until a message is found."""
    trail = Trail()
    for key_index, scheme, attempt in attempts(schemes, image, keys, search):
        decoded = tried.decode(attempt, keys[key_index])
        trail.tried(scheme, attempt, attempt.presence.p_value)
        if decoded is not None:
            trail.end(f"a message of {len(decoded.message)} bytes read with {scheme.id}")
            return _Found(decoded, attempt, scheme, key_index)
    trail.end(f"no message read, {tried.n_checks} checks")
    return None


def _parts(
    schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], most: int, tried: _Tried
) -> tuple[list[_Found], bool]:
    """Read the marked pictures that are parts of one, and say whether places that stood out were left untried."""
    found: list[_Found] = []
    trail, cuts = Trail(), 0

    def on_cut() -> None:
        nonlocal cuts
        cuts += 1

    for key_index, key in enumerate(keys):
        for scheme, attempt in inside(schemes, image, key, most, on_cut):
            decoded = tried.decode(attempt, key)
            trail.tried(scheme, attempt, attempt.presence.p_value)
            if decoded is not None and not any(_same(attempt, decoded.message, one) for one in found):
                found.append(_Found(decoded, replace(attempt, seen=None), scheme, key_index))  # planes are large
    trail.end(f"{len(found)} marked pictures inside")
    return found, cuts > 0


def _is_all_over(where: Presence | None) -> bool:
    """Say whether no large part of a picture lacks the message; taken for granted where that cannot be said."""
    return where is None or float(where.missing.mean()) < _LACKING


def _same(attempt: Attempt, message: bytes, other: _Found) -> bool:
    """Say whether a find says the same message, and the middle of an attempt's outline lies in its own."""
    if attempt.outline is None or other.attempt.outline is None or message != other.decoded.message:
        return False
    top, left, rows, cols = other.attempt.outline
    row, col = attempt.outline[0] + attempt.outline[2] / 2, attempt.outline[1] + attempt.outline[3] / 2
    return top <= row < top + rows and left <= col < left + cols


def detect(schemes: Sequence[Scheme], image: Image, keys: Sequence[Key], message: bytes, search: int) -> Sighting:
    """Compare a picture with the code words of a known message until one is beyond doubt; return the best comparison.

    The p-value counts all that was tried. Where trying ends at the i-th because of what it found, that p-value is
    multiplied by i (i + 1): since 1/2 + 1/6 + 1/12 + ... is 1, a false alarm stays as rare as the p-value says,
    wherever trying ends.
    """
    found = [Sighting(schemes[0].id, Detection(0.0, 1.0, "code word"), 0)]
    n_tried, trail, scale = 0, Trail(), None
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
    else:
        scale = searched_at(schemes, image.shape, search)
    sighting = min(found, key=lambda one: one.detection.p_value)
    best = sighting.detection
    trail.end(f"compared with the message, most like it with {sighting.scheme}")
    detection = Detection(best.score, any_of(best.p_value, max(1, n_tried)), best.statistic)
    return sighting._replace(detection=detection, searched_at=scale)
