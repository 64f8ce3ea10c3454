"""``bound``: signs that the picture gives, found again after what marks survive, and no good to another picture."""

from __future__ import annotations

import numpy as np
import pytest
from covers import photograph

from watermarking.attacks import parse_attack
from watermarking.attacks.collusion import EstimateAttack
from watermarking.embedders.bound import Bound
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.pictures.plane import luma_plane

KEY = Key(bytes(range(16)))
MESSAGE = b"(c) Ada"
SHAPE = (320, 448, 3)


def signs(picture: np.ndarray, key: Key = KEY) -> np.ndarray:
    return Bound().cell_signs(luma_plane(picture), key=key)


def test_signs_are_of_one_picture_and_one_key() -> None:
    one, two = signs(photograph(SHAPE, seed=1)), signs(photograph(SHAPE, seed=2))
    assert one.shape == (40, 56)
    assert set(np.unique(one)) == {-1.0, 0.0, 1.0}
    assert (one == 0).mean() < 0.3
    assert abs(one.mean()) < 0.1
    assert abs((one * two).mean()) < 0.1
    assert abs((one * signs(photograph(SHAPE, seed=1), Key(bytes(16)))).mean()) < 0.1


def test_a_flat_picture_has_the_same_sign_everywhere() -> None:
    page = np.full(SHAPE, 240, np.uint8)
    assert (signs(page) == 1).all()
    page[:, :60] = photograph(SHAPE)[:, :60]
    assert (signs(page)[:, 20:] == 1).all()


@pytest.mark.parametrize("attack", ["jpeg(40)", "blur(1.5)", "noise(10)", "contrast(1.3)", "resize(0.5, restore=True)"])
def test_signs_survive_what_marks_survive(attack: str) -> None:
    cover = photograph(SHAPE, seed=3)
    marked = Marker("bound", key=KEY).embed(cover, MESSAGE)
    attacked = parse_attack(attack)(marked, rng=np.random.default_rng(0))
    assert (signs(cover) * signs(attacked) < 0).mean() < 0.02
    assert (signs(cover) * signs(attacked) > 0).mean() > 0.7


def test_a_part_has_the_signs_of_the_whole() -> None:
    plane = luma_plane(photograph(SHAPE, seed=4))
    whole = Bound().cell_signs(plane, key=KEY)
    part = Bound().cell_signs(plane[80:240, 120:400], key=KEY, origin=(10, 15))
    inner = slice(8, -8)
    assert part[inner, inner].any()
    assert (part == whole[10:30, 15:50])[inner, inner].all()


@pytest.mark.parametrize("shape", [(8, 8), (9, 80), (64, 8)])
def test_small_planes_have_signs(shape: tuple[int, int]) -> None:
    plane = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    assert Bound().cell_signs(plane, key=KEY, origin=(31, 33)).shape == (shape[0] // 8, shape[1] // 8)


@pytest.mark.parametrize("attack", ["negative", "crop(0.7)", "rotate(6)", "resize(0.6) | jpeg(75)"])
def test_moved_pictures_are_read(attack: str) -> None:
    marker = Marker("bound", key=KEY, psnr=36)
    marked = marker.embed(photograph((512, 640, 3), seed=5), b"Ada")
    found = marker.extract(parse_attack(attack)(marked, rng=np.random.default_rng(1)))
    assert found.message == b"Ada"


@pytest.mark.parametrize(("scheme", "is_read"), [("dwt", True), ("bound", False)])
def test_the_mark_itself_is_no_good_to_another_picture(scheme: str, *, is_read: bool) -> None:
    marker = Marker(scheme, key=KEY, psnr=38)
    cover, other = photograph(SHAPE, seed=6), photograph(SHAPE, seed=7)
    mark = marker.embed(cover, MESSAGE).astype(int) - cover
    forged = np.clip(other + mark, 0, 255).astype(np.uint8)
    assert (marker.extract(forged).message == MESSAGE) is is_read


@pytest.mark.parametrize(("scheme", "is_read"), [("dwt", True), ("bound", False)])
def test_averaging_forges_nothing(scheme: str, *, is_read: bool) -> None:
    marker = Marker(scheme, key=KEY, psnr=38)
    marked = [marker.embed(photograph(SHAPE, seed=10 + i), MESSAGE) for i in range(12)]
    forged = EstimateAttack(strength=2.0)(marked, photograph(SHAPE, seed=9))
    assert (marker.extract(forged).message == MESSAGE) is is_read
