"""The self-describing frame: a message of up to 512 bytes, a keyed check, and the code words that carry both.

A frame belongs to one of 14 size classes. The message is padded with zero bytes to the size of the smallest class
that holds it; 48 check bits, keyed, cover the class, the exact length and the message, and pick the stream that
scrambles it, so that a mark of one message is no evidence for a similar one. The result is whitened with the key,
encoded, and whitened again as a code word, so that no picture is closer to a frame than another.

The reader is told nothing but the number of soft values: it tries the classes of that length, the candidates that the
decoder lists, and for each candidate the lengths that its trailing zero bytes allow. An empty message is a message.

Chance of a false message. Each (class, candidate, length) costs one check, and a check passes by chance with 2^-48.
A read tries per alignment, over all five code lengths, 14 classes; in each at most 20 candidates, four of a short list
and 16 of a list of 32; and for each on average at most 1 / (1 - 2^-8) lengths, since a wrong candidate is random:
a trailing zero byte comes up by chance once in 256. Over 100 alignments, more than any read tries, that is
100 * 14 * 20 * 1.004 = 2.8e4 checks, and 2.8e4 * 2^-48 = 1.0e-10, below 1e-9.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.codes.polar import PolarCode
from watermarking.errors import CapacityError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from watermarking.interface import Bits
    from watermarking.keys import Key

__all__ = [
    "CHECK_BITS",
    "SIZE_CLASSES",
    "Decoded",
    "SizeClass",
    "code_lengths",
    "decode",
    "encode",
    "encode_all",
    "matched_length",
    "search",
    "size_class",
]

CHECK_BITS: Final = 48
LIST_SIZES: Final = (4, 32)
MAX_CANDIDATES: Final = 16
_LEAST_ROOM: Final = 1.5  # bits of room a bit of message or check: less corrects nothing


@dataclass(frozen=True, slots=True)
class SizeClass:
    """A size of frame.

    Attributes
    ----------
    index : int, place among the classes
    n_bytes : int, longest message
    k : int, bits that enter the code: message and check
    n : int, length of the code word
    """

    index: int
    n_bytes: int
    k: int
    n: int


_LADDER: Final = {512: (4,), 1024: (8, 16, 20), 2048: (24, 32, 48), 4096: (64, 96, 128), 8192: (192, 256, 384, 512)}

SIZE_CLASSES: Final = tuple(
    SizeClass(index, n_bytes, 8 * n_bytes + CHECK_BITS, n)
    for index, (n, n_bytes) in enumerate((n, n_bytes) for n, sizes in _LADDER.items() for n_bytes in sizes)
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message whose check is right.

    Attributes
    ----------
    message : bytes
    size_class : SizeClass
    n_checks : int, 48-bit checks tried up to and with the one that passed
    bit_error_rate : float, share of the places with a soft value whose sign disagrees with the code word
    """

    message: bytes
    size_class: SizeClass
    n_checks: int
    bit_error_rate: float


def code_lengths() -> tuple[int, ...]:
    """Return the lengths of code words, shortest first."""
    return tuple(_LADDER)


def size_class(n_bytes: int) -> SizeClass:
    """Return the smallest class that holds a message.

    Raises
    ------
    CapacityError
        If no class does.
    """
    for found in SIZE_CLASSES:
        if n_bytes <= found.n_bytes:
            return found
    longest = SIZE_CLASSES[-1].n_bytes
    raise CapacityError(f"the message has {n_bytes} bytes, a frame holds at most {longest}: use a shorter message")


def encode(message: bytes, *, key: Key, room: int | None = None) -> Bits:
    """Return the code word (n,) bool of a message.

    Parameters
    ----------
    message : bytes
    key : Key
    room : int, optional
        Bits there is room for; where that is less than the class's n, the code is rate matched to it.

    Raises
    ------
    CapacityError
        If the message has more than 512 bytes, or the room is less than its code needs.

    Examples
    --------
    >>> from watermarking.keys import Key
    >>> key = Key(bytes(16))
    >>> word = encode(b"Ada", key=key)
    >>> decode(np.where(word, 1, -1).astype(np.float32), key=key).message
    b'Ada'
    """
    frame = _fitted(size_class(len(message)), room)
    data = np.frombuffer(_plain(message, key.derive("codes/check"), frame), np.uint8)
    return _code_word(np.unpackbits(data).astype(np.bool_) ^ _data_mask(key, frame), key, frame)


def encode_all(messages: Sequence[bytes], *, key: Key) -> Iterator[tuple[SizeClass, npt.NDArray[np.int64], Bits]]:
    """Encode many messages, a size class at a time: a tenth of the time of one after the other.

    Yields
    ------
    size_class : SizeClass
    places : (m,) int64, which of the messages are of that class
    words : (m, n) bool, their code words

    Raises
    ------
    CapacityError
        If a message has more than 512 bytes.
    """
    check_key = key.derive("codes/check")
    places: dict[SizeClass, list[int]] = {}
    for place, message in enumerate(messages):
        places.setdefault(size_class(len(message)), []).append(place)
    for frame, chosen in places.items():
        rows = b"".join(_plain(messages[place], check_key, frame) for place in chosen)
        data = np.unpackbits(np.frombuffer(rows, np.uint8).reshape(len(chosen), -1), axis=1).astype(np.bool_)
        yield frame, np.array(chosen), _code_word(data ^ _data_mask(key, frame), key, frame)


