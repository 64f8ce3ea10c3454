"""The normal approximation that the codes are measured against, and what was measured."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_spec = importlib.util.spec_from_file_location("benchmark_codes", Path(__file__).parents[2] / "benchmarks" / "codes.py")
assert _spec is not None
assert _spec.loader is not None
codes: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(codes)


@pytest.mark.parametrize(("rate", "ebn0_db"), [(1 / 2, 0.187), (1 / 3, -0.495), (3 / 4, 1.626), (1 / 10, -1.286)])
def test_capacity_meets_published_limits(rate: float, ebn0_db: float) -> None:
    """The well-known limits of binary antipodal signalling, such as 0.187 dB at rate 1/2."""
    assert codes.moments(ebn0_db + 10 * math.log10(rate))[0] == pytest.approx(rate, abs=2e-4)


@pytest.mark.parametrize("esn0_db", [-9.0, -3.0, 2.0])
def test_moments_are_those_of_the_channel(esn0_db: float) -> None:
    """Send a million places, and take mean and variance of log2 p(y | x) / p(y) as they come."""
    rng = np.random.default_rng(1)
    sigma = math.sqrt(0.5 / 10 ** (esn0_db / 10))
    received = 1 + sigma * rng.standard_normal(1_000_000)
    density = 1 - np.log2(1 + np.exp(((received - 1) ** 2 - (received + 1) ** 2) / (2 * sigma**2)))
    capacity, dispersion = codes.moments(esn0_db)
    assert capacity == pytest.approx(density.mean(), abs=5 * density.std() / 1000)
    assert dispersion == pytest.approx(density.var(), rel=0.02)


def test_weak_signals_meet_the_gaussian_channel() -> None:
    """At low power binary inputs lose nothing: log2(1 + P) / 2 and P (P + 2) / (2 (P + 1)^2) log2(e)^2 (PPV 2010)."""
    power = 0.02
    capacity, dispersion = codes.moments(10 * math.log10(power / 2))
    assert capacity == pytest.approx(math.log2(1 + power) / 2, rel=1e-3)
    assert dispersion == pytest.approx(power * (power + 2) / (2 * (power + 1) ** 2) / math.log(2) ** 2, rel=5e-3)


@pytest.mark.parametrize(("k", "n"), [(112, 336), (208, 1664)])
def test_bound_inverts_the_approximation(k: int, n: int) -> None:
    assert codes.normal_approximation(k, n, codes.bound_db(k, n)) == pytest.approx(1e-3, rel=1e-6)


def test_wilson_interval() -> None:
    """The textbook's example: 10 of 100 gives 5.5 % to 17.4 %."""
    assert codes.wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)


def test_gap_is_interpolated() -> None:
    rows = [
        {"offset_db": offset, "blocks": blocks, "errors": 100}
        for offset, blocks in ((0.0, 1000), (0.5, 10_000), (1.0, 1_000_000))
    ]
    assert codes.gap_db(rows) == pytest.approx(0.75)
    assert math.isnan(codes.gap_db(rows[:2]))


def test_stored_measurement_is_within_a_decibel_and_a_half() -> None:
    result = json.loads(codes.RESULT.read_text("utf-8"))
    assert result["seed"] == codes.SEED
    for k, n in ((112, 336), (112, 896), (208, 624), (208, 1664)):
        rows = [row for row in result["rows"] if (row["k"], row["n"]) == (k, n)]
        assert codes.gap_db(rows) < 1.5
        assert rows[-2]["errors"] >= 100
