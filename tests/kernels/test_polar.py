"""The list decoder against the textbook's, to the last bit, ties and pruned nodes included."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.codes.polar import _schedule
from watermarking.kernels.polar import CHECK, FROZEN, REPEAT, decode_list, trace_back

_spec = importlib.util.spec_from_file_location("naive_polar", Path(__file__).parents[1] / "naive_polar.py")
assert _spec is not None
assert _spec.loader is not None
naive: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)


def run(channel: list[float], information: list[int], list_size: int) -> list[tuple[list[int], float]]:
    length, k = len(channel), len(information)
    schedule = _schedule(np.array(information), length)
    soft = np.full((list_size + 1) * length, np.nan, np.float32)
    soft[list_size * length :] = channel
    metric = np.empty(list_size, np.float32)
    trace = np.empty(2 * k * list_size, np.uint8)
    n_paths = decode_list(
        schedule,
        soft,
        np.full(2 * list_size * length, 255, np.uint8),
        np.zeros((2, length.bit_length(), list_size), np.int16),
        metric,
        np.empty(2 * list_size, np.float32),
        np.empty(2 * list_size, np.int16),
        trace,
    )
    order = np.argsort(metric[:n_paths], kind="stable")
    out = np.empty((n_paths, k), np.bool_)
    trace_back(trace, list_size, order, out)
    return [(bits.astype(int).tolist(), float(cost)) for bits, cost in zip(out, metric[order], strict=True)]


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    length = 2 ** draw(st.integers(0, 5))
    information = draw(st.sets(st.integers(0, length - 1), min_size=1))
    # small whole numbers: every sum is exact in float32, and ties are everywhere
    peak = draw(st.sampled_from([0, 1, 3, 1000]))
    channel = draw(st.lists(st.integers(-peak, peak).map(float), min_size=length, max_size=length))
    return channel, sorted(information)


@settings(max_examples=150, deadline=None)
@given(problems(), st.sampled_from([1, 2, 3, 8, 32]))
def test_it_is_the_textbooks_decoder(problem: tuple[list[float], list[int]], list_size: int) -> None:
    channel, information = problem
    assert run(channel, information, list_size) == naive.decode_list(channel, set(information), list_size)


@pytest.mark.parametrize("seed", range(3))
def test_larger_codes_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channel = rng.integers(-9, 12, 128).astype(float).tolist()
    information = np.sort(rng.choice(128, 40, replace=False)).tolist()
    assert run(channel, information, 8) == naive.decode_list(channel, set(information), 8)


def test_schedule_prunes_nodes_that_need_no_walk() -> None:
    assert _schedule(np.array([7]), 8).tolist() == [[REPEAT, 3, 0]]
    rows = _schedule(np.array([3, 7]), 8).tolist()
    assert rows[0] == [CHECK, 3, 0]
    assert rows[1] == [REPEAT, 2, 0]
    assert [FROZEN, 2, 0] in _schedule(np.array([5, 6, 7]), 8).tolist()
