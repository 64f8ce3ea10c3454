"""Changes of a picture come back exactly, in few bytes."""

from __future__ import annotations

import numpy as np
import pytest
from covers import photograph
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.codes.changes import pack_changes, unpack_changes
from watermarking.keys import Key
from watermarking.messages.marker import Marker


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3])),
    st.sampled_from([0, 1, 2, 20, 255, 16383]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_any_changes_come_back(shape: tuple[int, int, int], largest: int, alike: bool, seed: int) -> None:
    changes = np.random.default_rng(seed).integers(-largest, largest + 1, shape).astype(np.int16)
    if alike:
        changes[...] = changes[..., :1]
    assert np.array_equal(unpack_changes(pack_changes(changes), shape), changes)


@pytest.mark.parametrize(("shape", "most"), [((256, 320, 3), 2.0), ((512, 768, 3), 2.0), ((1700, 2000, 3), 1.2)])
def test_a_mark_takes_few_bits(shape: tuple[int, int, int], most: float) -> None:
    """The entropy of such changes, each for itself, is 2.3 to 2.6 bits in one channel."""
    cover = photograph(shape)
    changes = Marker(key=Key(bytes(16))).embed(cover, "Ada").astype(np.int16) - cover
    data = pack_changes(changes)
    assert 8 * len(data) < most * shape[0] * shape[1]
    assert np.array_equal(unpack_changes(data, shape), changes)


@pytest.mark.parametrize("data", [b"", b"\0" * 10, bytes(range(200))])
def test_damaged_bytes_give_something(data: bytes) -> None:
    assert unpack_changes(data, (9, 8, 3)).shape == (9, 8, 3)