def decode(llr: npt.NDArray[np.float32], *, key: Key) -> Decoded | None:
    """Return the message in the soft values of a code word, or None where no check is right; see :func:`search`."""
    return search(llr, key=key)[0]


def matched_length(room: int) -> int:
    """Return the length of rate-matched code words for so many bits of room: never one of the ladder's."""
    return room - 1 if room in _LADDER else room


def _fitted(frame: SizeClass, room: int | None) -> SizeClass:
    if room is None or room >= frame.n:
        return frame
    room = matched_length(room)
    if room < _LEAST_ROOM * frame.k:
        raise CapacityError(
            f"{room} bits of room are given, {math.ceil(_LEAST_ROOM * frame.k)} are needed for {frame.n_bytes} bytes: "
            "use a shorter message or a larger image"
        )
    return replace(frame, n=room)


def _frames_of(length: int) -> list[SizeClass]:
    """List the frames whose code words have a length: those of the ladder, else the longer ones rate matched to it."""
    if length in _LADDER:
        return [frame for frame in SIZE_CLASSES if frame.n == length]
    return [replace(frame, n=length) for frame in SIZE_CLASSES if frame.n > length >= _LEAST_ROOM * frame.k]


def search(
    llr: npt.NDArray[np.float32], *, key: Key, list_sizes: Sequence[int] = LIST_SIZES
) -> tuple[Decoded | None, int]:
    """Look for a message among all frames of this length.

    Parameters
    ----------
    llr : (n,) float32
        Soft values in any one scale, positive for a one; 0 where there was no room, not finite counts as 0.
    key : Key
    list_sizes : sequence of int
        Paths that the decoder keeps, one pass over the classes each: a short list first finds most messages fast.

    Returns
    -------
    decoded : Decoded or None
    n_checks : int
        48-bit checks tried; without a message in the picture, one passes with at most n_checks * 2^-48.
    """
    soft = np.where(np.isfinite(llr), llr, 0).astype(np.float32).ravel()
    if not soft.any():
        return None, 0
    check_key = key.derive("codes/check")
    seen: dict[SizeClass, set[bytes]] = {frame: set() for frame in _frames_of(soft.size)}
    n_checks = 0
    for list_size, frame in itertools.product(list_sizes, seen):
        mask, whitened = _data_mask(key, frame), np.where(_word_mask(key, frame), -soft, soft)
        for data in PolarCode(frame.k, frame.n).decode(whitened, list_size=list_size)[0]:
            plain = np.packbits(data ^ mask).tobytes()
            if plain in seen[frame]:
                continue
            if len(seen[frame]) == MAX_CANDIDATES:
                break
            seen[frame].add(plain)
            message, tried = _verify(plain, check_key, frame)
            n_checks += tried
            if message is not None:
                rate = _bit_error_rate(soft, _code_word(data, key, frame))
                return Decoded(message, frame, n_checks, rate), n_checks
    return None, n_checks


def _verify(plain: bytes, check_key: Key, frame: SizeClass) -> tuple[bytes | None, int]:
    """Try the lengths that the trailing zeros of a candidate allow; return the message, and how many were tried."""
    check = plain[frame.n_bytes :]
    padded = _scrambled(plain[: frame.n_bytes], check, check_key)
    shorter = SIZE_CLASSES[frame.index - 1].n_bytes + 1 if frame.index else 0
    shortest = max(len(padded.rstrip(b"\0")), shorter)
    for tried, length in enumerate(range(shortest, frame.n_bytes + 1), start=1):
        if _check(check_key, frame, padded[:length]) == check:
            return padded[:length], tried
    return None, frame.n_bytes + 1 - shortest


def _plain(message: bytes, check_key: Key, frame: SizeClass) -> bytes:
    """Return what is encoded, before whitening: the scrambled message and its check."""
    check = _check(check_key, frame, message)
    return _scrambled(message.ljust(frame.n_bytes, b"\0"), check, check_key) + check


def _check(check_key: Key, frame: SizeClass, message: bytes) -> bytes:
    return check_key.stream(f"{frame.n_bytes}/{len(message)}/{message.hex()}", CHECK_BITS // 8)


def _scrambled(body: bytes, check: bytes, check_key: Key) -> bytes:
    """Add a stream that the check picks, so that two messages, however alike, have code words that are not."""
    stream = check_key.stream(f"body/{len(body)}/{check.hex()}", len(body))
    return (int.from_bytes(body, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(body), "big")


def _data_mask(key: Key, frame: SizeClass) -> Bits:
    return key.bits(f"codes/data/{frame.n_bytes}", frame.k)


def _word_mask(key: Key, frame: SizeClass) -> Bits:
    return key.bits(f"codes/word/{frame.n_bytes}", frame.n)


def _code_word(data: Bits, key: Key, frame: SizeClass) -> Bits:
    return PolarCode(frame.k, frame.n).encode(data) ^ _word_mask(key, frame)


def _bit_error_rate(soft: npt.NDArray[np.float32], word: Bits) -> float:
    return float(np.mean((soft > 0)[soft != 0] != word[soft != 0]))
