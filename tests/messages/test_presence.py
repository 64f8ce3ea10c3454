"""The map of where the mark is: whole pictures carry it everywhere, changed places do not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from watermarking.attacks import parse_attack
from watermarking.keys import Key
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from watermarking.messages.presence import Presence

PHOTOGRAPHS = Path(__file__).parents[2] / "benchmarks" / "photographs"
KEY = Key(bytes(range(16)))
U8 = npt.NDArray[np.uint8]
PATCH = (slice(100, 260), slice(150, 400))


@pytest.fixture(scope="module", params=["dwt", "dct", "additive"])
def marker(request: pytest.FixtureRequest) -> Marker:
    return Marker(request.param, key=KEY, psnr=40.0)


@pytest.fixture(scope="module")
def cover() -> U8:
    return np.asarray(Image.open(PHOTOGRAPHS / "coffee.png").convert("RGB"))


@pytest.fixture(scope="module")
def marked(marker: Marker, cover: U8) -> U8:
    result: U8 = marker.embed(cover, "8 bytes!")
    return result


def found_in(marker: Marker, picture: U8) -> Presence:
    reading = marker.extract(picture, presence=True)
    assert reading.text == "8 bytes!"
    assert reading.presence is not None
    return reading.presence


def test_an_unchanged_picture_lacks_nothing(marker: Marker, marked: U8) -> None:
    for attack in ("jpeg(80)", "crop(0.8)"):
        where = found_in(marker, np.asarray(parse_attack(attack)(marked, rng=np.random.default_rng(1))))
        assert where.missing.mean() < 0.02
        assert 0.85 < float(np.median(where.share)) < 1.15


@pytest.mark.parametrize("attack", ["jpeg(80)", "turn(90)", "negative"])
def test_a_place_that_was_replaced_is_flagged(marker: Marker, marked: U8, cover: U8, attack: str) -> None:
    changed = marked.copy()
    changed[PATCH] = cover[PATCH]
    truth = np.zeros(cover.shape, np.uint8)
    truth[PATCH] = 255
    seen, there = (np.asarray(parse_attack(attack)(one, rng=np.random.default_rng(1))) for one in (changed, truth))
    hole = (there[..., 0] > 127) if attack != "negative" else (there[..., 0] < 127)
    where = found_in(marker, seen)
    missing, share = where.on(where.missing, seen.shape) > 0.5, where.on(where.share, seen.shape)
    assert missing[hole].mean() > 0.4
    assert missing[~hole].mean() < 0.03
    assert np.nanmean(share[hole]) < np.nanmean(share[~hole]) - 0.4
    picture = where.heat_map(seen)
    assert picture.shape == seen.shape
    assert picture.dtype == np.uint8
    assert picture[missing][:, 0].mean() > picture[missing][:, 2].mean() + 40


def test_it_is_there_only_if_asked_for(marker: Marker, marked: U8, cover: U8) -> None:
    assert marker.extract(marked).presence is None
    assert marker.extract(cover, presence=True).presence is None
    grey = np.asarray(marker.embed(cover[..., 1].copy(), "8 bytes!"))
    where = found_in(marker, grey)
    assert where.heat_map(grey).shape == (*grey.shape, 3)
    assert where.error_rate == 0.01


@pytest.mark.parametrize("ground", ["white", "noise"])
def test_around_a_picture_in_a_canvas_nothing_is_said(cover: U8, ground: str) -> None:
    marker = Marker(key=KEY)
    marked = np.asarray(marker.embed(cover, "8 bytes!"))
    shape = (cover.shape[0] + 420, cover.shape[1] + 500, 3)
    canvas = np.full(shape, 255, np.uint8)
    if ground == "noise":
        canvas[:] = np.random.default_rng(3).integers(0, 256, shape)
    inside = np.zeros(shape[:2], np.bool_)
    inside[200 : 200 + cover.shape[0], 260 : 260 + cover.shape[1]] = True
    canvas[inside] = marked.reshape(-1, 3)
    where = found_in(marker, canvas)
    unsure, missing = (where.on(values, shape) for values in (where.unsure, where.missing))
    assert np.nanmean(missing[inside] > 0.5) < 0.05
    assert np.nanmean(unsure[inside] > 0.5) < 0.5
    around = ~inside
    around[120:-120, 180:-180] &= False  # windows overlap the edges
    carries = (np.nan_to_num(unsure, nan=1.0) < 0.5) & (np.nan_to_num(missing, nan=0.0) < 0.5)
    assert carries[around].mean() < 0.1


@pytest.mark.parametrize("ground", [(255, 255, 255), (40, 44, 60)])
def test_flat_ground_round_a_picture_is_no_part_of_it(ground: tuple[int, int, int]) -> None:
    marker = Marker("dwt", key=KEY, fidelity=88.0)
    picture = np.asarray(Image.open(PHOTOGRAPHS / "astronaut.png").convert("RGB"))
    rows, cols = picture.shape[:2]
    canvas = np.full((1000, 1500, 3), ground, np.uint8)
    canvas[200 : 200 + rows, 300 : 300 + cols] = marker.embed(picture, "8 bytes!")
    where = found_in(marker, canvas)
    inside = np.zeros(canvas.shape[:2], np.bool_)
    inside[200 : 200 + rows, 300 : 300 + cols] = True
    missing, unsure = (np.nan_to_num(where.on(one, canvas.shape)) > 0.5 for one in (where.missing, where.unsure))
    assert missing[~inside].sum() < 0.05 * inside.sum()
    assert missing[inside].mean() < 0.04
    assert unsure[inside].mean() < 0.5
