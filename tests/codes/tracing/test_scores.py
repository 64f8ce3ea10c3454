"""Mixing rules, their estimates, and the terms that scores are made of."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.codes.tracing.biases import arcsine, gauss_legendre
from watermarking.codes.tracing.mixing import MIXING_RULES, chances_of_ones, estimate, rule
from watermarking.codes.tracing.scores import likelihood_terms, probabilities, symmetric_terms, whole
from watermarking.errors import WatermarkError


@pytest.mark.parametrize("name", MIXING_RULES)
@pytest.mark.parametrize("colluders", [1, 2, 5, 10])
def test_rules_keep_to_the_marking_assumption(name: str, colluders: int) -> None:
    chances = rule(name, colluders)
    assert chances.shape == (colluders + 1,)
    assert chances[0] == 0
    assert chances[-1] == 1
    assert ((chances >= 0) & (chances <= 1)).all()


def test_rules_that_there_are_not() -> None:
    with pytest.raises(WatermarkError, match=r"'mean'.*interleaving"):
        rule("mean", 3)
    with pytest.raises(WatermarkError, match="0 colluders"):
        rule("majority", 0)


def test_chances_of_ones() -> None:
    found = chances_of_ones(np.array([0.25, 0.5]), 2)
    assert found == pytest.approx(np.array([[0.5625, 0.375, 0.0625], [0.25, 0.5, 0.25]]))
    assert chances_of_ones(np.array([0.3]), 0).tolist() == [[1.0]]


@pytest.mark.parametrize("name", ["majority", "minority", "all-one", "all-zero"])
def test_a_rule_is_estimated_from_what_is_shown(name: str) -> None:
    rng = np.random.default_rng(5)
    biases, true = rng.choice(arcsine().values, 20_000), rule(name, 5)
    words = rng.random((5, biases.size)) < biases
    shown = rng.random(biases.size) < true[words.sum(axis=0)]
    seen = probabilities(np.where(shown, np.inf, -np.inf))
    nobody = np.zeros(biases.size, np.int64)
    alone = estimate(seen, biases, nobody, 0, 5)
    assert np.abs(alone - true).max() < 0.3
    known = estimate(seen, biases, words[:3].sum(axis=0), 3, 5)
    assert np.abs(known - true).max() < 0.1


def test_symbols_that_are_read_wrongly_are_part_of_the_rule() -> None:
    rng = np.random.default_rng(6)
    biases = rng.choice(arcsine().values, 20_000)
    words = rng.random((3, biases.size)) < biases
    shown = (rng.random(biases.size) < rule("interleaving", 3)[words.sum(axis=0)]) ^ (rng.random(biases.size) < 0.2)
    chances = estimate(probabilities(np.where(shown, 40, -40)), biases, words[:2].sum(axis=0), 2, 3)
    assert chances[0] == pytest.approx(0.2, abs=0.05)
    assert chances[-1] == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("more", [1, 2])
@pytest.mark.parametrize("name", ["interleaving", "minority", "coin"])
def test_a_likelihood_ratio_has_mean_one_by_chance(name: str, more: int) -> None:
    """E[exp(score)] = 1 for words that had no part, whatever was read and however softly."""
    rng = np.random.default_rng(7)
    biases = rng.choice(gauss_legendre(8).values, 200)
    held = rng.integers(0, 3, 200)
    seen = probabilities(rng.normal(0, 4, 200))
    terms = likelihood_terms(seen, biases, held, 2, np.clip(rule(name, 8), 0.01, 0.99), more)
    assert terms.shape == (200, more + 1)
    assert (chances_of_ones(biases, more) * np.exp(terms)).sum(axis=1) == pytest.approx(np.ones(200))


def test_the_universal_score_is_laarhovens() -> None:
    p, c = np.array([0.1, 0.5, 0.8]), 7
    nobody = np.zeros(3, np.int64)
    one = likelihood_terms(np.tile([0.0, 1.0], (3, 1)), p, nobody, 0, rule("interleaving", c))
    assert one[:, 1] == pytest.approx(np.log(1 + (1 - p) / (c * p)))
    assert one[:, 0] == pytest.approx(np.full(3, np.log(1 - 1 / c)))


def test_the_symmetric_score_has_mean_0_and_variance_1_by_chance() -> None:
    p = np.array([0.05, 0.3, 0.9])
    for symbol in (0, 1):
        terms = symmetric_terms(probabilities(np.full(3, 100.0 if symbol else -100.0)), p)
        assert (1 - p) * terms[:, 0] + p * terms[:, 1] == pytest.approx(np.zeros(3), abs=1e-9)
        assert (1 - p) * terms[:, 0] ** 2 + p * terms[:, 1] ** 2 == pytest.approx(np.ones(3))
        assert (terms[:, 1] > 0).all() == bool(symbol)


def test_erasures_say_nothing_and_soft_values_less_than_hard_ones() -> None:
    p, nobody = np.full(4, 0.3), np.zeros(4, np.int64)
    seen = probabilities(np.array([0.0, np.nan, 1.0, np.inf]))
    for terms in (symmetric_terms(seen, p), likelihood_terms(seen, p, nobody, 0, rule("interleaving", 4))):
        assert terms[:2] == pytest.approx(np.zeros((2, 2)), abs=1e-12)
        assert 0 < terms[2, 1] < terms[3, 1]
        assert np.isfinite(terms).all()


def test_whole_terms_are_the_terms_in_small_steps() -> None:
    rng = np.random.default_rng(8)
    p = rng.choice(gauss_legendre(10).values, 500)
    terms = symmetric_terms(probabilities(rng.normal(0, 3, 500)), p)
    steps, step = whole(terms, p)
    assert (steps[:, 0] == 0).all()
    assert np.abs(steps[:, 1] * step - (terms[:, 1] - terms[:, 0])).max() <= step / 2 * (1 + 1e-9)
    assert whole(np.zeros((3, 2)), p[:3])[0].tolist() == [[0, 0]] * 3
