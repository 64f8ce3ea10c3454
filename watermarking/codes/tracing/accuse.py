"""Who took part: scores of all customers, with p-values that count all of them.

Rounds. First everybody is judged by themselves. Whoever is beyond doubt is named, and the others are judged again,
given the words of those: what is left unexplained is less, and the mixing rule is known better (Meerwald and Furon,
2012).

Scores. The first judges by the mixing rule that what was read and the words of those named make most likely; the second
by interleaving of as many colluders as the code is made against (Laarhoven's universal decoder); the third by
interleaving of two, for a few colluders and few places. Skoric's symmetric score is to be had instead.

What the p-value means. Let j be innocent: the merged copy was made without j's word. The word's symbols are then
independent, with the biases' chances, of what was read, of the biases and of all other customers' words. Consider the
procedure in which j is never named. In each of its rounds, the terms of j's score depend on what was read, the biases
and others' words alone, so the exact chance of a sum of independent terms
(:mod:`watermarking.codes.tracing.tail`) is a p-value. Until j is named, the real procedure takes the same course. Round
r and score k count for a share of the false-positive rate, the shares s_rk adding up to one (pairs have one, too), and
n customers are judged, so the least of p_rk n / s_rk falls to a or below with a chance of at most a / n, and with n
customers, some innocent's does with at most a: whatever the colluders did, however many they are, and however the soft
values were made, as long as nothing of the innocents' words went into them. That only the best of the first round are
judged again takes tests away, and adds none.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from watermarking.codes.tracing import pairs as pairing
from watermarking.codes.tracing.mixing import estimate, rule
from watermarking.codes.tracing.scores import likelihood_terms, probabilities, symmetric_terms, whole
from watermarking.codes.tracing.tail import Tail
from watermarking.errors import WatermarkError
from watermarking.interface import Detection, Verdicts
from watermarking.kernels.tracing import score_words
from watermarking.significance import probability

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watermarking.codes.tracing.code import TardosCode
    from watermarking.keys import Key

__all__ = ["Accusations", "Judge", "Round", "Score", "accuse", "accuse_by"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Score: TypeAlias = Literal["likelihood", "interleaving", "symmetric"]

NAMED: Final = 1e-6
"""P-value at which a customer's word is taken for known in later rounds."""
ROUND_SHARES: Final = (0.7, 0.1, 0.1, 0.05)
PAIR_SHARE: Final = 0.05
_SHARES: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "likelihood": (("estimated rule", 0.8), ("interleaving", 0.1), ("few", 0.1)),
    "interleaving": (("interleaving", 1.0),),
    "symmetric": (("symmetric", 1.0),),
}
_CHUNK: Final = 1 << 22  # bytes of words at once
_FEW: Final = 2


@dataclass(frozen=True)
class Accusations(Verdicts):
    """The verdict on the customers who fit best, by name.

    Attributes
    ----------
    detections : dict from name to Detection, the strongest evidence first
        Each p-value counts all customers who were judged.
    n_customers : int, how many were judged
    mixing : (m + 1,) float64
        Chances that the copy shows a one, by how many of m colluders have it, as it was judged by in the last round.
    """

    n_customers: int
    mixing: F64


def accuse(
    code: TardosCode,
    llr: npt.ArrayLike,
    customers: Iterable[str | int],
    *,
    key: Key,
    score: Score = "likelihood",
    keep: int = 1000,
    pairs: int = 300,
) -> Accusations:
    """Say who took part in a copy.

    Parameters
    ----------
    code : TardosCode
    llr : (length,) floating
        What was read: log-likelihood ratios, positive for a one, infinite for hard symbols, 0 where nothing could be
        read. A wrong scale makes colluders harder to find and no innocent easier to accuse.
    customers : iterable of str or int
        Everybody who has a copy, once: p-values count them. Read once, a chunk in memory at a time.
    key : Key
    score : str
        ``"likelihood"``, ``"interleaving"`` for the universal score alone, or ``"symmetric"``.
    keep : int
        How many get a verdict, and are judged again when others are named.
    pairs : int
        How many of the best are judged two by two where nobody could be named; 0 for none.

    Raises
    ------
    WatermarkError
        If there are not as many soft values as places, no customers, a name twice among the best, or no such score.

    Examples
    --------
    >>> from watermarking import Key
    >>> from watermarking.codes.tracing.code import TardosCode
    >>> key, code = Key(bytes(16)), TardosCode(length=300, colluders=2)
    >>> words = code.words(["ada", "bob"], key=key)
    >>> merged = np.where(np.arange(300) % 2, words[0], words[1])
    >>> found = accuse(code, np.where(merged, 4.0, -4.0), ["ada", "bob", "cleo", *range(1000)], key=key)
    >>> sorted(found.named())
    ['ada', 'bob']
    """
    if score not in _SHARES:
        raise WatermarkError(f"there is no score {score!r}: it is one of {', '.join(_SHARES)}")
    soft = np.asarray(llr, np.float64)
    if soft.shape != (code.length,):
        raise WatermarkError(f"soft values of shape {soft.shape} were given, the code has {code.length} places")
    if keep < 1:
        raise WatermarkError(f"{keep} customers cannot be kept: keep at least 1")
    return accuse_by(Judge(code, soft, key.derive("tracing"), score), code, customers, key=key, keep=keep, pairs=pairs)


