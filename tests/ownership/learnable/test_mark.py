"""The mark: how much it changes, that it moves with the picture, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learnt import colourful

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.keys import Key
from watermarking.ownership.learnable import LearnableMark

KEY = Key(bytes(range(32)))
KEYS = [Key(bytes([i]) * 16) for i in range(4)]
Array = np.ndarray[Any, Any]


def psnr(one: Array, other: Array) -> float:
    error = np.mean((one.astype(float) - other) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else np.inf


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("key", KEYS, ids=range(4))
def test_strength_is_about_what_was_asked_for_and_never_above_the_floor(key: Key, grey: bool) -> None:
    found = []
    for cover in colourful(8):
        picture = np.ascontiguousarray(cover[..., 1]) if grey else cover
        found.append(psnr(LearnableMark().mark(picture, key=key), picture))
    assert min(found) >= 42.0
    assert np.mean(found) == pytest.approx(43.5, abs=1.5)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from(["flat", "noise", "stripes", "black", "white"]),
)
def test_any_picture_keeps_its_shape_and_the_floor(height: int, width: int, colour: bool, kind: str) -> None:
    shape = (height, width, 3) if colour else (height, width)
    rng = np.random.default_rng(height * 41 + width)
    picture = {
        "flat": np.full(shape, 90, np.uint8),
        "noise": rng.integers(0, 256, shape, dtype=np.uint8),
        "stripes": (np.indices(shape)[1] % 2 * 255).astype(np.uint8),
        "black": np.zeros(shape, np.uint8),
        "white": np.full(shape, 255, np.uint8),
    }[kind]
    before = picture.copy()
    marked = LearnableMark().mark(picture, key=KEY)
    assert marked.shape == shape
    assert marked.dtype == np.uint8
    assert psnr(marked, picture) >= 42.0
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("floor", [44.0, 48.0])
def test_floor_and_strength_can_be_chosen(floor: float) -> None:
    mark = LearnableMark(psnr=floor + 1, floor=floor)
    assert all(psnr(mark.mark(cover, key=KEY), cover) >= floor for cover in colourful(4))


@pytest.mark.parametrize("motion", [lambda p: p[:, ::-1], lambda p: p[::-1], np.rot90], ids=["across", "down", "turn"])
def test_it_moves_with_flips_and_turns(motion: Any) -> None:
    cover = colourful(1)[0]
    moved = LearnableMark().mark(np.ascontiguousarray(motion(cover)), key=KEY)
    differing = moved != motion(LearnableMark().mark(cover, key=KEY))
    assert differing.mean() < 1e-3  # sums are taken in another order: a few values round the other way


def test_it_moves_with_crops_away_from_their_edges() -> None:
    cover = colourful(1)[0]
    change = LearnableMark().mark(cover, key=KEY).astype(float) - cover
    part = np.ascontiguousarray(cover[16:112, 16:112])
    change_of_part = LearnableMark().mark(part, key=KEY).astype(float) - part
    inside, inside_part = change[32:96, 32:96].ravel(), change_of_part[16:80, 16:80].ravel()
    assert np.corrcoef(inside, inside_part)[0, 1] > 0.9


def test_keys_mark_differently() -> None:
    cover = colourful(1)[0]
    one, other = (LearnableMark().mark(cover, key=key).astype(float) - cover for key in KEYS[:2])
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.5


def test_strength_depends_continuously_on_the_picture() -> None:
    cover = colourful(1)[0]
    one = LearnableMark().mark(cover, key=KEY).astype(int) - cover
    nudged = cover.copy()
    nudged[60, 60] ^= 1
    other = LearnableMark().mark(nudged, key=KEY).astype(int) - nudged
    assert np.abs(one - other).max() <= 1
    assert (one != other).mean() < 0.01


def test_views_and_fortran_order_are_taken() -> None:
    cover = colourful(1)[0]
    expected = LearnableMark().mark(np.ascontiguousarray(cover[::2, ::-1]), key=KEY)
    np.testing.assert_array_equal(LearnableMark().mark(cover[::2, ::-1], key=KEY), expected)
    read_only = cover[::2, ::-1].copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(LearnableMark().mark(read_only, key=KEY), expected)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 4, 4), np.uint8), "drop other channels"),
        (np.zeros((4, 4), np.float32), "0..255"),
        (np.zeros((4, 4), np.uint16), "uint16"),
        (np.zeros((0, 4), np.uint8), "pixels"),
        (np.zeros(4, np.uint8), "pixels"),
        ([[1, 2]], "list"),
    ],
)
def test_other_pictures_are_refused(picture: Any, message: str) -> None:
    with pytest.raises(UnsupportedImageError, match=message):
        LearnableMark().mark(picture, key=KEY)


@pytest.mark.parametrize("levels", [{"psnr": 35.0, "floor": 35.0}, {"psnr": 43.0, "floor": 44.0}, {"psnr": 61.0}])
def test_strengths_out_of_bounds_are_refused(levels: dict[str, float]) -> None:
    with pytest.raises(WatermarkError, match="floor <= psnr"):
        LearnableMark(**levels)


def test_nan_strength_is_refused() -> None:
    with pytest.raises(WatermarkError, match="nan"):
        LearnableMark(psnr=float("nan"))


@pytest.mark.parametrize("psnr", [36.0, 50.0, 57.0])
def test_the_bounds_of_strengths_hold(psnr: float) -> None:
    """Near 59 dB a mark is less than what rounding adds: no strength is left to be computed."""
    noise = np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8)
    assert LearnableMark(psnr=psnr, floor=psnr).mark(noise, key=Key(bytes(16))).shape == noise.shape
    with pytest.raises(WatermarkError, match="<= psnr"):
        LearnableMark(psnr=57.5, floor=42)
