"""Capacities against closed forms and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import entropy, norm

from watermarking.metrics import bi_awgn_capacity, bsc_capacity, soft_capacity


@pytest.mark.parametrize("p", [0.0, 1e-9, 0.01, 0.11, 0.3, 0.5, 0.9, 1.0])
def test_binary_symmetric(p: float) -> None:
    assert bsc_capacity(p) == pytest.approx(1 - entropy([p, 1 - p], base=2), abs=1e-12)


@pytest.mark.parametrize("snr", [0.0, 1e-4, 0.05, 0.3, 1.0, 4.0, 30.0, 500.0])
def test_gaussian_against_quadrature(snr: float) -> None:
    def loss(z: float) -> float:
        return norm.pdf(z) * np.logaddexp(0, -(2 * snr + 2 * math.sqrt(snr) * z)) / math.log(2)

    expected = 1 - integrate.quad(loss, -15, 15, limit=500)[0]
    assert bi_awgn_capacity(snr) == pytest.approx(expected, abs=1e-9)


def test_known_points() -> None:
    # Half a bit a use is reached at Es/N0 = -2.82 dB, that is snr = 2 Es/N0.
    assert bi_awgn_capacity(2 * 10**-0.282) == pytest.approx(0.5, abs=1e-3)
    assert bi_awgn_capacity(1e-4) == pytest.approx(1e-4 / (2 * math.log(2)), rel=1e-3)


@pytest.mark.parametrize("snr", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_soft_values_reach_the_capacity_at_any_scale(snr: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, 50_000).astype(bool)
    received = np.where(bits, 1, -1) * math.sqrt(snr) + rng.standard_normal(bits.size)
    assert soft_capacity(scale * received, bits) == pytest.approx(bi_awgn_capacity(snr), abs=1e-2)


def test_hard_values_are_a_binary_symmetric_channel() -> None:
    sent = np.arange(10_000) % 2 == 0
    read = sent ^ (np.arange(10_000) < 1100)
    assert soft_capacity(np.where(read, 1.0, -1.0), sent) == pytest.approx(bsc_capacity(0.11), abs=1e-9)


def test_useless_values_carry_nothing() -> None:
    bits = np.random.default_rng(0).integers(0, 2, 5000).astype(bool)
    assert soft_capacity(np.zeros(5000), bits) == 0.0
    assert soft_capacity(np.random.default_rng(1).standard_normal(5000), bits) < 2e-3
    assert soft_capacity(np.where(bits, -1.0, 1.0), bits) == pytest.approx(0.0, abs=1e-3)
    assert soft_capacity(np.where(bits, np.inf, -np.inf), bits) == 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: bsc_capacity(1.1),
        lambda: bsc_capacity(math.nan),
        lambda: bi_awgn_capacity(-1.0),
        lambda: bi_awgn_capacity(math.inf),
        lambda: soft_capacity([], []),
        lambda: soft_capacity([1.0], [True, False]),
        lambda: soft_capacity([math.nan], [True]),
    ],
)
def test_refusals(call: object) -> None:
    with pytest.raises(ValueError, match=r"rate|ratio|soft values"):
        call()
