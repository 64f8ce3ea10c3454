"""Layers against plain loops, and back again."""

from __future__ import annotations

import naive_expansion as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.embedders.restorable.layers import layers_of
from watermarking.kernels.expansion import count_errors, expand, find_doubtful, gather, undo

LADDER = np.minimum(np.arange(64) // 8, 3).astype(np.uint8)


@st.composite
def layers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, naive.Treatment, np.ndarray]:
    """Draw pictures of any roughness and brightness, the ends of the range above all."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(5, 12)), draw(st.integers(5, 12)), draw(st.sampled_from([1, 3])))
    depth = draw(st.sampled_from([8, 8, 12, 16]))
    peak, spread = 2**depth - 1, draw(st.sampled_from([1, 3, 20, 200])) << (depth - 8)
    middle = draw(st.sampled_from([0, peak // 2, peak]))
    work = np.clip(rng.integers(-spread, spread + 1, shape) + middle, 0, peak)
    skip = (rng.random(shape[:2]) < 0.1).astype(np.uint8) * rng.integers(0, 8, shape[:2]).astype(np.uint8)
    how = layers_of(shape[2], (draw(st.integers(0, 32)), 9), depth)
    begin = rng.integers(0, 4, 4) << (depth - 8)
    width = rng.integers(0, 5, 4) << (depth - 8)
    one = naive.Treatment(how[draw(st.integers(0, len(how) - 1))], LADDER, begin, width)
    bits = rng.integers(0, 2, draw(st.integers(0, 100))).astype(np.uint8)
    return work.astype(np.uint8 if depth == 8 else np.uint16), skip, one, bits


@settings(max_examples=150, deadline=None)
@given(layers())
def test_layers_are_written_like_plain_loops_and_undone(
    drawn: tuple[np.ndarray, np.ndarray, naive.Treatment, np.ndarray],
) -> None:
    cover, skip, one, bits = drawn
    every = naive.expand(cover, skip, one, [0] * cover.size)
    moved = np.zeros(cover.size // 8 + 1, np.uint8)
    n_doubtful, room = find_doubtful(cover, skip, *one, moved)
    assert (n_doubtful, room) == (len(every[1]), every[2])
    assert np.unpackbits(moved, count=n_doubtful, bitorder="little").tolist() == every[1]

    expected, _, n, n_seen = naive.expand(cover, skip, one, bits.tolist())
    work = cover.copy()
    written, seen, energy = expand(work, skip, *one, bits)
    assert (written, seen) == (n, n_seen)
    assert n == min(room, bits.size)
    assert np.array_equal(work, expected)
    assert energy == int(np.square(work.astype(np.int64) - cover).sum())

    read = np.full(bits.size, 9, np.uint8)
    assert gather(work, skip, *one, seen, read) == n
    assert np.array_equal(read[:n], bits[:n])
    assert undo(work, skip, *one, seen, moved) <= n_doubtful
    assert np.array_equal(work, cover)


@settings(max_examples=40, deadline=None)
@given(layers(), st.integers(1, 3))
def test_errors_are_counted(drawn: tuple[np.ndarray, np.ndarray, naive.Treatment, np.ndarray], every: int) -> None:
    work, skip, one, _ = drawn
    expected, counts = np.zeros((4, 6), np.int64), np.zeros((4, 6), np.int64)
    for i, j in naive.squares(work, skip, one.how):
        predicted, kind = naive.context(work, i, j, one.how, LADDER)
        size, _ = naive.error(int(work[i, j, one.how[0]]), predicted, int(one.how[5]))
        expected[kind, min(size, 5)] += i % every == 0
    count_errors(work, skip, one.how, LADDER, every, counts)
    assert np.array_equal(counts, expected)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_layers_cover_every_sample_once(n_channels: int) -> None:
    seen = np.zeros((7, 9, n_channels), int)
    for how in layers_of(n_channels, (3, 4), 8):
        for i, j in naive.squares(seen, np.zeros((7, 9), np.uint8), how):
            seen[i, j, how[0]] += 1
    assert (seen == 1).all()
