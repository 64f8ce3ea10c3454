"""Density evolution against what is known of Gaussian and of erasure channels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from watermarking.codes.density import _dual, bit_channels


def capacity(log_mean: float) -> float:
    """Integrate the capacity of a binary-input Gaussian channel over its LLR, by a plain sum."""
    mean = math.exp(log_mean)
    llr = np.linspace(mean - 14 * math.sqrt(2 * mean), mean + 14 * math.sqrt(2 * mean), 200_001)
    density = np.exp(-((llr - mean) ** 2) / (4 * mean)) / math.sqrt(4 * math.pi * mean)
    return float(1 - np.sum(density * np.logaddexp(0, -llr)) / math.log(2) * (llr[1] - llr[0]))


@pytest.mark.parametrize("log_mean", [-6.0, -3.0, -1.0, 0.0, 0.7, 1.0, 2.0, 3.0])
def test_capacities_of_dual_channels_add_up_to_one(log_mean: float) -> None:
    dual = float(_dual(np.array([log_mean]))[0])
    assert capacity(log_mean) + capacity(dual) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("log_mean", [-9.0, -4.0, 0.0, 1.5, 4.0, 7.0, 9.0])
def test_duality_is_its_own_inverse(log_mean: float) -> None:
    there = _dual(np.array([log_mean]))
    assert float(_dual(there)[0]) == pytest.approx(log_mean, abs=2e-3)


def test_one_step_keeps_capacity() -> None:
    """What the check node loses the variable node gains, up to the error of calling both Gaussian."""
    for log_mean in (-2.0, 0.0, 1.0):
        bad, good = bit_channels(np.full(2, log_mean))
        assert bad < log_mean < good
        assert good == pytest.approx(log_mean + math.log(2), abs=1e-6)
        assert capacity(float(bad)) + capacity(float(good)) == pytest.approx(2 * capacity(log_mean), abs=0.02)


def test_places_that_are_not_sent_cost_the_first_inputs() -> None:
    means = np.zeros(16)
    means[:5] = -np.inf
    seen = bit_channels(means)
    assert np.all(seen[:5] < -1000)
    assert np.all(seen[5:] > -1000)
