"""The kernels of collusion-secure codes against their plain-loop twins."""

from __future__ import annotations

import naive_tracing as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels.tracing import characteristic, score_pairs, score_words

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(1, 60), st.integers(1, 3))
def test_score_words(seed: int, n_words: int, n: int, n_scores: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, 256, (n_words, n), np.uint8)
    thresholds = rng.integers(1, 256, n).astype(np.uint8)
    terms = rng.integers(-(2**18), 2**18 + 1, (n_scores, n)).astype(np.int32)
    out = np.empty((n_words, n_scores), np.int64)
    score_words(drawn, thresholds, terms, out)
    assert out.tolist() == naive.score_words(drawn, thresholds, terms)


def test_long_words_do_not_overflow() -> None:
    n = 20_000
    terms = np.full((1, n), 2**18, np.int32)
    out = np.empty((1, 1), np.int64)
    score_words(np.zeros((1, n), np.uint8), np.ones(n, np.uint8), terms, out)
    assert out[0, 0] == n * 2**18


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(2, 6), st.integers(1, 50))
def test_score_pairs(seed: int, n_words: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 2, (n_words, n), np.uint8)
    both = rng.integers(-(2**18), 2**18 + 1, (2, n)).astype(np.int32)
    first = int(rng.integers(n_words))
    out = np.full(n_words, -7, np.int64)
    score_pairs(words, first, both, out)
    assert out[first + 1 :].tolist() == naive.score_pairs(words, first, both)
    assert (out[: first + 1] == -7).all()


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(2, 3))
def test_characteristic(seed: int, kinds: int, symbols: int) -> None:
    rng = np.random.default_rng(seed)
    terms, counts = rng.integers(0, 100, (kinds, symbols)), rng.integers(1, 9, kinds)
    chances = rng.dirichlet(np.ones(symbols), kinds)
    size = 32
    out = np.empty(size // 2 + 1, np.complex128)
    characteristic(terms, chances, counts, np.exp(-2j * np.pi * np.arange(size) / size), out)
    assert out == pytest.approx(np.array(naive.characteristic(terms, chances, counts, size)), abs=1e-12)
