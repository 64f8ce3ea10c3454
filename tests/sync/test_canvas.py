"""Pictures inside something else: found, bounded, read; nothing found where none is marked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from watermarking.attacks import parse_attack
from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.sync.bounds import bounds_of
from watermarking.sync.canvas import pictures_inside
from watermarking.sync.template import template, template_tile
from watermarking.sync.upright import SCALES, scales_that_stand_out
from watermarking.sync.warp import Warp
from watermarking.sync.whitening import whitened

PHOTOGRAPHS = Path(__file__).parents[2] / "benchmarks" / "photographs"
KEY = Key(bytes(range(16)))
U8 = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def cover() -> U8:
    return np.asarray(Image.open(PHOTOGRAPHS / "coffee.png").convert("RGB"))


@pytest.fixture(scope="module")
def marked(cover: U8) -> U8:
    result: U8 = Marker(key=KEY).embed(cover, "8 bytes!")
    return result


def attacked(picture: U8, text: str, seed: int = 3) -> U8:
    return np.asarray(parse_attack(text)(picture, rng=np.random.default_rng(seed)), np.uint8)


@pytest.mark.parametrize("into", ["window", "phone", "page", "slide", "story", "collage"])
def test_a_picture_on_a_canvas_is_read_and_outlined(marked: U8, into: str) -> None:
    attack = parse_attack(f"paste({into!r}, 0.2, 1600) | jpeg(75)")
    found = Marker(key=KEY).extract(np.asarray(attack(marked, rng=np.random.default_rng(3))))
    assert found.text == "8 bytes!"
    assert found.detection.is_present()
    if found.outline is not None:  # a large picture on an empty page may be read as the whole, moved
        matrix = attack.matrix(marked.shape, rng=np.random.default_rng(3))
        assert matrix is not None
        left, top = matrix[:2, 2]
        middle = (found.outline[0] + found.outline[2] / 2, found.outline[1] + found.outline[3] / 2)
        rows, cols = matrix[1, 1] * marked.shape[0], matrix[0, 0] * marked.shape[1]
        assert top < middle[0] < top + rows
        assert left < middle[1] < left + cols


@pytest.mark.parametrize("into", ["window", "story", "collage"])
def test_an_unmarked_picture_on_a_canvas_says_nothing(cover: U8, into: str) -> None:
    found = Marker(key=KEY).extract(attacked(cover, f"paste({into!r}, 0.2, 1600) | jpeg(75)"))
    assert found.message is None
    assert not found.detection.is_present(1e-3)


@pytest.mark.parametrize("attack", ["negative", "negative | jpeg(80)", "negative | crop(0.7)", "negative | turn(90)"])
def test_a_negative_is_read_and_said_to_be_one(marked: U8, attack: str) -> None:
    found = Marker(key=KEY).extract(attacked(marked, attack))
    assert found.text == "8 bytes!"
    assert found.geometry is not None
    assert found.geometry.negative


def test_a_negative_is_read_without_a_search(marked: U8) -> None:
    found = Marker(key=KEY, search=0).extract(attacked(marked, "negative"))
    assert found.text == "8 bytes!"
    assert found.geometry is not None
    assert (found.geometry.rotation, found.geometry.flip, found.geometry.scale) == (0, False, 1)


@pytest.mark.parametrize("attack", ["hue(180)", "hue(180) | jpeg(75)"])
def test_opposite_hues_are_turned_back(marked: U8, attack: str) -> None:
    assert Marker(key=KEY).extract(attacked(marked, attack)).text == "8 bytes!"


def test_every_picture_of_a_collage_is_read(cover: U8) -> None:
    marker = Marker(key=KEY)
    canvas = np.full((1500, 1900, 3), 240, np.uint8)
    for i, (top, left) in enumerate([(40, 60), (60, 1050), (820, 500)]):
        one = np.asarray(marker.embed(cover, f"picture {i}"))
        canvas[top : top + one.shape[0], left : left + one.shape[1]] = one
    found = marker.extract_all(canvas)
    assert {one.text for one in found} == {"picture 0", "picture 1", "picture 2"}
    assert len(marker.extract_all(canvas, most=2)) <= 2
    for one in found:
        assert one.outline is not None


@pytest.mark.parametrize("shape", [(1, 1, 3), (16, 16), (31, 40, 3), (95, 700), (100, 100, 3), (3, 40_000)])
def test_small_pictures_and_strips_are_read_as_nothing(shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)
    for picture in (noise, np.full(shape, 90, np.uint8)):
        assert Marker(key=KEY).extract(picture).message is None
        assert Marker(key=KEY).extract_all(picture) == []


def test_pictures_side_by_side_are_told_apart(cover: U8) -> None:
    marker = Marker(key=KEY)
    stacked = np.vstack([np.asarray(marker.embed(cover, text)) for text in ("first", "second")])
    assert {one.text for one in marker.extract_all(stacked)} == {"first", "second"}
    assert {one.text for one in Marker(key=KEY, search=0).extract_all(stacked)} <= {"first", "second"}


def test_a_faint_picture_is_not_given_the_evidence_of_another(cover: U8) -> None:
    strong, weak = (np.asarray(Marker(key=KEY, psnr=psnr).embed(cover, text)) for psnr, text in ((36, "A"), (46, "B")))
    canvas = np.full((cover.shape[0] + 80, 2 * cover.shape[1] + 120, 3), 240, np.uint8)
    for i, one in enumerate((strong, weak)):
        left = 40 + i * (cover.shape[1] + 40)
        canvas[40 : 40 + cover.shape[0], left : left + cover.shape[1]] = one
    found = {one.text: one.detection for one in Marker(key=KEY).extract_all(canvas)}
    assert set(found) == {"A", "B"}
    assert found["A"].score > found["B"].score
    assert list(found) == ["A", "B"]  # the surest first


def test_one_whole_picture_is_one_reading(marked: U8, cover: U8) -> None:
    marker = Marker(key=KEY)
    (only,) = marker.extract_all(marked)
    assert (only.text, only.outline) == ("8 bytes!", None)
    assert marker.extract_all(cover) == []
    with pytest.raises(WatermarkError, match="give 1 or more"):
        marker.extract_all(marked, most=0)


def test_a_rectangle_of_waves_is_bounded() -> None:
    rng = np.random.default_rng(1)
    plane = (128 + rng.normal(0, 6, (640, 768))).astype(np.float32)
    plane[192:448, 256:640] += 6 * template_tile(KEY)[:256, :384]
    warp = Warp(np.array([[1.0, 0, 192], [0, 1, 256]]), np.zeros((2, 3)))
    top, left, rows, cols = bounds_of(whitened(plane), template(KEY), warp)
    assert abs(top - 192) <= 32
    assert abs(left - 256) <= 32
    assert abs(top + rows - 448) <= 64
    assert abs(left + cols - 640) <= 64


def test_the_search_says_where_it_was_cut_short() -> None:
    plane = (128 + np.random.default_rng(1).normal(0, 6, (384, 832))).astype(np.float32)
    for left in (32, 448):
        plane[32:352, left : left + 352] += 4 * template_tile(KEY)[:320, :352]
    cuts: list[int] = []
    for count in (1, 6):
        found = list(pictures_inside(plane, KEY, count, partial(cuts.append, count)))
        assert bool(found)
    assert cuts == [1]
    assert list(pictures_inside(plane[:, :80], KEY, 1, partial(cuts.append, 0))) == []
    assert cuts == [1]


def test_noise_has_no_scale_that_stands_out() -> None:
    from watermarking.sync.spectrum import spectrum_of

    plane = np.random.default_rng(2).normal(128, 20, (400, 400)).astype(np.float32)
    spectrum = spectrum_of(plane)
    assert scales_that_stand_out(spectrum, template(KEY), 4, 6.0) == []
    found = scales_that_stand_out(spectrum, template(KEY), 4, 1.0)
    assert [power for _, power in found] == sorted((power for _, power in found), reverse=True)
    assert all(SCALES[0] <= scale <= SCALES[-1] for scale, _ in found)


@pytest.mark.parametrize("attack", ["aspect(0.6)", "aspect(1.7)", "aspect(0.7) | crop(0.8) | jpeg(75)"])
def test_a_stretched_picture_is_read(marked: U8, attack: str) -> None:
    found = Marker(key=KEY).extract(attacked(marked, attack))
    assert found.text == "8 bytes!"
    assert found.geometry is not None
