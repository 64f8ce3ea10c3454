"""Masks, weights, spreading and despreading against the plain loops, over several tiles and origins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import naive
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels.spread import Places, activity, agreement, despread, gather_groups, shape_weights, spread

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Problem:
    rng: np.random.Generator
    bands: Array
    origin: tuple[int, int]
    slots: Array
    offsets: Array
    signs: Array
    tile: tuple[int, int]
    across: int

    @property
    def tables(self) -> Places:
        return Places(self.slots, self.offsets, self.signs, self.tile, self.across)

    def positive(self) -> Array:
        return self.rng.random(self.bands.shape).astype(np.float32)


@st.composite
def problems(draw: st.DrawFn, *, at_origin: bool = False) -> Problem:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, cols, n = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    tile = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    origin = (0, 0) if at_origin else (draw(st.integers(0, 7)), draw(st.integers(0, 7)))
    down, across = -(-(origin[0] + rows) // tile[0]), -(-(origin[1] + cols) // tile[1])
    places = tile[0] * tile[1] * n
    bands = (rng.normal(size=(rows, cols, n)) * draw(st.sampled_from([0.0, 1e-6, 1.0, 100.0]))).astype(np.float32)
    signs = rng.choice(np.array([-1, 1], np.int8), (down * across, places))
    offsets = rng.integers(0, places, down * across).astype(np.int32)
    return Problem(rng, bands, origin, rng.permutation(places).astype(np.int32), offsets, signs, tile, across)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_activity_and_weights(problem: Problem) -> None:
    bands = problem.bands
    rows, cols, n = bands.shape
    level = np.empty(n, np.float32)
    raw, relative = np.empty((rows, cols), np.float32), np.empty((rows, cols), np.float32)
    activity(bands, level, raw, relative)
    expected = naive.activity(bands)
    for found, right in zip((level, raw, relative), expected, strict=True):
        assert np.allclose(found, right, rtol=1e-5, atol=1e-9)
    shape, noises = problem.rng.random(n).astype(np.float32), np.array([10, 150], np.float32)
    mask, weights = np.full_like(bands, np.nan), np.full((2, *bands.shape), np.nan, np.float32)
    half = bands.shape[0] // 2
    for band in ((half, bands.shape[0]), (0, half)):
        shape_weights(band, bands, level, raw, relative, shape, 4.0, 0.3, noises, mask, weights)
    right_mask, right_weights = naive.shape_weights(bands, expected, shape, 4.0, 0.3, noises)
    assert np.allclose(mask, right_mask, rtol=1e-4)
    assert np.allclose(weights, right_weights, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_despread(problem: Problem) -> None:
    weights = problem.positive()
    sums, energy = np.zeros(problem.slots.size, np.float32), np.zeros(problem.slots.size, np.float32)
    despread(problem.bands, weights, problem.tables, problem.origin, sums, energy)
    expected = naive.despread(problem.bands, weights, naive.Tiles(*problem.tables), problem.origin)
    assert np.allclose(sums, expected[0], rtol=1e-4, atol=1e-3)
    assert np.allclose(energy, expected[1], rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_agreement(problem: Problem) -> None:
    weights, mask = problem.positive(), problem.positive()
    chips = problem.rng.choice(np.array([-1, 1], np.float32), problem.slots.size)
    found = [np.full(problem.bands.shape[:2], np.nan, np.float32) for _ in range(3)]
    agreement(problem.bands, weights, mask, problem.tables, problem.origin, chips, *found)
    tiles = naive.Tiles(*problem.tables)
    expected = naive.agreement(problem.bands, weights, mask, tiles, problem.origin, chips)
    for one, right in zip(found, expected, strict=True):
        assert np.allclose(one, right, rtol=1e-4, atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(problems(at_origin=True))
def test_gather_and_spread(problem: Problem) -> None:
    mask, weights, n = problem.positive(), problem.positive(), problem.slots.size
    chips = problem.rng.choice(np.array([-1, 1], np.float32), n)
    groups = (np.arange(n) % 7).astype(np.int32)
    tiles = naive.Tiles(*problem.tables)
    host, gain, power = (np.zeros(groups.max() + 1, np.float32) for _ in range(3))
    gather_groups(problem.bands, mask, weights, problem.tables, chips, groups, host, gain, power)
    expected = naive.gather_groups(problem.bands, mask, weights, tiles, chips, groups)
    for found, right in zip((host, gain, power), expected, strict=True):
        assert np.allclose(found, right, rtol=1e-4, atol=1e-3)
    amplitudes = problem.rng.normal(size=n).astype(np.float32)
    out = np.full_like(mask, np.nan)
    spread(mask, problem.tables, amplitudes, out)
    assert np.allclose(out, naive.spread(mask, tiles, amplitudes), rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(problems(at_origin=True))
def test_what_is_spread_comes_back(problem: Problem) -> None:
    """With unit weights despreading adds up mask times amplitude, a slot at a time: signs and slots agree."""
    mask = problem.positive()
    amplitudes = problem.rng.normal(size=problem.slots.size).astype(np.float32)
    ones, change = np.ones_like(mask), np.empty_like(mask)
    spread(mask, problem.tables, amplitudes, change)
    sums, energy = np.zeros_like(amplitudes), np.zeros_like(amplitudes)
    despread(change, ones, problem.tables, (0, 0), sums, energy)
    total, spent = np.zeros_like(amplitudes), np.zeros_like(amplitudes)
    spread(mask, problem.tables, np.ones_like(amplitudes), change)
    despread(change, ones, problem.tables, (0, 0), total, spent)
    assert np.allclose(sums, total * amplitudes, rtol=1e-3, atol=1e-4)
