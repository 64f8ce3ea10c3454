"""``reversible``: the cover comes back bit for bit, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from covers import odd_pictures, photograph, psnr
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.embedders.reversible import Reversible
from watermarking.errors import CapacityError, RestorationError, UnsupportedImageError
from watermarking.keys import Key

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
SHAPE = (120, 150, 3)


def sent(n: int) -> np.ndarray:
    return np.random.default_rng(n).random(n) < 0.5


def check(cover: np.ndarray, n: int, strength: float = 42.0) -> np.ndarray:
    before = cover.copy()
    marked = Reversible(psnr=strength).embed(cover, sent(n), key=KEY)
    assert not np.array_equal(marked, cover)
    assert psnr(cover, marked) >= strength
    assert np.array_equal(cover, before)
    found = Reversible().extract(marked, key=KEY)
    assert found.detection.is_present(1e-15)
    assert np.array_equal(found.payload, sent(n))
    restored = Reversible().restore(marked, key=KEY)
    assert (restored.dtype, restored.shape) == (cover.dtype, cover.shape)
    assert np.array_equal(restored, cover)
    return marked


@pytest.mark.parametrize("n", [1, 16, 5000, 20_000, 40_000])
def test_it_comes_back(n: int) -> None:
    check(photograph(SHAPE), n, 30.0)


@pytest.mark.parametrize("shape", [(97, 103), SHAPE, (120, 150, 4), (64, 1201, 3), (5, 3001, 3), (3001, 5, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_kind_of_picture(shape: tuple[int, ...], dtype: str) -> None:
    check(photograph(shape, dtype), 500)


@pytest.mark.parametrize("depth", [9, 12, 14])
def test_samples_of_other_depths(depth: int) -> None:
    cover = (photograph(SHAPE, "uint16") >> (16 - depth)).astype(np.uint16)
    marked = check(cover, 3000)
    assert marked.max() < 2**depth


@pytest.mark.parametrize("name", sorted(set(odd_pictures((8, 8))) - {"noise", "stripes"}))
@pytest.mark.parametrize("n", [10, 2000])
def test_odd_pictures(name: str, n: int) -> None:
    check(odd_pictures((128, 160))[name], n, 40.0)


@pytest.mark.parametrize("levels", [(0, 20), (235, 256), (0, 2), (254, 256)])
def test_saturated_pictures(levels: tuple[int, int]) -> None:
    """Samples that cannot move and samples that moved to where these are, side by side."""
    rough = np.random.default_rng(3).integers(*levels, (160, 200, 3)).astype(np.uint8)
    check(np.where(photograph((160, 200, 3)) > 110, rough, photograph((160, 200, 3))), 1500, 30.0)
    clipped = np.clip(photograph((160, 200, 3)).astype(int) * 3 - 240, 0, 255).astype(np.uint8)
    check(clipped, 4000, 30.0)


def test_transparent_pixels_stay_and_count_in_restoring_alone() -> None:
    cover = photograph((*SHAPE[:2], 4)).copy()
    cover[20:60, 30:90, 3] = 0
    cover[80:90, :, 3] = 80
    marked = check(cover, 300)
    clear = cover[..., 3] == 0
    assert np.array_equal(marked[clear], cover[clear])
    marked[clear, :3] = 0
    assert np.array_equal(Reversible().extract(marked, key=KEY).payload, sent(300))
    with pytest.raises(RestorationError, match="not where its payload lies"):
        Reversible().restore(marked, key=KEY)


def test_a_wrong_key_finds_nothing() -> None:
    marked = Reversible().embed(photograph(SHAPE), sent(100), key=KEY)
    found = Reversible().extract(marked, key=OTHER)
    assert (found.payload.size, found.detection.p_value) == (0, 1.0)
    for picture in (marked, photograph(SHAPE)):
        with pytest.raises(RestorationError, match="no reversible mark of this key, or was changed"):
            Reversible().restore(picture, key=OTHER)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1), st.integers(0, 2), st.integers(1, 255))
def test_one_changed_sample_is_refused(row: int, col: int, channel: int, change: int) -> None:
    marked = Reversible(psnr=30).embed(photograph(SHAPE), sent(20_000), key=KEY)
    marked[row, col, channel] = (int(marked[row, col, channel]) + change) % 256
    with pytest.raises(RestorationError):
        Reversible().restore(marked, key=KEY)


@pytest.mark.parametrize("attack", [np.flipud, np.rot90, lambda a: a[:-1], lambda a: a[..., ::-1], lambda a: a[..., 0]])
def test_attacked_pictures_are_refused(attack: object) -> None:
    marked = Reversible().embed(photograph(SHAPE), sent(100), key=KEY)
    attacked = np.ascontiguousarray(attack(marked))  # type: ignore[operator]
    assert not Reversible().extract(attacked, key=KEY).detection.is_present(1e-4)
    with pytest.raises(RestorationError):
        Reversible().restore(attacked, key=KEY)


def test_marks_of_two_owners_come_off_in_turn() -> None:
    cover = photograph(SHAPE)
    first = Reversible().embed(cover, sent(100), key=KEY)
    both = Reversible().embed(first, sent(50), key=OTHER)
    assert np.array_equal(Reversible().restore(Reversible().restore(both, key=OTHER), key=KEY), cover)
    with pytest.raises(RestorationError):
        Reversible().restore(both, key=KEY)


@pytest.mark.parametrize("strength", [30.0, 44.0, 48.0])
def test_too_much_says_what_fits_and_where(strength: float) -> None:
    cover = photograph((120, 150))
    scheme = Reversible(psnr=strength)
    room = scheme.room(cover, key=KEY)
    check(cover, int(0.97 * room), strength)
    with pytest.raises(CapacityError, match=r"^\d+ bits fit in 150x120 pixels with 'reversible', ") as caught:
        scheme.embed(cover, sent(int(1.1 * room)), key=KEY)
    said = int(str(caught.value).split()[0])
    assert 0.9 * room <= said <= 1.1 * room
    if "psnr=" in str(caught.value):
        check(cover, int(1.1 * room), float(str(caught.value).split("psnr=")[1].split(",")[0]))


@pytest.mark.parametrize("shape", [(4, 4000), (30, 30), (40, 50, 3)])
def test_too_small_pictures(shape: tuple[int, ...]) -> None:
    with pytest.raises(CapacityError, match="0 bits fit"):
        Reversible().embed(photograph(shape), sent(1), key=KEY)
    assert Reversible().room(photograph(shape), key=KEY) == 0


def test_what_has_no_redundancy_has_no_room() -> None:
    with pytest.raises(CapacityError, match="0 bits fit"):
        Reversible(psnr=20).embed(odd_pictures((128, 160))["noise"], sent(16), key=KEY)


def test_floats_are_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="cannot be restored to the last bit"):
        Reversible().embed(photograph(SHAPE, "float32"), sent(4), key=KEY)
    with pytest.raises(RestorationError):
        Reversible().restore(photograph(SHAPE, "float32"), key=KEY)
