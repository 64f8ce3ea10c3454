"""Between messages and schemes: which bits a scheme is given, and messages out of its soft values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.codes.framing import CHECK_BITS, LIST_SIZES, SIZE_CLASSES, Decoded, code_lengths, search
from watermarking.errors import CapacityError
from watermarking.interface import Detection, PlaneScheme, SoftRead
from watermarking.significance import any_of, rademacher_p_value

if TYPE_CHECKING:
    from watermarking.interface import Bits, Image, Scheme
    from watermarking.keys import Key

__all__ = ["carried_bits", "decode_message", "longest_message", "message_detection", "reading_detection", "soft_reads"]

_PLACES_A_BIT: Final = 14
"""Places that a bit of message or check needs on a plane scheme: measured, see benchmarks/results/capacity.json."""
_BITS_A_BIT: Final = 3
"""Payload bits of any other scheme that a bit of message or check needs."""
_CREDIBLE: Final = 2.0
_MAX_READS: Final = 4


def longest_message(scheme: Scheme, shape: tuple[int, ...]) -> int:
    """Return how many bytes of message a picture of this shape has room for."""
    capacity = scheme.capacity(shape)
    if isinstance(scheme, PlaneScheme):
        room = scheme.n_places(shape) // _PLACES_A_BIT
        return max((size.n_bytes for size in SIZE_CLASSES if size.n <= capacity and size.k <= room), default=0)
    return max((size.n_bytes for size in SIZE_CLASSES if size.k <= capacity // _BITS_A_BIT), default=0)


def carried_bits(scheme: Scheme, word: Bits, shape: tuple[int, ...]) -> Bits:
    """Return the payload that carries a code word: itself, or repeated or thinned out to the room there is."""
    if isinstance(scheme, PlaneScheme):
        return word
    capacity = scheme.capacity(shape)
    if capacity < 1:
        raise CapacityError(f"a picture of shape {shape} has no room for scheme {scheme.id!r}: use a larger image")
    return np.resize(word[_thinning(word.size, capacity)], capacity)


def _thinning(length: int, capacity: int) -> npt.NDArray[np.int64]:
    """Choose which bits of a code word are sent where there is no room for all: evenly spread, in a scattered order."""
    if capacity >= length:
        return np.arange(length)
    scattered = np.arange(length) * 617 % length  # 617 is prime, lengths are powers of two
    return scattered[:capacity]


def soft_reads(scheme: Scheme, image: Image, key: Key, plane: npt.NDArray[np.float32] | None) -> tuple[
    list[SoftRead], Detection
]:  # fmt: skip
    """Read a picture: soft values of code words, the most credible first, and whether anything is there."""
    if isinstance(scheme, PlaneScheme) and plane is not None:
        reads = scheme.read(plane, key=key)
        score = max((read.score for read in reads), default=0.0)
        return reads, Detection(score, any_of(rademacher_p_value(score), max(1, len(reads))), "pilot")
    found = scheme.extract(image, key=key)
    llr = np.zeros(0, np.float32) if found.llr is None else found.llr
    reads = [SoftRead(n, _unthin(llr, n), np.inf) for n in code_lengths()] if llr.size else []
    return reads, found.detection


def _unthin(llr: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    sums = np.zeros(length, np.float32)
    order = _thinning(length, llr.size)
    np.add.at(sums, np.resize(order, llr.size), llr)
    return sums


def decode_message(reads: list[SoftRead], key: Key) -> tuple[Decoded | None, int]:
    """Look for a message in the credible reads, short lists first; return it and the number of checks tried."""
    credible = [read for read in reads if read.score > _CREDIBLE]
    if any(read.score < np.inf for read in credible):
        credible = credible[:_MAX_READS]
    n_checks = 0
    for list_size in LIST_SIZES:
        for read in credible:
            decoded, tried = search(read.sums, key=key, list_sizes=(list_size,))
            n_checks += tried
            if decoded is not None:
                return decoded, n_checks
    return None, n_checks


def reading_detection(presence: Detection, decoded: Decoded | None, n_checks: int) -> Detection:
    """Combine the presence statistic with the chance that a check passed: min(1, 2 min(p, k 2^-check))."""
    if decoded is None:
        return Detection(presence.score, any_of(presence.p_value, 2), presence.statistic)
    by_check = any_of(2.0**-CHECK_BITS, n_checks)
    statistic = presence.statistic if presence.p_value <= by_check else "check"
    return Detection(presence.score, any_of(min(presence.p_value, by_check), 2), statistic)


def message_detection(reads: list[SoftRead], word: Bits) -> Detection:
    """Compare soft values with the code word of a message: the keyed mask makes its signs random without the key."""
    chips = np.where(word, np.float32(1), np.float32(-1))
    scores = []
    for read in reads:
        if read.length == word.size:
            norm = float(np.sqrt(np.square(read.sums, dtype=np.float64).sum()))
            scores.append(float(chips @ read.sums) / norm if norm > 0 else 0.0)
    score = max(scores, default=0.0)
    return Detection(score, any_of(rademacher_p_value(score), max(1, len(scores))), "code word")
