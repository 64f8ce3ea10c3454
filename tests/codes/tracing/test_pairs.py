"""Pairs name colluders whom nobody could name alone, and innocents no more often than they may."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from watermarking.codes.tracing import pairs
from watermarking.codes.tracing.accuse import ROUND_SHARES, Judge, accuse
from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.mixing import rule
from watermarking.keys import Key


def judged(trial: int, length: int, n: int) -> tuple[TardosCode, Key, np.ndarray]:
    """Return a code against two, a key, and what is read of a copy that customers 0 and 1 interleaved."""
    key, code = Key(trial.to_bytes(16, "big")), TardosCode(length=length, colluders=2)
    ones = code.words([0, 1], key=key).sum(axis=0)
    shown = np.random.default_rng(trial).random(length) < rule("interleaving", 2)[ones]
    return code, key, np.where(shown, np.inf, -np.inf)


def test_pairs_find_what_is_too_short_for_one_by_one() -> None:
    """Of a million customers, whose other words need not be made for that."""
    n, found = 10**6, {0: 0, 2: 0}
    for trial in range(25):
        code, key, soft = judged(trial, 180, n)
        judge = Judge(code, soft, key.derive("tracing"), "likelihood")
        ones = code.words([0, 1], key=key).astype(np.uint8)
        log_p = judge.round().log_p(ones) + math.log(n / ROUND_SHARES[0])
        for n_pairs in found:
            found[n_pairs] += int((judge.verdicts(ones, log_p, n, n_pairs) <= math.log(1e-6)).sum() == 2)
            judge.held, judge.n_held = np.zeros_like(judge.held), 0
    assert found[2] >= found[0] + 5


def test_p_values_of_innocents_in_pairs_are_p_values() -> None:
    """Also in pairs with the colluders, who explain half of the copy by themselves."""
    least = []
    for trial in range(80):
        code, key, soft = judged(trial, 40, 12)
        judge = Judge(code, soft, key.derive("tracing"), "likelihood")
        ones = code.words(range(12), key=key).astype(np.uint8)
        alone = judge.round().log_p(ones)
        least.append(math.exp(float(pairs.log_p(judge, ones, alone, 12, 12)[2:].min())))
    for level in (0.3, 0.1, 0.03):
        assert sum(p <= level for p in least) <= binom.ppf(0.9999, len(least), level)


def test_scores_of_pairs_are_those_of_the_likelihood() -> None:
    rng = np.random.default_rng(1)
    ones = rng.integers(0, 2, (5, 70), np.uint8)
    terms = np.sort(rng.integers(-90, 90, (70, 3)), axis=1)
    terms -= terms[:, :1]
    scores = pairs._scores(ones, terms)
    for i in range(5):
        for j in range(i + 1, 5):
            assert scores[i, j] == terms[np.arange(70), ones[i] + ones[j]].sum()
    assert (scores[np.tril_indices(5)] == np.iinfo(np.int64).min).all()


@pytest.mark.parametrize("score", ["interleaving", "symmetric"])
def test_pairs_without_an_estimated_rule(score: str) -> None:
    code, key, soft = judged(3, 160, 50)
    named = accuse(code, soft, range(50), key=key, score=score).named()  # type: ignore[arg-type]  # one of them
    assert set(named) <= {"0", "1"}
