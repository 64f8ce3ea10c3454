"""Linear light and XYB against plain loops, in every number of channels and across the strips of the kernels."""

from __future__ import annotations

from typing import Any

import naive_visibility as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels.xyb import halve, linear_from_table, linear_rows, xyb_rows

Array = np.ndarray[Any, Any]
SEEDS = st.integers(0, 2**32 - 1)
ROWS, WIDTHS = st.integers(1, 4), st.one_of(st.integers(1, 9), st.integers(120, 140))


@settings(max_examples=30, deadline=None)
@given(ROWS, WIDTHS, st.sampled_from([1, 3, 4]), SEEDS)
def test_linear_rows(n: int, width: int, channels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.random((n, width * channels)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = rng.integers(2)
    ground = float(rng.random())
    out = np.full((3, n, width), np.nan, np.float32)
    linear_rows(rows, ground, out)
    # The approximation's own error is 5e-7 of the peak; alpha takes nothing from it.
    assert np.allclose(out, naive.linear_rows(rows, width, ground), rtol=1e-6, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(ROWS, WIDTHS, st.sampled_from([1, 3]), st.sampled_from([np.uint8, np.uint16]), SEEDS)
def test_linear_from_table(n: int, width: int, channels: int, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, np.iinfo(dtype).max, (n, width * channels), dtype, endpoint=True)
    table = rng.random(np.iinfo(dtype).max + 1).astype(np.float32)
    out = np.full((3, n, width), np.nan, np.float32)
    linear_from_table(rows, table, out)
    pixels = np.broadcast_to(rows.reshape(n, width, channels), (n, width, 3))
    assert np.array_equal(out, table[pixels].transpose(2, 0, 1))


@settings(max_examples=30, deadline=None)
@given(ROWS, WIDTHS, SEEDS)
def test_xyb_rows(n: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    linear = (rng.random((3, n + 2, width)) ** 3).astype(np.float32)
    linear[rng.random(linear.shape) < 0.1] = 0
    out = np.full((3, n + 5, width), np.nan, np.float32)
    xyb_rows(linear, 2, out, 4, n)
    expected = np.array([naive.xyb(*linear[:, 2 + i, x].astype(float)) for i in range(n) for x in range(width)])
    written = out[:, 4 : 4 + n]
    assert np.allclose(written, expected.T.reshape(3, n, width), rtol=0, atol=1e-5)
    assert np.isnan(np.delete(out, np.s_[4 : 4 + n], axis=1)).all()


def test_black_and_white_have_no_colour() -> None:
    linear = np.array([0, 1, 0.5], np.float32)[None, None].repeat(3, axis=0)
    out = np.empty((3, 1, 3), np.float32)
    xyb_rows(linear, 0, out, 0, 1)
    assert out[0] == pytest.approx(0.42, abs=1e-6)
    assert out[1, 0, 0] == pytest.approx(0.01, abs=1e-6)
    assert out[2] == pytest.approx(0.55, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 3), SEEDS)
def test_halve(height: int, width: int, start: int, seed: int) -> None:
    planes = np.random.default_rng(seed).random((3, height, width)).astype(np.float32)
    out = np.full((3, start + (height + 1) // 2, (width + 1) // 2), np.nan, np.float32)
    halve(planes, out, start)
    assert np.allclose(out[:, start:], [naive.halve(plane) for plane in planes], rtol=1e-6)
    assert np.isnan(out[:, :start]).all()
