"""The chance of a correlation: against counted directions, caps of spheres, and at the ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

from watermarking.ownership.learnable.chance import correlation, correlation_p_value

Array = np.ndarray[Any, Any]


def uneven(rows: int, columns: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)) * np.exp(1.5 * rng.normal(size=(rows, 1)))


@pytest.mark.parametrize("shape", [(5, 5), (4, 9), (9, 4), (2, 2)], ids=str)
def test_it_is_the_share_of_directions(shape: tuple[int, int]) -> None:
    drawn, rng = uneven(*shape), np.random.default_rng(1)
    seen = rng.normal(size=shape[0])
    found = np.array([correlation(seen, drawn, z) for z in rng.normal(size=(40_000, shape[1]))])
    for rho in (-0.7, -0.2, 0.0, 0.1, 0.4, 0.8):
        assert correlation_p_value(rho, seen, drawn) == pytest.approx((found >= rho).mean(), abs=0.011)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("dimensions", [2, 3, 60])
def test_where_all_draw_alike_it_is_the_share_of_the_sphere(rho: float, dimensions: int) -> None:
    cap = 0.5 * special.betainc((dimensions - 1) / 2, 0.5, 1 - rho * rho)
    seen = np.random.default_rng(2).normal(size=dimensions)
    assert correlation_p_value(rho, seen, 7 * np.eye(dimensions)) == pytest.approx(cap, rel=1e-3)


def test_it_falls_as_the_correlation_rises_to_the_smallest_numbers() -> None:
    drawn = uneven(40, 60)
    seen = np.random.default_rng(3).normal(size=40)
    values = [correlation_p_value(rho, seen, drawn) for rho in (-1.0, -0.5, 0.0, 0.5, 0.9, 0.99, 0.999, 1.0, 1 + 1e-15)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1.0)
    assert values[2] == 0.5
    assert 0 < values[-1] < 1e-40


def test_scales_change_nothing() -> None:
    drawn, seen = uneven(6, 8), np.arange(6.0)
    assert correlation_p_value(0.7, 1e-6 * seen, 1e5 * drawn) == pytest.approx(correlation_p_value(0.7, seen, drawn))


def test_what_no_direction_draws_weakens_what_is_seen() -> None:
    """Half of what was seen lies outside: the best direction correlates by 0.7, and chances count from there."""
    drawn, seen = np.vstack([np.eye(5), np.zeros((1, 5))]), np.array([1.0, 0, 0, 0, 0, 1])
    best = correlation(seen, drawn, np.eye(5)[0])
    assert best == pytest.approx(np.sqrt(0.5))
    assert correlation_p_value(0.5 * best, seen, drawn) == pytest.approx(correlation_p_value(0.5, seen[:5], np.eye(5)))


@pytest.mark.parametrize(
    ("seen", "drawn"),
    [
        (np.zeros(3), np.eye(3)),
        (np.ones(3), np.zeros((3, 3))),
        (np.zeros(0), np.zeros((0, 4))),
        (np.ones(3), np.outer([1.0, 1, 0], [1.0, 2, 3])),  # every direction draws the same: it proves nothing
        (np.array([0.0, 0, 1]), np.eye(3)[:, :2]),
    ],
    ids=["nothing seen", "nothing drawn", "empty", "one pattern", "outside"],
)
@pytest.mark.parametrize("rho", [0.5, 1.0])
def test_what_says_nothing_proves_nothing(seen: Array, drawn: Array, rho: float) -> None:
    assert correlation_p_value(rho, seen, drawn) == 1.0


def test_correlation_of_nothing_is_none() -> None:
    assert correlation(np.zeros(3), np.eye(3), np.ones(3)) == 0
    assert correlation(np.ones(3), np.eye(3), np.zeros(3)) == 0
    assert correlation(np.ones(3), np.eye(3), np.ones(3)) == pytest.approx(1)
