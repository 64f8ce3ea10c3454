"""Pixels to luma and residuals to pixels against the plain loops: odd shapes, every scale, ties, alpha, saturation."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels import pixels
from watermarking.kernels.pixels import add_residual, colour_boxes, interpolate, luma_box, luma_box_alpha

Array = np.ndarray[Any, Any]
DTYPES = st.sampled_from([np.uint8, np.float32])
SIDES = st.integers(1, 9)
SCALES = st.integers(1, 7)
SEEDS = st.integers(0, 2**32 - 1)


def samples(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Array:
    """Draw grey levels, black and white ones among them."""
    drawn = np.clip(rng.integers(-60, 316, shape), 0, 255)
    return drawn.astype(dtype) if dtype == np.uint8 else np.clip(drawn + rng.random(shape), 0, 255).astype(dtype)


def with_clear_pixels(rng: np.random.Generator, rows: Array) -> Array:
    alpha = rows[:, 3::4]
    alpha[rng.random(alpha.shape) < 0.4] = 0
    return rows


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, SCALES, st.sampled_from([1, 3, 4]), DTYPES, SEEDS)
def test_luma_box(height: int, width: int, scale: int, channels: int, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, scale)  # columns that fill no box
    rows = samples(rng, (height * scale, (width * scale + extra) * channels), dtype)
    weights = rng.random(channels).astype(np.float32)
    out = np.full((height, width), np.nan, np.float32)
    luma_box(rows, channels, scale, weights, out)
    assert np.allclose(out, naive.luma_box(rows, channels, scale, weights, out.shape), rtol=1e-5, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, SCALES, st.sampled_from([(1, 1), (3, 3), (4, 3), (4, 4)]), DTYPES, SEEDS)
def test_colour_boxes(height: int, width: int, scale: int, channels: tuple[int, int], dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, scale)
    rows = samples(rng, (height * scale, (width * scale + extra) * channels[0]), dtype)
    out = np.full((channels[1], height, width), np.nan, np.float32)
    colour_boxes(rows, channels[0], scale, out)
    assert np.allclose(out, naive.colour_boxes(rows, channels[0], scale, out.shape), rtol=1e-5, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, SCALES, DTYPES, SEEDS)
def test_luma_box_alpha(height: int, width: int, scale: int, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = with_clear_pixels(rng, samples(rng, (height * scale, 4 * width * scale), dtype))
    weights = np.array([0.299, 0.587, 0.114, 0], np.float32)
    out = np.full((height, width), np.nan, np.float32)
    luma_box_alpha(rows, scale, weights, 128.0, out)
    assert np.allclose(out, naive.luma_box_alpha(rows, scale, weights, 128.0, out.shape), rtol=1e-5, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, SCALES, st.integers(-3, 6), st.integers(-3, 6), SEEDS)
def test_interpolate(height: int, width: int, scale: int, more_rows: int, more_cols: int, seed: int) -> None:
    source = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    out = np.full((max(1, height * scale + more_rows), max(1, width * scale + more_cols)), np.nan, np.float32)
    interpolate(source, scale, out)
    assert np.allclose(out, naive.interpolate(source, scale, out.shape), rtol=1e-5, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(SIDES, SIDES, SCALES, st.sampled_from([1, 3, 4]), DTYPES, st.booleans(), SEEDS)
def test_add_residual(
    height: int, width: int, scale: int, channels: int, dtype: type, in_place: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    masked = channels == 4 and bool(rng.integers(2))
    first = int(rng.integers(0, 3 * scale))
    residual = rng.normal(0, 3, (max(1, (first + height) // scale), max(1, width // scale))).astype(np.float32)
    rows = samples(rng, (height, width * channels), dtype)
    rows = with_clear_pixels(rng, rows) if masked else rows
    weights = np.array([0.67, 1.31, 0.25, 0.0][:channels], np.float32)
    step = 1.0 if dtype == np.uint8 else 0.0
    arguments = (first, residual, channels, scale, weights, step, masked)
    expected, energy = naive.add_residual(rows, *arguments)
    out = rows if in_place else np.zeros_like(rows)
    found = add_residual(rows, *arguments, out)
    if dtype == np.uint8:  # where the exact sum is a hair from a half, single precision may fall on the other side
        unrounded, _ = naive.add_residual(rows, *arguments[:5], 0.0, masked)
        safe = np.abs(unrounded - np.floor(unrounded) - 0.5) > 1e-4
        assert np.array_equal(out[safe], expected[safe])
        assert np.abs(out - expected).max() <= 1
        assert not safe.all() or found == pytest.approx(energy, rel=1e-5)
    else:
        assert np.allclose(out, expected, rtol=0, atol=1e-3)
        assert found == pytest.approx(energy, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_halves_are_rounded_upwards(scale: int, channels: int) -> None:
    """Small multiples of 1/2 at scales that are powers of two: every sum is exact, and many end in a half."""
    rng = np.random.default_rng(7)
    residual = (rng.integers(-9, 10, (6, 5)) * scale**2 / 2).astype(np.float32)
    rows = samples(rng, (6 * scale, 5 * scale * channels), np.uint8)
    arguments = (0, residual, channels, scale, np.ones(channels, np.float32), 1.0, False)
    out = np.empty_like(rows)
    energy = add_residual(rows, *arguments, out)
    expected, expected_energy = naive.add_residual(rows, *arguments)
    unrounded, _ = naive.add_residual(rows, *arguments[:5], 0.0, False)
    assert np.count_nonzero(unrounded % 1 == 0.5) >= 5
    assert np.array_equal(out, expected)
    assert energy == expected_energy


def test_minus_a_half_becomes_zero_and_a_half_one() -> None:
    rows = np.array([[10, 10, 0, 255]], np.uint8)
    out = np.empty_like(rows)
    add_residual(rows, 0, np.array([[-0.5, 0.5, -0.5, 0.5]], np.float32), 1, 1, np.ones(1, np.float32), 1.0, False, out)
    assert out.tolist() == [[10, 11, 0, 255]]


@pytest.mark.parametrize("cut", [1, 4, 5])
def test_bands_of_rows_join_without_a_seam(cut: int) -> None:
    rng = np.random.default_rng(8)
    rows, residual = samples(rng, (9, 30), np.uint8), rng.normal(0, 2, (3, 3)).astype(np.float32)
    arguments = (residual, 3, 3, np.ones(3, np.float32), 1.0, False)
    whole, parts = np.empty_like(rows), np.empty_like(rows)
    total = add_residual(rows, 0, *arguments, whole)
    split = add_residual(rows[:cut], 0, *arguments, parts[:cut]) + add_residual(
        rows[cut:], cut, *arguments, parts[cut:]
    )
    assert np.array_equal(whole, parts)
    assert total == pytest.approx(split)


@given(SEEDS, st.integers(0, 300))
@settings(max_examples=20, deadline=None)
def test_energy(seed: int, n: int) -> None:
    values = np.random.default_rng(seed).normal(size=n).astype(np.float32)
    assert pixels._energy(values) == pytest.approx(naive.energy(values), rel=1e-5)
