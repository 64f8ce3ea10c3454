"""The solver on a grid of pixels against a dense matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive_lattice import lattice_factor, lattice_matrix

from watermarking.kernels.lattice_solve import factor_lattice, solve_lattice

Array = np.ndarray[Any, Any]


def problem(seed: int, rows: int, columns: int, spread: float) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    right, down = np.exp(spread * rng.standard_normal((2, rows, columns)))
    right[:, -1] = 0
    down[-1] = 0
    return right, down, rng.random((rows, columns))


@settings(max_examples=40, deadline=None)
@example(3941, 3, 7, 5.0)
@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.0, 2.0, 5.0]))
def test_solution_is_the_dense_one(seed: int, rows: int, columns: int, spread: float) -> None:
    right, down, wanted = problem(seed, rows, columns, spread)
    factor, out = np.empty_like(right), wanted.copy()
    factor_lattice(right, down, factor)
    # Pivots are differences of weights up to e^20: what rounding of the largest leaves in the smallest is no error.
    rounding = 1e-14 * max(right.max(), down.max())
    np.testing.assert_allclose(1 / factor, 1 / lattice_factor(right, down), rtol=1e-9, atol=rounding)
    assert (1 / factor >= (1 + right + down) * (1 - 1e-9)).all()
    solve_lattice(right, down, factor, wanted, 1e-6, 500, out, np.empty((4, rows, columns)))
    exact = np.linalg.solve(lattice_matrix(right, down), wanted.ravel()).reshape(rows, columns)
    assert np.abs(out - exact).max() <= 2e-6


def test_steps_are_counted_and_limited() -> None:
    right, down, wanted = problem(1, 40, 30, 3.0)
    factor, room = np.empty_like(right), np.empty((4, 40, 30))
    factor_lattice(right, down, factor)
    out = wanted.copy()
    assert solve_lattice(right, down, factor, wanted, 1e-9, 2, out, room) == 2
    n = solve_lattice(right, down, factor, wanted, 1e-9, 500, out, room)
    assert 2 < n < 100
    assert solve_lattice(right, down, factor, wanted, 1e-8, 500, out, room) == 0


@pytest.mark.parametrize("weight", [0.0, 1e6])
def test_extreme_weights(weight: float) -> None:
    """Without ties nothing changes; with very strong ones all becomes the mean."""
    right, down, wanted = problem(2, 12, 12, 0.0)
    right, down = right * weight, down * weight
    factor, out = np.empty_like(right), np.zeros_like(wanted)
    factor_lattice(right, down, factor)
    solve_lattice(right, down, factor, wanted, 1e-9, 1000, out, np.empty((4, 12, 12)))
    np.testing.assert_allclose(out, wanted if weight == 0 else wanted.mean(), atol=1e-4)
