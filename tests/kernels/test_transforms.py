"""Block and wavelet kernels, masks and chips, against the plain loops."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels.chips import box_mean, subtract_surroundings
from watermarking.kernels.masks import busyness
from watermarking.kernels.transforms import (
    blocks_forward,
    blocks_inverse,
    filter_columns,
    filter_rows,
    upsample_columns,
    upsample_rows,
)

SEEDS = st.integers(0, 2**32 - 1)
MODES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=5)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 27), st.integers(8, 27), MODES, SEEDS)
def test_blocks(height: int, width: int, modes: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    basis, chosen = normal(rng, 8, 8), np.array(modes, np.int64)
    plane = normal(rng, height, width)
    bands = np.full((height // 8, width // 8, len(modes)), np.nan, np.float32)
    blocks_forward(plane, basis, chosen, bands)
    assert np.allclose(bands, naive.blocks_forward(plane, basis, chosen), rtol=1e-4, atol=1e-3)
    back = np.zeros_like(plane)
    blocks_inverse(bands, basis, chosen, back)
    assert np.allclose(back, naive.blocks_inverse(bands, basis, chosen, plane.shape), rtol=1e-4, atol=1e-2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 24), st.integers(-2, 12), SEEDS)
def test_filters(other: int, half: int, length: int, shift: int, seed: int) -> None:
    """Filters longer than the row wrap around it more than once."""
    rng = np.random.default_rng(seed)
    taps = normal(rng, length)
    source, short = normal(rng, other, 2 * half), normal(rng, other, half)
    for transposed, forward, expected in (
        (False, filter_rows, naive.filter_rows),
        (True, filter_columns, naive.filter_columns),
    ):
        given_ = np.ascontiguousarray(source.T) if transposed else source
        out = np.full((half, other) if transposed else (other, half), np.nan, np.float32)
        forward(given_, taps, shift, out)
        assert np.allclose(out, expected(given_, taps, shift), rtol=1e-4, atol=1e-4)
    for transposed, back, expected in (
        (False, upsample_rows, naive.upsample_rows),
        (True, upsample_columns, naive.upsample_columns),
    ):
        given_ = np.ascontiguousarray(short.T) if transposed else short
        start = normal(rng, *((2 * half, other) if transposed else (other, 2 * half)))
        out = start.copy()
        back(given_, taps, shift, out)
        assert np.allclose(out - start, expected(given_, taps, shift), rtol=1e-4, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), SEEDS)
def test_box_mean(rows: int, cols: int, side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = normal(rng, rows * side + rng.integers(0, side), cols * side + rng.integers(0, side))
    out = np.full((rows, cols), np.nan, np.float32)
    box_mean(plane, side, out)
    assert np.allclose(out, naive.box_mean(plane, side, out.shape), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), SEEDS)
def test_busyness(rows: int, cols: int, side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = normal(rng, rows * side + rng.integers(0, side), cols * side + rng.integers(0, side))
    out = np.full((rows, cols), np.nan, np.float32)
    busyness(plane, side, out)
    assert np.allclose(out, naive.busyness(plane, side, out.shape), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 7]), SEEDS)
def test_subtract_surroundings(rows: int, cols: int, n_taps: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, taps = normal(rng, rows, cols), rng.random(n_taps)
    taps = ((taps + taps[::-1]) / (2 * taps.sum())).astype(np.float32)
    out = np.full_like(source, np.nan)
    subtract_surroundings(source, taps, np.full_like(source, np.nan), out)
    assert np.allclose(out, naive.subtract_surroundings(source, taps), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 12), (12, 1)])
def test_surroundings_of_a_flat_plane_leave_nothing(shape: tuple[int, int]) -> None:
    source = np.full(shape, 100, np.float32)
    out = np.empty_like(source)
    subtract_surroundings(source, np.array([0.25, 0.5, 0.25], np.float32), np.empty_like(source), out)
    assert np.abs(out).max() < 1e-4
