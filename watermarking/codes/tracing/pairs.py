"""Joint decoding of pairs: two customers' words together explain more of a copy than each by itself.

Which pairs. Among the customers who fit best by themselves, all pairs are judged by the likelihood ratio of both
having taken part to neither (Meerwald and Furon, "Toward practical joint decoding of binary Tardos fingerprinting
codes", IEEE Transactions on Information Forensics and Security 7(4), 2012). A pair is named where three things hold:
the pair's score is out of reach of two innocents', and each one's score, given the other's word, is out of an
innocent's reach.

What the p-value means. Let j be innocent. If k is, too, their words are independent of what was read, and the pair's
exact p-value, times n (n - 1) / 2 pairs, bounds the chance that any two innocents get this far. If k took part, j's
symbols are independent of what was read and of k's word, so j's exact p-value given k's word, times n customers and the
number of those who took part, bounds the chance that any innocent is named along with a colluder. That number is not
known: it is counted as up to 100, or as all customers where they are fewer. Each of the two gets half of the rate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.codes.tracing.mixing import rule
from watermarking.codes.tracing.scores import likelihood_terms, whole
from watermarking.codes.tracing.tail import Tail
from watermarking.kernels.tracing import score_pairs

if TYPE_CHECKING:
    from watermarking.codes.tracing.accuse import Judge

__all__ = ["MOST_GUILTY", "log_p"]

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

MOST_GUILTY: Final = 100
"""Colluders who are counted where a customer is judged along with one of them."""
_JUDGED: Final = 20  # pairs whose members are judged given each other, the best ones
_WORTH: Final = math.log(1e-3)  # p-value of a pair below which its members are judged


def log_p(judge: Judge, ones: U8, alone: F64, pairs: int, n: int) -> F64:
    """Return logarithms of p-values by pairs, (m,) float64, all customers counted; 0 for who is in none worth it.

    Parameters
    ----------
    judge : Judge
        With nobody named.
    ones : (m, length) uint8
    alone : (m,) float64, logarithms of p-values by themselves
    pairs : int, how many of the best are paired
    n : int, customers in all
    """
    chances = judge.mixing if judge.mixing.size > 2 else rule("interleaving", 2)
    terms, _ = whole(likelihood_terms(judge.seen, judge.biases, judge.held, 0, chances, 2), judge.biases)
    p = judge.biases
    tail = Tail(terms, np.stack([(1 - p) ** 2, 2 * p * (1 - p), p**2], axis=1))
    chosen = np.argsort(alone, kind="stable")[:pairs]
    scores = _scores(np.ascontiguousarray(ones[chosen]), terms)
    best = np.argsort(-scores, axis=None, kind="stable")[:_JUDGED]
    first, second = np.unravel_index(best, scores.shape)
    joint = tail.log_p(scores[first, second]) + math.log(n * (n - 1) / 2) + math.log(2)
    found = np.zeros(len(ones))
    for together, i, j in zip(joint.tolist(), chosen[first].tolist(), chosen[second].tolist(), strict=True):
        if together <= _WORTH and i != j:
            given = [_given(judge, ones[a], ones[b], chances) for a, b in ((i, j), (j, i))]
            counted = max(given) + math.log(2) + math.log(n * min(n - 1, MOST_GUILTY))
            found[[i, j]] = np.minimum(found[[i, j]], max(together, counted))
    return found


def _scores(ones: U8, terms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the scores of all pairs, (m, m) int64, above the diagonal; below what any pair has elsewhere."""
    both = np.stack([terms[:, 1], terms[:, 2] - terms[:, 1]]).astype(np.int32)
    scores = np.full((len(ones), len(ones)), np.iinfo(np.int64).min)
    for i in range(len(ones) - 1):
        score_pairs(ones, i, both, scores[i])
    return scores


def _given(judge: Judge, word: U8, other: U8, chances: F64) -> float:
    """Return the logarithm of a word's exact p-value, given another's."""
    real = likelihood_terms(judge.seen, judge.biases, other.astype(np.int64), 1, chances)
    terms, _ = whole(real, judge.biases)
    tail = Tail(terms, np.stack([1 - judge.biases, judge.biases], axis=1))
    return float(tail.log_p([int(terms[word > 0, 1].sum())])[0])
