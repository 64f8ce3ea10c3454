"""Polar codes: what they correct, what they never depend on, and frozen sets that never change."""

from __future__ import annotations

import hashlib
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.codes import polar
from watermarking.codes.density import bit_channels
from watermarking.codes.framing import SIZE_CLASSES
from watermarking.codes.polar import PolarCode, _information_set
from watermarking.errors import CapacityError


def noisy(word: np.ndarray, esn0_db: float, rng: np.random.Generator) -> np.ndarray:
    sigma = math.sqrt(0.5 / 10 ** (esn0_db / 10))
    return (np.where(word, 1.0, -1.0) + sigma * rng.standard_normal(word.size)).astype(np.float32)


@st.composite
def codes(draw: st.DrawFn) -> PolarCode:
    n = draw(st.integers(1, 300))
    return PolarCode(draw(st.integers(1, n)), n)


@settings(max_examples=80, deadline=None)
@given(codes(), st.integers(0, 2**32 - 1), st.sampled_from([1, 4, 32]))
def test_a_clean_word_comes_back_first(code: PolarCode, seed: int, list_size: int) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.random(code.k) < 0.5
    word = code.encode(bits)
    assert word.dtype == np.bool_
    assert word.shape == (code.n,)
    candidates, costs = code.decode(np.where(word, 0.3, -0.7).astype(np.float32), list_size=list_size)
    assert np.array_equal(candidates[0], bits)
    assert costs[0] == 0
    assert len(candidates) == len(costs) == min(list_size, 2**code.k)
    assert len(np.unique(candidates, axis=0)) == len(candidates)


@settings(max_examples=50, deadline=None)
@given(codes(), st.integers(0, 2**32 - 1))
def test_costs_are_what_speaks_against_each_word(code: PolarCode, seed: int) -> None:
    llr = np.random.default_rng(seed).integers(-9, 10, code.n).astype(np.float32)
    candidates, costs = code.decode(llr, list_size=8)
    against = [np.abs(llr)[(llr > 0) != code.encode(bits)].sum() for bits in candidates]
    assert costs.tolist() == against
    assert costs.tolist() == sorted(against)


@given(codes(), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_code_is_linear(code: PolarCode, seed: int) -> None:
    one, other = np.random.default_rng(seed).random((2, code.k)) < 0.5
    assert np.array_equal(code.encode(one) ^ code.encode(other), code.encode(one ^ other))


@pytest.mark.parametrize(("k", "n"), [(1, 1), (1, 2), (1, 8192), (8192, 8192), (8191, 8192), (4097, 4098)])
def test_extreme_sizes(k: int, n: int) -> None:
    bits = np.random.default_rng(0).random(k) < 0.5
    code = PolarCode(k, n)
    llr = np.where(code.encode(bits), 1, -1).astype(np.float32)
    assert np.array_equal(code.decode(llr, list_size=2)[0][0], bits)


@pytest.mark.parametrize(
    ("k", "n", "esn0_db"), [(112, 336, -2.2), (112, 896, -7.1), (208, 624, -2.6), (208, 1664, -7.6), (4144, 8192, -1.6)]
)
def test_noise_is_corrected(k: int, n: int, esn0_db: float) -> None:
    """About 1.2 dB from the normal approximation for 1e-3 (0.8 dB for the longest), where errors are very rare."""
    rng = np.random.default_rng(5)
    code = PolarCode(k, n)
    for _ in range(40 if n < 4096 else 8):
        bits = rng.random(k) < 0.5
        candidates, _ = code.decode(noisy(code.encode(bits), esn0_db, rng))
        assert (candidates[:16] == bits).all(axis=1).any()


@pytest.mark.parametrize("fault", [0.0, math.nan, math.inf, -math.inf])
def test_places_without_information(fault: float) -> None:
    rng = np.random.default_rng(6)
    code = PolarCode(112, 1024)
    bits = rng.random(code.k) < 0.5
    llr = noisy(code.encode(bits), 0.0, rng)
    lost = rng.permutation(1024)[:600]
    llr[lost] = 0
    candidates, costs = code.decode(llr)
    assert np.array_equal(candidates[0], bits)
    llr[lost] = fault
    again, same = code.decode(llr)
    assert np.array_equal(again, candidates)
    assert np.array_equal(same, costs)


@pytest.mark.parametrize("factor", [2.0**-120, 0.5, 3.0, 2.0**100, 1e-6, 1e30])
def test_scale_does_not_matter(factor: float) -> None:
    rng = np.random.default_rng(7)
    code = PolarCode(112, 336)
    llr = noisy(code.encode(rng.random(code.k) < 0.5), -3.0, rng)
    candidates, costs = code.decode(llr, list_size=4)
    scaled, scaled_costs = code.decode(llr * np.float32(factor), list_size=4)
    assert np.array_equal(candidates, scaled)
    assert np.allclose(scaled_costs, costs * factor, rtol=1e-4)


def test_nothing_to_go_by_is_no_error() -> None:
    candidates, costs = PolarCode(112, 1024).decode(np.zeros(1024, np.float32))
    assert candidates.shape == (32, 112)
    assert not costs.any()


def test_faulty_arguments() -> None:
    code = PolarCode(4, 12)
    with pytest.raises(CapacityError, match="k = 13, n = 12"):
        PolarCode(13, 12)
    with pytest.raises(CapacityError, match="8192"):
        PolarCode(13, 8193)
    with pytest.raises(CapacityError, match="k = 0"):
        PolarCode(0, 12)
    with pytest.raises(ValueError, match="4 information bits"):
        code.encode(np.zeros(5, np.bool_))
    with pytest.raises(ValueError, match="12 soft values"):
        code.decode(np.zeros(13, np.float32))
    with pytest.raises(ValueError, match="list_size"):
        code.decode(np.zeros(12, np.float32), list_size=257)


def test_frozen_sets_are_pinned() -> None:
    """Marked pictures outlive versions, and are read on other machines: these sets must never change."""
    sizes = [(frame.k, frame.n) for frame in SIZE_CLASSES] + [(112, 336), (112, 896), (208, 624), (208, 1664)]
    state = hashlib.sha256()
    for k, n in sizes:
        state.update(np.array([k, n, *_information_set(k, n)], "<i4").tobytes())
    assert state.hexdigest()[:16] == "5fa4de467d3903d4"


def test_frozen_sets_do_not_hang_on_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another platform's exp and log differ in the last places: that must not move a single input."""
    expected = [_information_set(frame.k, frame.n) for frame in SIZE_CLASSES]
    rng = np.random.default_rng(9)

    def elsewhere(n: int, esn0_db: float) -> np.ndarray:
        means = np.full(n, math.log(4) + esn0_db / 10 * math.log(10))  # frames fill their mother code
        return bit_channels(means + 1e-13 * rng.standard_normal(n))

    monkeypatch.setattr(polar, "_reliability", elsewhere)
    for frame, information in zip(SIZE_CLASSES, expected, strict=True):
        assert np.array_equal(_information_set(frame.k, frame.n), information)


def test_decoding_takes_bounded_time() -> None:
    code = PolarCode(4144, 8192)
    llr = np.random.default_rng(8).standard_normal(8192).astype(np.float32)
    code.decode(llr)
    start = time.perf_counter()
    code.decode(llr)
    assert time.perf_counter() - start < 2.0
