"""The chance of an innocent's score: against enumeration, the binomial distribution, and simulation."""

from __future__ import annotations

import math

import naive_tracing as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from watermarking.codes.tracing.tail import Tail


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(2, 3))
def test_against_all_words(seed: int, n: int, symbols: int) -> None:
    rng = np.random.default_rng(seed)
    terms = rng.integers(-50, 51, (n, symbols))
    chances = rng.dirichlet(np.ones(symbols) * 3, n)
    known = naive.distribution(terms, chances)
    tail = Tail(terms, chances)
    values = np.arange(min(known) - 1, max(known) + 2)
    for value, log_p in zip(values.tolist(), tail.log_p(values).tolist(), strict=True):
        true = sum(p for score, p in known.items() if score >= value)
        assert math.exp(log_p) >= true * (1 - 1e-9) - 1e-15
        assert math.exp(log_p) <= true * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize(("n", "p"), [(1000, 0.5), (400, 0.05), (5000, 0.3)])
def test_against_the_binomial_distribution(n: int, p: float) -> None:
    tail = Tail(np.tile([0, 1], (n, 1)), np.tile([1 - p, p], (n, 1)))
    assert tail.mean == pytest.approx(n * p)
    assert tail.deviation == pytest.approx(math.sqrt(n * p * (1 - p)))
    scores = np.arange(math.ceil(n * p + 3 * tail.deviation), math.floor(n * p + 10 * tail.deviation))
    exact = binom.logsf(scores - 1, n, p)
    assert tail.log_p(scores) == pytest.approx(exact, abs=1e-5)
    assert (tail.log_p(scores) >= exact - 1e-9).all()


def test_what_cannot_be_reached_and_what_must_be() -> None:
    tail = Tail(np.tile([-2, 5], (30, 1)), np.full((30, 2), 0.5))
    log_p = tail.log_p([-60, -61, 150, 151])
    assert log_p[0] == log_p[1] == 0
    assert log_p[2] == pytest.approx(30 * math.log(0.5), abs=1e-6)
    assert log_p[3] == -math.inf


def test_nothing_to_add() -> None:
    for tail in (
        Tail(np.zeros((4, 2), np.int64), np.full((4, 2), 0.5)),
        Tail(np.zeros((0, 2), np.int64), np.zeros((0, 2))),
    ):
        assert tail.log_p([0, -1, 1]).tolist() == [0, 0, -math.inf]


def test_higher_scores_are_rarer() -> None:
    rng = np.random.default_rng(3)
    terms = np.stack([np.zeros(500, np.int64), rng.integers(-40, 40, 500)], axis=1)
    chances = np.full((500, 2), 0.5)
    tail = Tail(terms, chances)
    log_p = tail.log_p(np.arange(int(tail.mean), int(tail.mean + 9 * tail.deviation)))
    assert (np.diff(log_p) <= 1e-6).all()


def test_the_window_comes_round() -> None:
    """A window far smaller than the range of the scores: few, huge terms beside many small ones."""
    terms = np.array([[0, 1]] * 3000 + [[0, 4000]] * 2)
    chances = np.array([[0.5, 0.5]] * 3000 + [[0.999, 0.001]] * 2)
    log_p = Tail(terms, chances).log_p([1750, 5640])
    one = binom.sf(1749, 3000, 0.5) * 0.999**2 + (1 - 0.999**2)
    two = 2 * 0.001 * 0.999 * binom.sf(1639, 3000, 0.5) + 1e-6
    for true, found in ((one, log_p[0]), (two, log_p[1])):
        assert true * (1 - 1e-9) <= math.exp(found) <= true * (1 + 1e-4)
