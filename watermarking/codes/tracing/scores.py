"""What a symbol of a customer's word says at each place, given what was read there: the terms of scores.

Whatever the terms are, an innocent's p-value is exact (:mod:`watermarking.codes.tracing.tail`), as long as they were
chosen without looking at that customer's word. They decide how much a colluder's score stands out.

References
----------
Tardos, "Optimal probabilistic fingerprint codes", STOC 2003. Skoric, Katzenbeisser, Celik, "Symmetric Tardos
fingerprinting codes for arbitrary alphabet sizes", Designs, Codes and Cryptography 46, 2008. Laarhoven, "Asymptotics of
fingerprinting and group testing: capacity-achieving log-likelihood decoders", EURASIP Journal on Information Security,
2016. Meerwald and Furon, "Toward practical joint decoding of binary Tardos fingerprinting codes", IEEE Transactions on
Information Forensics and Security 7(4), 2012, for estimated rules and for the use of colluders who are known.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from watermarking.codes.tracing.mixing import chances_of_ones

__all__ = ["LARGEST", "likelihood_terms", "probabilities", "symmetric_terms", "whole"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LARGEST: Final = 1 << 18
"""Of whole terms; :func:`watermarking.kernels.tracing.score_words` adds up 4096 of them within 32 bits."""
_STEPS: Final = 4  # of the lattice, to the standard deviation of a place's term
_SURE: Final = 30.0  # log-likelihood ratio beyond which a symbol is certain
_LEAST: Final = 1e-6  # probability of what a rule rules out


def probabilities(llr: npt.NDArray[np.floating]) -> F64:
    """Return how probable it is that a zero and that a one looks like what was read, (n, 2) float64 adding up to one.

    ``llr`` (n,) are log-likelihood ratios, positive for a one, infinite where it is certain; 0 is an erasure, and so
    is NaN.

    Examples
    --------
    >>> probabilities(np.array([np.inf, 0.0, np.nan])).round(3).tolist()
    [[0.0, 1.0], [0.5, 0.5], [0.5, 0.5]]
    """
    ratio = np.clip(np.nan_to_num(np.asarray(llr, np.float64), nan=0.0), -_SURE, _SURE)
    one = 1 / (1 + np.exp(-ratio))
    return np.stack([1 / (1 + np.exp(ratio)), one], axis=1)


def symmetric_terms(seen: F64, biases: F64) -> F64:
    """Return Skoric's symmetric score of a zero and a one, (n, 2) float64; soft values weigh it by 2 P(one) - 1.

    Of mean 0 and, where symbols are certain, variance 1 for an innocent.
    """
    sign = seen[:, 1] - seen[:, 0]
    return np.stack([-sign * np.sqrt(biases / (1 - biases)), sign * np.sqrt((1 - biases) / biases)], axis=1)


def likelihood_terms(seen: F64, biases: F64, held: I64, n_held: int, chances: F64, more: int = 1) -> F64:
    """Return the log-likelihood ratio of 0 ... ``more`` ones among so many further words being a colluder's or not.

    Parameters
    ----------
    seen : (n, 2) float64, of :func:`probabilities`
    biases : (n,) float64
    held : (n,) int64, how many of the ``n_held`` colluders who are known have a one
    chances : (colluders + 1,) float64
        The mixing rule that it is judged by: against ``k / colluders``, interleaving, it is the decoder that holds
        asymptotically against any rule (Laarhoven, section 3.2).
    more : int
        How many words are judged together; with those held at most the rule's colluders.

    Returns
    -------
    (n, more + 1) float64
    """
    n_others = chances.size - 1 - n_held - more
    kinds, where = np.unique(np.column_stack([biases, held]), axis=0, return_inverse=True)
    unseen = chances_of_ones(kinds[:, 0], n_others)
    ones = kinds[:, 1].astype(np.int64)[:, None] + np.arange(n_others + 1)
    shows = np.stack([(unseen * chances[ones + extra]).sum(axis=1) for extra in range(more + 1)], axis=1)
    shows = np.clip(shows, _LEAST, 1 - _LEAST)[where.ravel()]
    likely = seen[:, :1] * (1 - shows) + seen[:, 1:] * shows
    average = (likely * chances_of_ones(biases, more)).sum(axis=1)
    return np.asarray(np.log(likely) - np.log(average)[:, None])


def whole(terms: F64, biases: F64) -> tuple[I64, float]:
    """Round terms to whole numbers, less what a place adds in any case, and return them and the size of a step.

    Parameters
    ----------
    terms : (n, m) float64, of 0 ... m - 1 ones
    biases : (n,) float64

    Returns
    -------
    (n, m) int64, the first column 0
        Their sums are the same in any order, so that every machine accuses the same; a step is small beside what
        places add, so that nothing is lost.
    float
    """
    gains = terms - terms[:, :1]
    spread = math.sqrt(float(np.mean(gains[:, -1] ** 2 * biases * (1 - biases)))) if len(terms) else 0.0
    if not spread > 0:
        return np.zeros(terms.shape, np.int64), 1.0
    step = spread / _STEPS
    return np.clip(np.round(gains / step), -LARGEST, LARGEST).astype(np.int64), step
