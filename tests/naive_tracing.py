"""Plain-loop twins of watermarking/kernels/tracing.py: the specification."""

from __future__ import annotations

import cmath
import itertools
import math
from typing import Any


def score_words(drawn: Any, thresholds: Any, terms: Any) -> list[list[int]]:
    return [
        [sum(int(t) for byte, limit, t in zip(word, thresholds, row, strict=True) if byte < limit) for row in terms]
        for word in drawn
    ]


def score_pairs(words: Any, first: int, both: Any) -> list[int]:
    found = []
    for other in words[first + 1 :]:
        total = 0
        for place, (a, b) in enumerate(zip(words[first], other, strict=True)):
            total += int(both[0][place]) if a or b else 0
            total += int(both[1][place]) if a and b else 0
        found.append(total)
    return found


def characteristic(terms: Any, chances: Any, counts: Any, size: int) -> list[complex]:
    found = []
    for frequency in range(size // 2 + 1):
        product = 1 + 0j
        for values, odds, count in zip(terms, chances, counts, strict=True):
            one = sum(
                p * cmath.exp(-2j * math.pi * int(v) * frequency / size) for v, p in zip(values, odds, strict=True)
            )
            product *= one ** int(count)
        found.append(product)
    return found


def distribution(terms: Any, chances: Any) -> dict[int, float]:
    """Return how probable each sum of independent terms is, by going through all of them."""
    sums: dict[int, float] = {}
    for symbols in itertools.product(range(len(terms[0])), repeat=len(terms)):
        total = sum(int(row[s]) for row, s in zip(terms, symbols, strict=True))
        sums[total] = sums.get(total, 0.0) + math.prod(float(row[s]) for row, s in zip(chances, symbols, strict=True))
    return sums
