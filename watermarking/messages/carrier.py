"""Between messages and schemes: which payload a scheme is given, and messages out of its soft values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import numpy as np

from watermarking.codes.framing import (
    CHECK_BITS,
    LIST_SIZES,
    SIZE_CLASSES,
    Decoded,
    code_lengths,
    encode,
    matched_length,
    search,
    size_class,
)
from watermarking.codes.raster import from_raster, to_raster
from watermarking.embedders.placement import fold_repeats
from watermarking.interface import Detection, KeylessReader, PictureScheme, PlaneScheme, RestoringScheme, SoftRead
from watermarking.pictures.ranges import rescaled
from watermarking.significance import any_of, rademacher_p_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from watermarking.interface import Bits, Extraction, Image, Scheme
    from watermarking.keys import Key
    from watermarking.sync.geometry import Geometry

__all__ = [
    "Attempt",
    "Seen",
    "best_presence",
    "carried_payload",
    "code_word",
    "decode_message",
    "extractor",
    "hides_pictures",
    "longest_message",
    "message_detection",
    "reading_detection",
    "seen_by",
    "soft_reads",
]

_PLACES_A_BIT: Final = 45
"""Places that a bit of message or check needs on a plane scheme, at 42 dB and unattacked: nine pictures in ten read.
Fine texture all over needs three times as many, smooth pictures half; reading back what was written decides."""
_BITS_A_BIT: Final = 3
"""Payload bits of any other scheme that a bit of message or check needs."""
_CREDIBLE: Final = 2.0
_MAX_READS: Final = 4


@dataclass(frozen=True, eq=False)
class Seen:
    """The plane that an attempt was read from.

    Attributes
    ----------
    plane : (h, w) float32, aligned with the cells; what was read is its negative if ``negative`` says so
    matrix : (2, 3) float64, maps (row, col, 1) of the marked plane to (row, col) in pixels of the picture
    origin : (row, column) of the plane's first cell
    inside : (h, w) bool or None, where it shows the picture
    """

    plane: npt.NDArray[np.float32]
    matrix: npt.NDArray[np.float64]
    origin: tuple[int, int] = (0, 0)
    inside: npt.NDArray[np.bool_] | None = None
    negative: bool = False


@dataclass(frozen=True)
class Attempt:
    """What was read in one alignment.

    Attributes
    ----------
    reads : soft values, most credible first
    presence : whether anything is there
    geometry : what was undone
    outline : (top, left, rows, cols) of the part that was read, None of the whole picture
    least_pilot : standard deviations of the pilots above which it is worth looking for a message
    seen : what it was read from, of schemes on the plane
    """

    reads: list[SoftRead]
    presence: Detection
    geometry: Geometry | None = None
    outline: tuple[int, int, int, int] | None = None
    least_pilot: float = _CREDIBLE
    seen: Seen | None = None

    @classmethod
    def of(
        cls,
        reads: list[SoftRead],
        geometry: Geometry | None = None,
        outline: tuple[int, int, int, int] | None = None,
        seen: Seen | None = None,
    ) -> Attempt:
        """Judge by the pilots, each read a hypothesis."""
        score = max((read.score for read in reads), default=0.0)
        p_value = any_of(rademacher_p_value(score), max(1, len(reads)))
        return cls(reads, Detection(score, p_value, "pilot"), geometry, outline, seen=seen)


def longest_message(scheme: Scheme, shape: tuple[int, ...]) -> int:
    """Return how many bytes of message a picture of this shape has room for."""
    capacity = scheme.capacity(shape)
    if isinstance(scheme, PlaneScheme):
        room = scheme.n_places(shape) // _PLACES_A_BIT
        return max((size.n_bytes for size in SIZE_CLASSES if size.n <= capacity and size.k <= room), default=0)
    return max((size.n_bytes for size in SIZE_CLASSES if size.k <= _room(scheme, shape) // _BITS_A_BIT), default=0)


def carried_payload(scheme: Scheme, message: bytes, key: Key, shape: tuple[int, ...]) -> Bits | Image:
    """Return the payload that carries a message: its code word, rate matched or repeated to the room there is.

    A scheme that hides pictures is given the code word as a raster of black and white modules.
    """
    word = code_word(scheme, message, key, shape)
    if hides_pictures(scheme):
        return to_raster(word, scheme.payload_shape)
    # What is read without an error at all needs no repetition, and every bit of it costs.
    once = isinstance(scheme, PlaneScheme | RestoringScheme)
    return word if once else np.resize(word, scheme.capacity(shape))


def code_word(scheme: Scheme, message: bytes, key: Key, shape: tuple[int, ...]) -> Bits:
    """Return the code word of a message, rate matched where there is less room, not yet repeated where there is more.

    Raises
    ------
    CapacityError
        If the picture has no room for it.
    """
    if hides_pictures(scheme):  # the size that a picture has after an attack says nothing about its room before
        return encode(message, key=key, room=scheme.n_modules)
    if isinstance(scheme, RestoringScheme):
        needed = _BITS_A_BIT * size_class(len(message)).k
        return encode(message, key=key, room=min(needed, scheme.capacity(shape)))
    return encode(message, key=key, room=None if isinstance(scheme, PlaneScheme) else scheme.capacity(shape))


def seen_by(scheme: Scheme, image: Image, peak: int | None) -> Image:
    """Return a picture as a scheme sees it: of a stated peak, but as it is where it must come back to the last bit."""
    return image if isinstance(scheme, RestoringScheme) else rescaled(image, peak)


def extractor(scheme: Scheme, image: Image) -> Callable[[Key], Extraction[Any]]:
    """Return what extracts from a picture with any key; what needs no key is done once, when the first one comes."""
    if not isinstance(scheme, KeylessReader):
        return lambda key: scheme.extract(image, key=key)
    read = cache(lambda: scheme.read(image))
    return lambda key: scheme.extract_from(read(), key=key)


def soft_reads(scheme: Scheme, found: Extraction[Any]) -> Attempt:
    """Judge what a scheme extracted that does not know how long its payload is: every length is a hypothesis."""
    if hides_pictures(scheme):
        grey, lengths = np.asarray(found.payload, np.float32).mean(axis=2), _lengths(scheme.n_modules)
        return Attempt([SoftRead(n, from_raster(grey, n), np.inf) for n in lengths], found.detection)
    llr = np.zeros(0, np.float32) if found.llr is None else found.llr
    llr = np.where(np.isfinite(llr), llr, 0)
    return Attempt([SoftRead(n, fold_repeats(llr, n), np.inf) for n in _lengths(llr.size)], found.detection)


def hides_pictures(scheme: Scheme) -> TypeGuard[PictureScheme]:
    """Say whether a scheme's payload is a picture."""
    return scheme.payload_kind == "picture"


