"""How much of the payload came through: bits, words, and their chance under the null hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["bit_accuracy", "bits_per_pixel", "match_p_value", "word_accuracy"]


def bit_accuracy(sent: npt.ArrayLike, read: npt.ArrayLike) -> float:
    """Return the share of equal bits of two payloads (n,).

    Raises
    ------
    ValueError
        If the payloads are empty or differ in length.
    """
    one, two = np.asarray(sent, dtype=np.bool_), np.asarray(read, dtype=np.bool_)
    if one.shape != two.shape or one.size == 0:
        raise ValueError(f"payloads of one length are compared, at least one bit, not {one.shape} and {two.shape}")
    return float(np.mean(one == two))


def word_accuracy(pairs: Iterable[tuple[npt.ArrayLike | None, npt.ArrayLike | None]]) -> float:
    """Return the share of (sent, read) payloads that are equal in every bit; a read of None is a failure.

    Raises
    ------
    ValueError
        If there are no pairs.
    """
    equal = [read is not None and sent is not None and np.array_equal(sent, read) for sent, read in pairs]
    if not equal:
        raise ValueError("word accuracy needs at least one pair of payloads")
    return sum(equal) / len(equal)


def match_p_value(matches: int, bits: int) -> float:
    """Return the chance that at least `matches` of `bits` bits agree if each one does with probability one half.

    That holds where the code word was masked with a keyed stream, as `Marker` does; multiply by the number of keys,
    schemes and alignments that were tried.

    Raises
    ------
    ValueError
        If the counts are out of range.
    """
    if not 0 <= matches <= bits:
        raise ValueError(f"{matches} of {bits} bits cannot match")
    from scipy.stats import binom

    return float(binom.sf(matches - 1, bits, 0.5))


def bits_per_pixel(message_bits: int, shape: tuple[int, ...], *, success: float = 1.0) -> float:
    """Return the message bits that arrive a pixel, after coding: `success` is the share of messages that do.

    Raises
    ------
    ValueError
        If the picture has no pixels or the share is none.
    """
    pixels = shape[0] * shape[1]
    if pixels <= 0 or message_bits < 0 or not 0 <= success <= 1:
        raise ValueError(f"{message_bits} bits in {shape} at a success of {success} make no rate")
    return message_bits * success / pixels
