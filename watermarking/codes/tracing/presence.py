"""Whether one word of a code is what was read, whatever all others are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from watermarking.interface import Detection
from watermarking.significance import probability

if TYPE_CHECKING:
    from watermarking.interface import Bits

__all__ = ["word_detection"]


def word_detection(llr: npt.NDArray[np.floating], word: Bits, biases: npt.NDArray[np.float64]) -> Detection:
    """Say whether a customer's word went into what was read.

    The words of two customers agree at more than half of the places, since they share the biases: so what is added up
    is each place's soft value times the word's symbol less its bias. Of a word that had no part in it, the symbols are
    independent given all else, and Hoeffding's inequality (1963, theorem 2) bounds the sum.

    Parameters
    ----------
    llr : (n,) floating
        Soft values of any scale, positive for a one.
    word : (n,) bool
    biases : (n,) float64
        Chances of a one.

    Examples
    --------
    >>> word = np.arange(200) % 2 == 0
    >>> read = np.where(word, 1.0, -1.0)
    >>> biases = np.full(200, 0.5)
    >>> word_detection(read, word, biases).p_value < 1e-20, word_detection(read, ~word, biases).p_value
    (True, 1.0)
    """
    soft = np.nan_to_num(np.asarray(llr, np.float64), nan=0.0, posinf=1e6, neginf=-1e6)
    norm = float(np.linalg.norm(soft))
    score = float(soft @ (word - biases)) / norm if norm > 0 else 0.0
    return Detection(score, probability(-2 * score * score) if score > 0 else 1.0, "code word")
