"""Copies that colluders made, a million customers, and who is accused: collusion-secure codes without any carrier.

Colluders' words are the code's own, from a key of each trial. A million innocents' words are drawn from what is left
to know of them, so that a trial takes seconds: how many ones each has among the places of equal bias and equal symbol
read is binomial, scores hang on nothing else in the first round, and the best ones' words are drawn to fit. The part
``keyed`` draws nothing, and derives a million words from the key, as whoever traces must.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import DONE, Cell, Row, key_of, rng_of, significant
from harness.merged import measure_merged
from watermarking.codes.tracing.accuse import ROUND_SHARES, Judge, accuse
from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.lengths import unit_length
from watermarking.codes.tracing.mixing import rule

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.photographs import Photograph
    from watermarking.keys import Key

    U8 = npt.NDArray[np.uint8]
    F64 = npt.NDArray[np.float64]
    I64 = npt.NDArray[np.int64]

__all__ = ["LEVELS", "measure_fingerprints"]

LEVELS = (1e-2, 1e-3, 1e-4, 1e-5)
"""At which innocents' p-values are counted, each for itself."""
_CHUNK = 50_000
_KEPT = 300  # innocents who are judged again


def measure_fingerprints(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Measure cells of the parts ``drawn``, ``keyed`` and ``length``, and of ``merged`` and ``sets`` in pictures."""
    if cells[0]["part"] == "prints":
        from harness.prints.measuring import measure_prints  # needs torch

        return measure_prints(cells)
    if cells[0]["part"] in ("merged", "sets"):
        return measure_merged(cells, pictures)
    results: list[Row] = []
    for cell in cells:
        start = time.perf_counter()
        row = _keyed(cell) if cell["part"] == "keyed" else _drawn(cell)
        results.append({"status": DONE, **row, "seconds": [significant(time.perf_counter() - start, 2)]})
    return results


def _copy(cell: Cell) -> tuple[TardosCode, Key, U8, F64, Any]:
    """Return code, key, the colluders' words, what is read of the copy they merged, and a trial's randomness."""
    named = {**cell, "photograph": cell["part"], "key": cell["trial"]}
    key, rng = key_of(named), rng_of(named, "part", "colluders", "rule", "ratio", "trial")
    length = round(cell["ratio"] * unit_length(cell["customers"], cell["colluders"], cell["fpr"]))
    code = TardosCode(length=length, colluders=cell["colluders"])
    words = code.words([f"colluder {i}" for i in range(cell["colluders"])], key=key).astype(np.uint8)
    shows_one = rng.random(length) < rule(cell["rule"], cell["colluders"])[words.sum(axis=0)]
    return code, key, words, np.where(shows_one, np.inf, -np.inf), rng


def _drawn(cell: Cell) -> Row:
    """Judge the colluders, and in the part ``drawn`` all others, too."""
    code, key, words, llr, rng = _copy(cell)
    n, c, fpr = cell["customers"], cell["colluders"], cell["fpr"]
    judge = Judge(code, llr, key.derive("tracing"), "likelihood")
    first = judge.round()
    log_p, counts = first.log_p(words), [0] * len(LEVELS)
    if cell["part"] == "drawn":
        classes = _Classes(judge.biases, llr > 0)
        others, best, counts = _innocents(classes, first, n - c, rng)
        words, log_p = np.vstack([words, classes.words(others, rng)]), np.concatenate([log_p, best])
    verdicts = judge.verdicts(words, log_p + math.log(n / ROUND_SHARES[0]), n, min(300, len(words)))
    accused = verdicts <= math.log(fpr)
    least = float(verdicts[c:].min()) / math.log(10) if len(verdicts) > c else 0.0
    return {
        "length": code.length, "named": int(accused[:c].sum()), "innocents": int(accused[c:].sum()),
        "log10_least": round(least, 3), "below": counts,
    }  # fmt: skip


def _keyed(cell: Cell) -> Row:
    """Derive every customer's word from the key, and accuse."""
    code, key, _, llr, _ = _copy(cell)
    guilty = [f"colluder {i}" for i in range(cell["colluders"])]
    customers = (guilty[i] if i < len(guilty) else str(i) for i in range(cell["customers"]))
    found = accuse(code, llr, customers, key=key)
    named = found.named(cell["fpr"])
    least = min(verdict.p_value for name, verdict in found.items() if name not in guilty)
    return {
        "length": code.length, "named": len(set(named) & set(guilty)), "innocents": len(set(named) - set(guilty)),
        "log10_least": round(math.log10(least), 3), "below": [0] * len(LEVELS),
    }  # fmt: skip


class _Classes:
    """Places of equal bias and equal symbol read."""

    def __init__(self, biases: F64, shown: npt.NDArray[np.bool_]) -> None:
        kinds, which = np.unique(np.column_stack([biases, shown]), axis=0, return_inverse=True)
        self.biases = kinds[:, 0]
        self.places = [np.flatnonzero(which.ravel() == i) for i in range(len(kinds))]
        self.n_places = sum(map(len, self.places))

    def draw(self, n: int, rng: Any) -> I64:
        """Return how many ones each of n words has in each class, (n, classes) int64."""
        drawn = [rng.binomial(len(places), p, n) for places, p in zip(self.places, self.biases, strict=True)]
        return np.stack(drawn, axis=1)

    def words(self, counts: I64, rng: Any) -> U8:
        """Return words with so many ones in each class, (n, places) uint8."""
        words = np.zeros((len(counts), self.n_places), np.uint8)
        for word, row in zip(words, counts, strict=True):
            for places, count in zip(self.places, row.tolist(), strict=True):
                word[rng.choice(places, count, replace=False)] = 1
        return words


def _innocents(classes: _Classes, first: Any, n: int, rng: Any) -> tuple[I64, F64, list[int]]:
    """Draw n innocents; return the counts and logarithms of p-values of the best, and how many fall below levels."""
    terms = np.stack([first.terms[:, places[0]] for places in classes.places], axis=1).astype(np.int64)
    best, log_p, below = np.zeros((0, len(classes.places)), np.int64), np.zeros(0), np.zeros(len(LEVELS), np.int64)
    for start in range(0, n, _CHUNK):
        counts = classes.draw(min(_CHUNK, n - start), rng)
        sums = counts @ terms.T
        every = [
            tail.log_p(column) - share for tail, column, share in zip(first.tails, sums.T, first.shares, strict=True)
        ]
        least = np.min(every, axis=0)
        below += [int((least <= math.log(level)).sum()) for level in LEVELS]
        best, log_p = np.vstack([best, counts]), np.concatenate([log_p, least])
        kept = np.argsort(log_p, kind="stable")[:_KEPT]
        best, log_p = best[kept], log_p[kept]
    return best, log_p, below.tolist()
