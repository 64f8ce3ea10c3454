"""A set message: one record spread over all pictures of a set, read back from any few of them.

Every picture carries a message of its own, 20 bytes unless told otherwise: a symbol of a fountain code
(:mod:`watermarking.codes.fountain`) under a header that says which symbol of which record it is. So pictures may be
lost, renamed, reordered or read in any order. A record of 1 KB makes 69 blocks, and about 76 pictures drawn at random
that can be read suffice; the larger the pictures, the more bytes each can carry, and the fewer are needed.

There are six times as many symbols as blocks, so that in a large set several pictures carry the same one. Pictures too
damaged to be read still show that they carry the same: their soft values agree, and are added up until they can be
read (:class:`SoftGroups`). More symbols would waste fewer pictures where all can be read, fewer would help more where
none can.

Message: header, 5 bytes, then the symbol. The header holds the number of the symbol (2 bytes), the number of blocks
(1) and a keyed hash of the record (2); it is XORed with a keyed stream that the symbol picks, so that a message that is
no symbol looks like a symbol of a record that nobody else has a part of. Blocks: length of the record (2 bytes), the
record, a keyed check (8), zeros.

Chance of a false record. Each message has passed the 48-bit check of its picture. Symbols of different records or
sets are told apart by the hash, and where two collide (2^-16) their blocks do not fit together. A record is returned
only where its own keyed check of 64 bits passes. At most 2^14 sets of blocks are tried: 2^14 * 2^-64 < 1e-15.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from watermarking.codes.fountain import coefficients, combine, solve
from watermarking.errors import CapacityError, WatermarkError

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.messages.reading import Reading

__all__ = ["LONGEST_RECORD", "Collector", "Progress", "SetMessage"]

LONGEST_RECORD: Final = 1024
DEFAULT_BYTES: Final = 20
_HEADER: Final = 5
_LENGTH: Final = 2
_CHECK: Final = 8
_MOST_BLOCKS: Final = 255
_VARIETY: Final = 6  # symbols a block
_MOST_TRIES: Final = 1 << 14
_TRIES_A_SYMBOL: Final = 4


class Progress(NamedTuple):
    """How many different symbols of a record are known, and how many it takes; both 0 before the first two."""

    known: int
    needed: int


class SetMessage:
    """What each picture of a set carries, so that enough of them say the record.

    Parameters
    ----------
    record : bytes
        Up to 1024: a licence, a contact, a hash.
    key : Key
        The key that the pictures are marked with.
    n_bytes : int
        Bytes of each picture's message. 20 are read from pictures of 0.15 MP and more after JPEG 60; longer messages
        need larger pictures, and fewer of them.

    Raises
    ------
    CapacityError
        If the record is longer, or it takes more than 255 messages of that size.

    Examples
    --------
    >>> from watermarking import Key
    >>> key = Key(bytes(16))
    >>> message = SetMessage(b"CC-BY-4.0, Ada Lovelace, ada@example.org", key)
    >>> collector = Collector(key)
    >>> [collector.add(message.message_of(index)) for index in (1999, 8, 1200, 41)]
    [False, False, False, True]
    >>> collector.record
    b'CC-BY-4.0, Ada Lovelace, ada@example.org'
    """

    def __init__(self, record: bytes, key: Key, *, n_bytes: int = DEFAULT_BYTES) -> None:
        if len(record) > LONGEST_RECORD:
            raise CapacityError(
                f"the record has {len(record)} bytes, a set carries at most {LONGEST_RECORD}: shorten it, or let it "
                "carry a link and a hash"
            )
        size, data = n_bytes - _HEADER, len(record).to_bytes(_LENGTH, "big") + bytes(record)
        data += _check(bytes(record), key)
        if size < 1 or -(-len(data) // size) > _MOST_BLOCKS:
            least = _HEADER + -(-len(data) // _MOST_BLOCKS)
            raise CapacityError(
                f"messages of {n_bytes} bytes are too short for a record of {len(record)}: give each picture at least "
                f"{least} bytes"
            )
        self.record: bytes = bytes(record)
        self.n_blocks: int = -(-len(data) // size)
        self.n_bytes: int = n_bytes
        self._key = key
        self._tag = _tag(bytes(record), key)
        padded = data.ljust(self.n_blocks * size, b"\0")
        self._blocks = np.frombuffer(padded, np.uint8).reshape(self.n_blocks, size)

    def message_of(self, index: int) -> bytes:
        """Return the message of the picture at this place of the set, counted from 0."""
        if index < 0:
            raise WatermarkError(f"pictures of a set are counted from 0: there is no picture {index}")
        number = index % _first_prime(
            _VARIETY * self.n_blocks
        )  # so that every 2nd or 12th picture has all of them, too
        symbol = combine(coefficients(_fountain(self._key), number, self.n_blocks), self._blocks).tobytes()
        header = number.to_bytes(2, "big") + bytes([self.n_blocks]) + self._tag
        return _masked(header, symbol, self._key) + symbol


def _first_prime(least: int) -> int:
    """Return the first prime from a number on.

    Examples
    --------
    >>> _first_prime(408), _first_prime(7)
    (409, 7)
    """
    number = max(least, 2)
    while any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


@dataclass(frozen=True)
class _Source:
    """Which record, as far as the header says, a symbol belongs to."""

    n_bytes: int
    n_blocks: int
    tag: bytes


class Collector:
    """Puts a record together from readings, in any order, one at a time.

    Parameters
    ----------
    key : Key

    Attributes
    ----------
    record : bytes or None, the record, as soon as its check has passed
    """

    def __init__(self, key: Key) -> None:
        self.record: bytes | None = None
        self._key = key
        self._symbols: dict[_Source, dict[tuple[int, bytes], None]] = {}
        self._n_tried = 0
        self._doubtful: set[_Source] = set()

    @property
    def progress(self) -> Progress:
        """How far the record is that most is known of."""
        source = self._likeliest()
        if source is None:
            return Progress(0, 0)
        return Progress(len({number for number, _ in self._symbols[source]}), source.n_blocks)

    @property
    def n_bytes(self) -> int | None:
        """Bytes of the messages of the record that most is known of; None before the first two."""
        source = self._likeliest()
        return None if source is None else source.n_bytes

    def _likeliest(self) -> _Source | None:
        source = max(self._symbols, key=lambda one: len(self._symbols[one]), default=None)
        return source if source and (len(self._symbols[source]) > 1 or self.record is not None) else None

    def add(self, reading: Reading | bytes | None) -> bool:
        """Take a reading, or its message; say whether the record is known.

        What could not be read, has another message, or was there before changes nothing.
        """
        message = reading if isinstance(reading, bytes) or reading is None else reading.message
        if self.record is not None or message is None or len(message) <= _HEADER:
            return self.record is not None
        symbol = message[_HEADER:]
        header = _masked(message[:_HEADER], symbol, self._key)
        source = _Source(len(message), header[2], header[3:])
        number = int.from_bytes(header[:2], "big")
        symbols = self._symbols.setdefault(source, {})
        if source.n_blocks and (number, symbol) not in symbols:
            symbols[number, symbol] = None
            if len(symbols) >= source.n_blocks:
                self._try(source)
        return self.record is not None

    def _try(self, source: _Source) -> None:
        """Solve for the blocks with all symbols; where they have proved to contradict, with some, chosen anew."""
        found = list(self._symbols[source])
        key = _fountain(self._key)
        factors = np.stack([coefficients(key, number, source.n_blocks) for number, _ in found])
        symbols = np.stack([np.frombuffer(symbol, np.uint8) for _, symbol in found])
        n_orders = _TRIES_A_SYMBOL if source in self._doubtful else 1
        rng = np.random.default_rng(len(found))
        for order in (rng.permutation(len(found)) for _ in range(n_orders)):
            solution = solve(factors[order], symbols[order])
            if solution is None or self._n_tried >= _MOST_TRIES:
                return
            self._n_tried += 1
            self.record = _record(solution.blocks.tobytes(), self._key)
            if self.record is not None:
                return
            self._doubtful.add(source)


def _record(data: bytes, key: Key) -> bytes | None:
    """Return the record in the blocks if its check is right."""
    stop = _LENGTH + int.from_bytes(data[:_LENGTH], "big")
    record, check = data[_LENGTH:stop], data[stop : stop + _CHECK]
    return record if check == _check(record, key) and not data[stop + _CHECK :].strip(b"\0") else None


def _fountain(key: Key) -> Key:
    return key.derive("set/fountain")


def _check(record: bytes, key: Key) -> bytes:
    return key.derive("set/check").stream(f"{len(record)}/{record.hex()}", _CHECK)


def _tag(record: bytes, key: Key) -> bytes:
    return key.derive("set/tag").stream(record.hex(), 2)


def _masked(header: bytes, symbol: bytes, key: Key) -> bytes:
    stream = key.derive("set/header").stream(symbol.hex(), _HEADER)
    return bytes(a ^ b for a, b in zip(header, stream, strict=True))
