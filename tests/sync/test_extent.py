"""The size of a marked plane, from what is left of it."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.keys import Key
from watermarking.sync.align import Alignment, put_back
from watermarking.sync.extent import framing_waves, sizes_of
from watermarking.sync.warp import Region, Warp

KEY, OTHER = Key(bytes(16)), Key(bytes([1]) * 16)


def marked(rows: int, cols: int, strength: float = 2.0) -> np.ndarray:
    """Return a plane of coarse noise with waves of this root mean square."""
    rng = np.random.default_rng(rows)
    coarse = np.kron(rng.normal(128, 20, (rows // 16 + 1, cols // 16 + 1)), np.ones((16, 16)))[:rows, :cols]
    plane = (coarse + rng.normal(0, 3, (rows, cols))).astype(np.float32)
    return plane + np.float32(strength) * framing_waves(plane, KEY)


def part(plane: np.ndarray, top: int, left: int, rows: int, cols: int) -> Alignment:
    """Cut a rectangle out and put it back where it was."""
    warp = Warp(np.array([[1.0, 0, -top], [0, 1.0, -left]]), np.zeros((2, 3)))
    return next(put_back(np.ascontiguousarray(plane[top : top + rows, left : left + cols]), warp, 30.0))


@pytest.mark.parametrize(
    ("size", "cut"),
    [
        ((400, 500), (0, 0, 400, 500)),
        ((400, 500), (48, 120, 200, 260)),  # neither corner is left
        ((401, 1199), (100, 30, 250, 600)),  # the far corner is more than a period away
        ((150, 2300), (0, 0, 150, 2300)),  # a strip, of two periods and more
        ((1040, 300), (40, 0, 500, 300)),
    ],
)
def test_the_size_is_found_from_a_part(size: tuple[int, int], cut: tuple[int, int, int, int]) -> None:
    found = sizes_of(part(marked(*size), *cut), KEY)
    assert size in found[:2]
    assert len(found) <= 4


def test_a_picture_in_something_larger_says_its_own_size() -> None:
    plane = np.random.default_rng(3).normal(128, 8, (500, 700)).astype(np.float32)
    plane[60:360, 90:490] = marked(300, 400)
    warp = Warp(np.array([[1.0, 0, 60], [0, 1.0, 90]]), np.zeros((2, 3)))
    assert sizes_of(next(put_back(plane, warp, 30.0)), KEY)[0] == (300, 400)


def test_a_turned_picture_says_the_size_that_it_had_upright() -> None:
    plane = marked(320, 480)
    warp = Warp(np.array([[0.0, -1.0, 479.0], [1.0, 0.0, 0.0]]), np.zeros((2, 3)))  # a quarter turn
    assert sizes_of(next(put_back(np.ascontiguousarray(np.rot90(plane)), warp, 30.0)), KEY)[0] == (320, 480)


def test_another_key_and_planes_without_waves_say_nothing() -> None:
    flat = np.full((400, 500), 9, np.float32)
    for plane, key in ((marked(400, 500), OTHER), (marked(400, 500, 0.0), KEY), (flat, KEY)):
        assert sizes_of(part(plane, 0, 0, 400, 500), key) == []
    nothing = Alignment(
        np.zeros((24, 24), np.float32), np.zeros((24, 24), np.bool_), Region(0, 0, 24, 24),
        Warp(np.eye(2, 3), np.zeros((2, 3))), 0.0,
    )  # fmt: skip
    assert sizes_of(nothing, KEY) == []


def test_a_size_that_no_plane_has_is_left_out() -> None:
    warp = Warp(np.array([[1.0, 0, -24000], [0, 1.0, -24000]]), np.zeros((2, 3)))
    found = next(put_back(marked(400, 500), warp, 30.0))
    assert sizes_of(found, KEY) == []


def test_waves_have_the_energy_asked_for_and_come_from_both_corners() -> None:
    plane = np.zeros((256, 300), np.float32)
    waves = framing_waves(plane, KEY)
    assert 0.9 < float(np.mean(np.square(waves))) < 1.1
    longer = framing_waves(np.zeros((256, 310), np.float32), KEY)
    assert not np.allclose(waves, longer[:, :300], atol=0.1)  # the far corner moved
    assert not np.allclose(waves, longer[:, 10:], atol=0.1)  # the near one stayed