def _room(scheme: Scheme, shape: tuple[int, ...]) -> int:
    """Return how many bits a scheme takes that is not on the plane: in a picture that is hidden, a bit a module."""
    n = scheme.capacity(shape)
    return n * scheme.n_modules if hides_pictures(scheme) else n


def _lengths(room: int) -> list[int]:
    """Return the lengths that a code word may have where there is so much room."""
    return [n for n in dict.fromkeys((*code_lengths(), matched_length(room))) if n <= room] if room else []


def decode_message(
    reads: list[SoftRead], key: Key, list_sizes: Sequence[int] = LIST_SIZES, *, least: float = _CREDIBLE
) -> tuple[Decoded | None, int]:
    """Look for a message in the credible reads, short lists first; return it and the number of checks tried."""
    credible = [read for read in reads if read.score > least]
    if any(read.score < np.inf for read in credible):
        credible = credible[:_MAX_READS]
    n_checks = 0
    for list_size in list_sizes:
        for read in credible:
            decoded, tried = search(read.sums, key=key, list_sizes=(list_size,))
            n_checks += tried
            if decoded is not None:
                return decoded, n_checks
    return None, n_checks


def best_presence(tried: Sequence[Detection]) -> Detection:
    """Return the most significant of several attempts' verdicts, its p-value that of the best of so many."""
    best = min(tried, key=lambda one: one.p_value)
    return Detection(best.score, any_of(best.p_value, len(tried)), best.statistic)


def reading_detection(presence: Detection, decoded: Decoded | None, n_checks: int) -> Detection:
    """Combine the presence statistic with the chance that a check passed: min(1, 2 min(p, k 2^-check))."""
    if decoded is None:
        return Detection(presence.score, any_of(presence.p_value, 2), presence.statistic)
    by_check = any_of(2.0**-CHECK_BITS, n_checks)
    statistic = presence.statistic if presence.p_value <= by_check else "check"
    return Detection(presence.score, any_of(min(presence.p_value, by_check), 2), statistic)


def message_detection(reads: list[SoftRead], word: Bits) -> Detection:
    """Compare soft values with the code word of a message: the keyed mask makes its signs random without the key.

    The word must not repeat itself: repeated signs are not independent, and the bound holds for independent ones.
    """
    chips = np.where(word, np.float32(1), np.float32(-1))
    scores = []
    for read in reads:
        if read.length == word.size:
            norm = float(np.sqrt(np.square(read.sums, dtype=np.float64).sum()))
            scores.append(float(chips @ read.sums) / norm if norm > 0 else 0.0)
    score = max(scores, default=0.0)
    return Detection(score, any_of(rademacher_p_value(score), max(1, len(scores))), "code word")
