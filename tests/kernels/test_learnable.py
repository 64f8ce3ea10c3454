"""The kernels of the marks made to be learnt against plain loops."""

from __future__ import annotations

from typing import Any

import naive_learnable as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels.learnable import add_field, half_planes, limited_products

Array = np.ndarray[Any, Any]
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(1, 3), SEEDS)
def test_half_planes(shape: tuple[int, int, int], n_planes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    matrix = rng.normal(size=(n_planes, shape[2])).astype(np.float32)
    out = np.full((n_planes, -(-shape[0] // 2), -(-shape[1] // 2)), np.nan, np.float32)
    half_planes(picture, matrix, out)
    np.testing.assert_allclose(out, naive.half_planes(picture, matrix), rtol=1e-5, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 20), st.sampled_from([0.0, 1.0, 1e6]), SEEDS)
def test_limited_products(rows: int, n: int, scale: float, seed: int) -> None:
    first, second = (np.random.default_rng(seed).normal(size=(2, rows, n)) * scale).astype(np.float32)
    out = np.full((rows, n), np.nan, np.float32)
    limited_products(first, second, out)
    np.testing.assert_allclose(out, naive.limited_products(first, second), rtol=1e-5, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(1, 2), st.sampled_from([0, 1, 4, 400]), SEEDS)
def test_add_field_to_the_last_bit_where_sums_are_exact(
    shape: tuple[int, int, int], carriers: int, size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    field = rng.integers(-size, size + 1, (carriers, -(-shape[0] // 2), -(-shape[1] // 2))).astype(np.float32)
    matrix = rng.choice(np.array([-0.5, 0, 1, 2], np.float32), (shape[2], carriers))
    out = np.zeros_like(picture)
    energy = add_field(picture, field, matrix, out)
    expected, expected_energy = naive.add_field(picture, field, matrix)
    np.testing.assert_array_equal(out, expected)
    assert energy == pytest.approx(expected_energy)
