from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.naive_seams import cost_of, least_cost
from watermarking.kernels.seams import remove_seams

PLANES = hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(2, 4)), elements=st.integers(0, 9))


def removed(plane: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    left, kept = plane.copy(), np.tile(np.arange(plane.shape[1], dtype=np.int32), (len(plane), 1))
    remove_seams(left, kept, n, np.empty(plane.shape, np.float32), np.empty(plane.shape, np.int8))
    return left[:, : plane.shape[1] - n], kept[:, : plane.shape[1] - n]


@settings(max_examples=60, deadline=None)
@given(PLANES)
def test_the_cheapest_seam_goes(plane: np.ndarray) -> None:
    left, kept = removed(plane, 1)
    seam = tuple(int(np.setdiff1d(np.arange(plane.shape[1]), row)[0]) for row in kept)
    assert np.abs(np.diff(seam)).max(initial=0) <= 1
    assert cost_of(plane.tolist(), seam) == least_cost(plane.tolist())
    np.testing.assert_array_equal(left, np.take_along_axis(plane, kept, axis=1))


@settings(max_examples=60, deadline=None)
@given(PLANES)
def test_seams_go_one_after_the_other(plane: np.ndarray) -> None:
    n = plane.shape[1] - 1
    at_once = removed(plane, n)[0]
    for _ in range(n):
        plane = np.ascontiguousarray(removed(plane, 1)[0])
    np.testing.assert_array_equal(at_once, plane)