def accuse_by(
    judge: Judge, code: TardosCode, customers: Iterable[str | int], *, key: Key, keep: int, pairs: int
) -> Accusations:
    """Say who took part, by a judge of any kind; the rest as :func:`accuse`."""
    names, best, n = _best(code, judge, customers, key, keep)
    ones = np.ascontiguousarray(code.words(names, key=key), np.uint8)
    verdicts = judge.verdicts(ones, best + math.log(n / ROUND_SHARES[0]), n, min(pairs, len(names)))
    order = np.argsort(verdicts, kind="stable").tolist()
    found = {names[i]: Detection(-float(verdicts[i]), probability(float(verdicts[i])), judge.statistic) for i in order}
    return Accusations(found, n, judge.mixing)


def _best(
    code: TardosCode, judge: Judge, customers: Iterable[str | int], key: Key, keep: int
) -> tuple[list[str], F64, int]:
    """Judge everybody alone; return the best ones' names, logarithms of p-values, and how many there were."""
    names: list[str] = []
    best, n = np.zeros(0), 0
    waiting, size = iter(customers), max(1, _CHUNK // code.length)
    thresholds = code.thresholds(key=key)
    first = judge.round()
    while chunk := list(map(str, itertools.islice(waiting, size))):
        n += len(chunk)
        log_p = first.log_p_of_drawn(code.drawn(chunk, key=key), thresholds)
        names, best = names + chunk, np.concatenate([best, log_p])
        if len(names) > keep:
            kept = np.sort(np.argpartition(best, keep)[:keep])
            names, best = [names[i] for i in kept.tolist()], best[kept]
    if not n:
        raise WatermarkError("no customers were given: give the names of everybody who has a copy")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise WatermarkError(f"the customer {twice!r} was given twice: give each one once")
    return names, best, n


class Judge:
    """Judges customers by what was read, given the words of those who are named.

    Parameters
    ----------
    biases : TardosCode
    llr : (length,) float64
    key : Key
        The code's own subkey.
    score : str
    """

    statistic: str

    def __init__(self, code: TardosCode, llr: F64, key: Key, score: Score) -> None:
        self.seen = probabilities(llr)
        self.biases = code.distribution().draw(key, code.length) / 256
        self.colluders, self._score = code.colluders, score
        self.held, self.n_held = np.zeros(code.length, np.int64), 0
        self.mixing = rule("interleaving", max(code.colluders, 1))
        self.statistic = "collusion-secure code"

    def round(self) -> Round:
        """Return the scores of this round, its terms and their distributions by chance."""
        m = max(self.colluders, self.n_held + 1)
        rules = {"interleaving": rule("interleaving", m), "few": rule("interleaving", max(_FEW, self.n_held + 1))}
        if self._score == "likelihood":
            rules["estimated rule"] = self.mixing = estimate(self.seen, self.biases, self.held, self.n_held, m)
        terms, tails, shares = [], [], []
        for name, share in _SHARES[self._score]:
            if name == "symmetric":
                real = symmetric_terms(self.seen, self.biases)
            else:
                real = likelihood_terms(self.seen, self.biases, self.held, self.n_held, rules[name])
            steps, _ = whole(real, self.biases)
            terms.append(steps[:, 1])
            tails.append(Tail(steps, np.stack([1 - self.biases, self.biases], axis=1)))
            shares.append(math.log(share))
        return Round(np.stack(terms).astype(np.int32), tails, shares)

    def verdicts(self, ones: U8, log_p: F64, n: int, pairs: int) -> F64:
        """Return logarithms of p-values that count ``n`` customers, (m,) float64, after all rounds.

        ``ones`` (m, length) are the words of the best, ``log_p`` their p-values after the first round, counted.
        """
        named: set[int] = set()
        for share in (*ROUND_SHARES[1:], None):
            new = set(np.flatnonzero(log_p <= math.log(NAMED)).tolist()) - named
            if not new and not named and pairs > 1:
                paired = pairing.log_p(self, ones, log_p, pairs, n) - math.log(PAIR_SHARE)
                log_p = np.minimum(log_p, paired)
                new = set(np.flatnonzero(log_p <= math.log(NAMED)).tolist())
            if not new or share is None or self._score == "symmetric":
                break
            named |= new
            self.held, self.n_held = ones[sorted(named)].sum(axis=0, dtype=np.int64), len(named)
            again = self.round().log_p(ones) + math.log(n / share)
            again[sorted(named)] = 0.0  # judged already, when their own words were not among what is held
            log_p = np.minimum(log_p, again)
        return np.minimum(log_p, 0.0)


@dataclass(frozen=True)
class Round:
    """Scores of one round: whole terms (k, length) int32, their distributions, logarithms of their shares."""

    terms: npt.NDArray[np.int32]
    tails: list[Tail]
    shares: list[float]

    def log_p(self, ones: U8) -> F64:
        """Return the least logarithm of a p-value, by word (m, length) of 0 and 1, their number not counted."""
        return self.log_p_of_drawn(1 - ones, np.ones(ones.shape[1], np.uint8))

    def log_p_of_drawn(self, drawn: U8, thresholds: U8) -> F64:
        """Return the same for words whose ones are bytes below thresholds."""
        sums = np.empty((len(drawn), len(self.tails)), np.int64)
        score_words(drawn, thresholds, self.terms, sums)
        judged = zip(self.tails, sums.T, self.shares, strict=True)
        return np.asarray(np.min([tail.log_p(column) - share for tail, column, share in judged], axis=0))
