"""Packing against plain loops, and back again."""

from __future__ import annotations

import naive_changes as naive
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.kernels.changes import N_CONTEXTS, pack_plane, unpack_plane

TAPS = np.array([(0, 1), (0, 2), (1, -1), (1, 0), (1, 1), (2, 0)], np.int64)


def begun(first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return np.full(N_CONTEXTS + 16, 32768, np.int64), np.array([0, 2**32 - 1, 4 if first else 0, first], np.int64)


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)), st.sampled_from([0, 1, 3, 30, 9000]), st.integers(0, 2**32 - 1)
)
def test_planes_are_packed_like_plain_loops_and_come_back(shape: tuple[int, int], largest: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(-largest, largest + 1, shape).astype(np.int16)
    planes = [first, np.where(rng.random(shape) < 0.9, first, 0).astype(np.int16)]
    weights = rng.integers(-3000, 3000, len(TAPS))
    expected = naive.pack(planes, TAPS, weights)

    (odds, state), out = begun(), np.zeros(4096, np.uint8)
    for number, plane in enumerate(planes):
        pack_plane(plane, first, number == 0, TAPS, weights, odds, state, out)
    assert out[: state[2]].tobytes() == expected

    data = np.frombuffer(expected + int(state[1]).to_bytes(4, "big"), np.uint8)
    odds, state = begun(int.from_bytes(data[:4].tobytes(), "big"))
    read = [np.zeros(shape, np.int16) for _ in planes]
    for number, plane in enumerate(read):
        unpack_plane(plane, read[0], number == 0, TAPS, weights, odds, state, data)
    assert all(np.array_equal(one, other) for one, other in zip(read, planes, strict=True))
