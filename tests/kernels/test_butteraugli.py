"""Butteraugli's kernels against the plain rules for one sample."""

from __future__ import annotations

from typing import Any

import naive_visibility as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels import butteraugli, opsin
from watermarking.kernels.lines import MARGIN, PITCH, add_fine_lines, add_sparse_lines

Array = np.ndarray[Any, Any]
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 12)


def planes(seed: int, height: int, width: int, n: int, spread: float = 1.0) -> list[Array]:
    """Draw planes of both signs, some samples zero and some equal in all planes."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(0, spread, (n, height, width)) * np.exp(rng.normal(0, 1, (1, height, width)))
    drawn[:, rng.random((height, width)) < 0.1] = 0
    drawn[:, rng.random((height, width)) < 0.1] = 0.3
    return list(drawn.astype(np.float32))


def each(rule: Any, *arrays: Array) -> Array:
    """Apply a rule to the samples at each place."""
    flat = [rule(*(float(v) for v in values)) for values in zip(*(a.ravel() for a in arrays), strict=True)]
    return np.array(flat).reshape(arrays[0].shape)


def flat(plane: Array, margin: float) -> Array:
    out = np.full(((plane.shape[0] + 2 * MARGIN), PITCH), margin, np.float32)
    out[MARGIN : MARGIN + plane.shape[0], MARGIN : MARGIN + plane.shape[1]] = plane
    return out.ravel()


@settings(max_examples=20, deadline=None)
@given(SIDES, st.one_of(SIDES, st.integers(125, 132)), st.sampled_from([80.0, 250.0]), SEEDS)
def test_opsin(height: int, width: int, nits: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    light, around = (rng.random((2, 3, height, width)) ** 3).astype(np.float32)
    light[:, rng.random((height, width)) < 0.2] = 0
    out = np.full_like(light, np.nan)
    opsin.opsin(light, around, nits, out)
    pixels = [
        (light[:, i, x].astype(float), around[:, i, x].astype(float)) for i in range(height) for x in range(width)
    ]
    expected = np.array([naive.opsin(*pixel, nits) for pixel in pixels]).T.reshape(light.shape)
    assert np.all(abs(out - expected) < 2e-5 + 1e-6 * expected[1])  # X and Y are made of values like Y's


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, SEEDS)
def test_bands(height: int, width: int, seed: int) -> None:
    rest, smooth = planes(seed, height, width, 2, 2.0)
    high, middle = rest.copy(), smooth.copy()
    opsin.middle_x(high, middle)
    assert np.allclose(high, rest - smooth)
    assert np.allclose(middle, each(lambda v: naive.without(v, 0.29), smooth), atol=1e-6)
    high, middle = rest.copy(), smooth.copy()
    opsin.middle_y(high, middle)
    assert np.allclose(high, rest - smooth)
    assert np.allclose(middle, each(lambda v: naive.boosted(v, 0.1), smooth), atol=1e-6)
    fine, high = rest.copy(), smooth.copy()
    opsin.high_x(fine, high)
    assert np.allclose(fine, each(lambda v: naive.without(v, 0.04), rest - smooth), atol=1e-6)
    assert np.allclose(high, each(lambda v: naive.without(v, 1.5), smooth), atol=1e-6)
    fine, high = 10 * rest, 10 * smooth
    opsin.high_y(fine, high)
    clipped = each(lambda v: naive.limited(v, 28.4691806922), 10 * smooth)
    expected = 2.69313763794 * each(lambda v: naive.limited(v, 5.19175294647), 10 * rest - clipped)
    assert np.allclose(fine, expected, rtol=1e-5, atol=1e-4)
    assert np.allclose(high, each(lambda v: naive.boosted(2.155 * v, 0.132), clipped), rtol=1e-5, atol=1e-5)


@given(SEEDS)
def test_suppress_and_low(seed: int) -> None:
    x, y, b = planes(seed, 5, 7, 3, 5.0)
    weaker = x.copy()
    opsin.suppress(weaker, y)
    keep = 0.653020556257
    assert np.allclose(weaker, x * (keep + (1 - keep) * 46 / (y.astype(float) ** 2 + 46)), rtol=1e-5)
    low = [x.copy(), y.copy(), b.copy()]
    opsin.low(*low)
    expected = [32.2217497012 * x, 13.7697791434 * y, 47.504615728 * (b - 0.362267051518 * y)]
    assert np.allclose(low, expected, rtol=1e-5, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, st.sampled_from([5.0, 71.8, 4498534.5]), SEEDS)
def test_differences(height: int, width: int, level: float, seed: int) -> None:
    first, second, out = planes(seed, height, width, 3)
    padded = flat(np.zeros_like(first), 0)
    butteraugli.weighted_difference(first, second, level, 3.0, 2.0, padded)
    expected = each(lambda a, b: naive.weighted_difference(a, b, level, 3.0, 2.0), first, second)
    assert np.allclose(padded, flat(expected.astype(np.float32), 0), rtol=1e-5, atol=1e-9)
    total = out.copy()
    butteraugli.add_one_sided(first, second, 3.0, 2.0, total)
    assert np.allclose(total - out, each(lambda a, b: naive.one_sided(a, b, 3.0, 2.0), first, second), atol=1e-4)
    total = out.copy()
    butteraugli.add_squares(first, second, 7.0, total)
    assert np.allclose(total - out, 7 * (first - second) ** 2, rtol=1e-4, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(SIDES, SIDES, SEEDS)
def test_lines(height: int, width: int, seed: int) -> None:
    plane, before = planes(seed, height, width, 2)
    for add, drawing in ((add_fine_lines, naive.HALF_LINES_FINE), (add_sparse_lines, naive.HALF_LINES_SPARSE)):
        out = before.copy()
        add(flat(plane, 0), out)
        assert np.allclose(out - before, naive.lines(plane, drawing), rtol=1e-4, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(SIDES, SIDES, SEEDS)
def test_masking(height: int, width: int, seed: int) -> None:
    a, b, c, d = planes(seed, height, width, 4)
    out = np.full_like(a, np.nan)
    butteraugli.activity(a, b, c, d, out)
    assert np.allclose(out, each(naive.activity, a, b, c, d), rtol=1e-5, atol=1e-5)
    eroded = np.full_like(a, np.nan)
    butteraugli.erode(flat(out, np.inf), eroded)
    assert np.allclose(eroded, naive.erode(out), rtol=1e-5)
    errors = np.full_like(a, np.nan)
    butteraugli.combine(eroded, abs(a), abs(b), abs(c), abs(d), errors)
    assert np.allclose(errors, each(naive.error, eroded, abs(a), abs(b), abs(c), abs(d)), rtol=1e-5)


@given(SIDES, SIDES, SEEDS)
def test_mix_and_measure(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fine = rng.random((height, width)).astype(np.float32)
    coarse = rng.random(((height + 1) // 2, (width + 1) // 2)).astype(np.float32)
    mixed = fine.copy()
    butteraugli.mix(mixed, coarse)
    twice = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    assert np.allclose(mixed, 0.85 * fine + 0.5 * twice, rtol=1e-6)
    out = np.empty(4)
    butteraugli.measure(mixed, out)
    powers = [np.sum(mixed.astype(float) ** p) for p in (3, 6, 12)]
    assert out == pytest.approx([mixed.max(), *powers], rel=1e-6)
