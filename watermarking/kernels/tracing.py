"""Scores of many customers' code words, of pairs of them, and the distribution that such scores have by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watermarking.kernels.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    U8 = npt.NDArray[np.uint8]
    I32 = npt.NDArray[np.int32]
    I64 = npt.NDArray[np.int64]
    F64 = npt.NDArray[np.float64]
    C128 = npt.NDArray[np.complex128]

__all__ = ["characteristic", "score_pairs", "score_words"]

_BLOCK = 4096  # places whose terms, of 2^18 at most, add up within 32 bits


@kernel
def score_words(drawn: U8, thresholds: U8, terms: I32, out: I64) -> None:
    """Add up, for each word, the terms of the places where it has a one: a drawn byte below the threshold.

    ``drawn`` (m, n), ``thresholds`` (n,), ``terms`` (k, n), at most 2^18 either way, ``out`` (m, k). Sums within 32
    bits vectorise, so places are taken in blocks.
    """
    n = thresholds.size
    for i in range(drawn.shape[0]):
        word = drawn[i]
        for j in range(terms.shape[0]):
            row = terms[j]
            total = np.int64(0)
            for start in range(0, n, _BLOCK):
                part = np.int32(0)
                for place in range(start, min(start + _BLOCK, n)):
                    part += row[place] if word[place] < thresholds[place] else np.int32(0)
                total += part
            out[i, j] = total


@kernel
def score_pairs(words: U8, first: int, both: I32, out: I64) -> None:
    """Add up terms over the ones of a word and of each later one: of places where either, and where both have one.

    ``words`` (m, n) of 0 and 1, ``both`` (2, n): what one one adds, and what the second adds; ``out`` (m,) is written
    behind ``first``.
    """
    n = words.shape[1]
    mine = words[first]
    for i in range(first + 1, words.shape[0]):
        other = words[i]
        total = np.int64(0)
        for start in range(0, n, _BLOCK):
            part = np.int32(0)
            for place in range(start, min(start + _BLOCK, n)):
                a, b = np.int32(mine[place]), np.int32(other[place])
                part += (a | b) * both[0, place] + (a & b) * both[1, place]
            total += part
        out[i] = total


@kernel
def characteristic(terms: I64, chances: F64, counts: I64, roots: C128, out: C128) -> None:
    """Multiply the characteristic functions of independent whole numbers at the lattice's frequencies.

    ``terms`` and ``chances`` (k, m) are the values of each kind and how probable they are, ``counts`` (k,) how often
    it occurs, ``roots`` (size,) the size-th roots of unity exp(-2 pi i j / size), ``out`` (f,) is for frequencies 0 ...
    """
    size = roots.size
    out[:] = 1.0
    steps = np.empty(terms.shape[1], np.int64)
    places = np.empty(terms.shape[1], np.int64)
    for i in range(terms.shape[0]):
        steps[:] = terms[i] % size
        places[:] = 0
        for frequency in range(out.size):
            total = 0.0 + 0.0j
            for symbol in range(steps.size):
                total += chances[i, symbol] * roots[places[symbol]]
                places[symbol] += steps[symbol]
                if places[symbol] >= size:
                    places[symbol] -= size
            power, left = total, counts[i]
            product = 1.0 + 0.0j
            while left:
                if left & 1:
                    product *= power
                power *= power
                left >>= 1
            out[frequency] *= product
