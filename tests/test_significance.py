"""The p-values are bounds: against exact enumeration, simulation, and SciPy's distributions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from watermarking.significance import any_of, log_rademacher, probability, rademacher_p_value, squares_p_value


def every_sum(weights: np.ndarray) -> np.ndarray:
    """Return all 2^n scores of signs times weights, sorted from the highest."""
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=weights.size)))
    return np.sort(signs @ weights / math.sqrt(float(weights @ weights)))[::-1]


def check_bound(scores: np.ndarray) -> None:
    """Each of N equally likely scores, the i-th highest, is reached with probability at least (i + 1) / N."""
    for i, score in enumerate(scores):
        if i + 1 < scores.size and scores[i + 1] > score - 1e-9:
            continue  # ties: their last one says how often the score is reached
        assert rademacher_p_value(float(score) - 1e-12) >= (i + 1) / scores.size * (1 - 1e-9)


@pytest.mark.parametrize("n", range(1, 13))
def test_equal_weights_exactly(n: int) -> None:
    check_bound(every_sum(np.ones(n)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.01, 0.1, 0.5, 1.0, 1.0, 2.0, 3.0, 20.0]), min_size=1, max_size=10))
def test_any_weights_exactly(weights: list[float]) -> None:
    check_bound(every_sum(np.array(weights)))


def test_it_is_hardly_above_the_gaussian_tail() -> None:
    for score in (2.0, 3.0, 5.0, 8.0):
        assert 3.1 < rademacher_p_value(score) / stats.norm.sf(score) < 3.2
    assert rademacher_p_value(math.sqrt(2)) == pytest.approx(0.25)


@pytest.mark.parametrize("power", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("fpr", [1e-2, 1e-3])
def test_simulated_false_positives_of_sums(fpr: float, power: float) -> None:
    rng = np.random.default_rng(11)
    n_draws = 100_000
    weights = np.arange(1, 33, dtype=np.float32) ** -power
    signs = rng.integers(0, 2, (n_draws, 32), np.int8).astype(np.float32) * 2 - 1
    scores = signs @ weights / np.sqrt(weights @ weights)
    share = np.count_nonzero([rademacher_p_value(float(score)) <= fpr for score in scores])
    assert share <= stats.binom.ppf(0.999, n_draws, fpr)


@pytest.mark.parametrize("n", [1, 2, 10, 400, 5000])
def test_chernoff_bounds_chi_square(n: int) -> None:
    for total in n * np.array([0.5, 1.0, 1.1, 1.5, 2.0, 4.0]):
        exact = stats.chi2.sf(total, n)
        assert squares_p_value(float(total), n) >= exact * (1 - 1e-9)
    assert squares_p_value(2.0 * n + 40, n) < 1e-5


@pytest.mark.parametrize("fpr", [1e-2, 1e-3])
def test_simulated_false_positives_of_squares(fpr: float) -> None:
    rng = np.random.default_rng(12)
    n_draws, n = 40_000, 6
    weights = rng.random((n, 16))
    weights /= np.sqrt(np.square(weights).sum(1, keepdims=True))
    signs = rng.choice([-1.0, 1.0], (n_draws, n, 16))
    totals = np.square((signs * weights).sum(2)).sum(1)
    count = sum(squares_p_value(float(total), n) <= fpr for total in totals)
    assert count <= stats.binom.ppf(0.999, n_draws, fpr)


@pytest.mark.parametrize("score", [0.0, -3.0, -math.inf, math.nan])
def test_no_evidence_gives_one(score: float) -> None:
    assert rademacher_p_value(score) == 1.0
    assert squares_p_value(score, 5) == 1.0
    assert squares_p_value(5.0, 0) == 1.0


def test_overwhelming_evidence_gives_a_tiny_probability_not_zero() -> None:
    for p_value in (rademacher_p_value(1e6), rademacher_p_value(math.inf), squares_p_value(1e9, 3)):
        assert 0 < p_value < 1e-300


def test_p_values_fall_with_the_score() -> None:
    scores = np.linspace(0, 12, 300)
    sums = [rademacher_p_value(float(score)) for score in scores]
    squares = [squares_p_value(float(10 * score), 10) for score in scores]
    assert sums == sorted(sums, reverse=True)
    assert squares == sorted(squares, reverse=True)
    assert max(sums + squares) == 1.0


def test_many_tries() -> None:
    assert any_of(1e-9, 10) == pytest.approx(1e-8)
    assert any_of(0.3, 10) == 1.0


@pytest.mark.parametrize("score", [-1.0, 0.0, 1.0, 5.0, 7.9, 8.0, 12.0, 30.0, 37.0])
def test_logarithms_are_those_of_the_bound_and_never_less(score: float) -> None:
    exact = math.log(rademacher_p_value(score))
    assert exact - 1e-12 <= log_rademacher(score) <= exact + 0.02


def test_logarithms_go_on_where_floats_end() -> None:
    assert log_rademacher(100.0) == pytest.approx(math.log(3.178) + stats.norm.logsf(100.0), rel=1e-4)
    assert probability(log_rademacher(100.0)) > 0
    assert probability(-1.0) == pytest.approx(math.exp(-1))
    assert (probability(5.0), log_rademacher(math.nan)) == (1.0, 0.0)
