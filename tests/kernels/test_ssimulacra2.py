"""The recursive Gaussian to the last bit, and the errors gathered behind it, against plain loops."""

from __future__ import annotations

from typing import Any

import naive_visibility as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels import gaussian
from watermarking.kernels.fused import fma
from watermarking.kernels.gaussian import AFTER, BEFORE, LANES, RADIUS, STRIP, along_columns, along_rows
from watermarking.kernels.jit import kernel
from watermarking.kernels.ssimulacra2 import plane_errors
from watermarking.metrics.ssimulacra2 import _sections

Array = np.ndarray[Any, Any]
SEEDS = st.integers(0, 2**32 - 1)
SECTIONS = _sections(1.5)
TAPS = naive.taps_of(SECTIONS)


@kernel
def fused_sum(a: Any, b: Any, c: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = fma(a[i], b[i], c[i])


@settings(deadline=None)  # the first call compiles
@given(SEEDS)
def test_fused_sums_are_rounded_once(seed: int) -> None:
    a, b, c = np.random.default_rng(seed).normal(size=(3, 50)).astype(np.float32)
    c[:25] = -a[:25] * b[:25]  # what is left is the product's rounding error
    out = np.empty(50, np.float32)
    fused_sum(a, b, c, out)
    assert np.array_equal(out, (a.astype(float) * b + c).astype(np.float32))
    assert out[:25].any()
    assert out[0] == fma(a[0], b[0], c[0])


def test_filter_is_a_gaussian() -> None:
    distance = np.arange(-4, 5)
    gauss = np.exp(-(distance**2) / (2 * 1.5**2))
    assert pytest.approx(1, abs=1e-6) == sum(TAPS)
    assert np.allclose(TAPS, TAPS[::-1], atol=1e-6)
    assert np.allclose(TAPS, gauss / gauss.sum(), atol=0.003)
    assert sum(np.array(TAPS) * distance**2) == pytest.approx(1.5**2, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), SEEDS)
def test_along_rows(width: int, seed: int) -> None:
    rows = np.random.default_rng(seed).random((LANES, width)).astype(np.float32)
    tile = np.zeros((BEFORE + width + AFTER) * LANES, np.float32)
    tile[BEFORE * LANES : (BEFORE + width) * LANES] = rows.T.ravel()
    out = np.full(width * LANES, np.nan, np.float32)
    along_rows(tile, width, SECTIONS, np.empty(6 * LANES, np.float32), out)
    filtered = out.reshape(width, LANES).T
    for lane in (0, 7, LANES - 1):
        assert np.array_equal(filtered[lane], naive.by_fours(rows[lane], SECTIONS))
        plain = [
            sum(t * rows[lane, x + k - 4] for k, t in enumerate(TAPS) if 0 <= x + k - 4 < width) for x in range(width)
        ]
        assert np.allclose(filtered[lane], plain, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 30), st.integers(1, STRIP), SEEDS)
def test_along_columns(height: int, width: int, seed: int) -> None:
    plane = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    padded = np.pad(plane, ((BEFORE, AFTER), (0, 0)))
    state, row = np.zeros(6 * STRIP, np.float32), np.empty(STRIP, np.float32)
    out = np.empty((height, width))
    for n in range(1 - RADIUS, height):
        along_columns(padded[n + BEFORE - RADIUS - 1], padded[n + BEFORE + RADIUS - 1], SECTIONS, state, row)
        if n >= 0:
            out[n] = row[:width]
    for x in (0, width - 1):
        plain = [
            sum(t * plane[y + k - 4, x] for k, t in enumerate(TAPS) if 0 <= y + k - 4 < height) for y in range(height)
        ]
        assert np.allclose(out[:, x], plain, atol=1e-5)


@settings(max_examples=12, deadline=None)
@given(st.one_of(st.integers(1, 9), st.integers(15, 37)), st.one_of(st.integers(1, 9), st.integers(62, 70)), SEEDS)
def test_plane_errors(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.random((height, width)).astype(np.float32)
    second = np.clip(first + rng.normal(0, 0.2, first.shape), 0, 1).astype(np.float32)
    out = np.full(6, np.nan)
    plane_errors(first, second, SECTIONS, out)
    assert np.allclose(out, naive.plane_errors(first, second, TAPS), rtol=2e-3, atol=1e-5)


def test_equal_planes_have_no_error() -> None:
    plane = np.random.default_rng(0).random((50, 90)).astype(np.float32)
    out = np.empty(6)
    plane_errors(plane, plane.copy(), SECTIONS, out)
    assert not out.any()


def test_sizes_fit_the_filter() -> None:
    assert gaussian.BEFORE > RADIUS + 1 + RADIUS - 2
    assert AFTER > RADIUS + 3
    assert LANES >= 2 * RADIUS  # the ring holds two blocks, and the filter reaches back 2 RADIUS rows
