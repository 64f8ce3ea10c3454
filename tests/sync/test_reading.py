"""Messages out of moved pictures, and none out of what only looks moved."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from watermarking.attacks import parse_attack
from watermarking.keys import Key
from watermarking.messages.marker import Marker

PHOTOGRAPHS = Path(__file__).parents[2] / "benchmarks" / "photographs"
KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
MESSAGE = b"8 bytes!"
U8 = npt.NDArray[np.uint8]


def photograph(name: str) -> U8:
    return np.asarray(Image.open(PHOTOGRAPHS / name).convert("RGB"))


@pytest.fixture(scope="module")
def coffee() -> U8:
    return photograph("coffee.png")


@pytest.fixture(scope="module")
def marked(coffee: U8) -> U8:
    result: U8 = Marker(key=KEY).embed(coffee, MESSAGE)
    return result


@pytest.mark.parametrize(
    "attack",
    [
        "crop(0.7)",
        "resize(0.6)",
        "resize(1.5)",
        "flip()",
        "turn(90)",
        "rotate(7)",
        "rotate(30, fit='grow')",
        "screenshot()",
        "crop_resize_jpeg()",
        "perspective(0.1)",
        "aspect(0.9)",
        "shear(5)",
    ],
)
def test_a_moved_picture_is_read(marked: U8, attack: str) -> None:
    reading = Marker(key=KEY).extract(parse_attack(attack)(marked, rng=np.random.default_rng(0)))
    assert reading.message == MESSAGE
    assert reading.geometry is not None
    assert reading.detection.is_present()


@pytest.mark.parametrize("scheme", ["additive", "dct"])
@pytest.mark.parametrize("attack", ["crop(0.8)", "rotate(5)", "resize(0.7) | jpeg(75)"])
def test_every_plane_scheme_is_synchronised(coffee: U8, scheme: str, attack: str) -> None:
    marker = Marker(scheme, key=KEY)
    moved = parse_attack(attack)(marker.embed(coffee, MESSAGE), rng=np.random.default_rng(1))
    assert marker.extract(moved).message == MESSAGE


def test_an_unmoved_picture_is_read_without_searching(marked: U8) -> None:
    assert Marker(key=KEY).extract(marked).geometry is None
    assert Marker(key=KEY, search=0).extract(marked).message == MESSAGE
    assert Marker(key=KEY, search=0).extract(marked[:, ::-1]).message is None


@pytest.mark.parametrize("attack", ["clip_peaks()", "clip_peaks(domain='autocorrelation')", "average_tiles()"])
def test_erasing_what_stands_out_leaves_the_message(marked: U8, attack: str) -> None:
    attacked = parse_attack(attack)(marked, rng=np.random.default_rng(0))
    assert Marker(key=KEY).extract(attacked).message == MESSAGE


def test_a_known_message_is_detected_in_a_moved_picture(marked: U8) -> None:
    turned = parse_attack("rotate(20)")(marked, rng=np.random.default_rng(0))
    assert Marker(key=KEY).detect(turned, MESSAGE).is_present(1e-9)
    assert not Marker(key=KEY).detect(turned, b"another!").is_present(1e-3)


def textures() -> dict[str, U8]:
    row, col = np.mgrid[:300, :400]
    dots = np.where(np.hypot(row % 8 - 4, col % 8 - 4) < 2.5, 30, 220)
    weave = 128 + 60 * np.sin(row / 3) + 60 * np.sin(col / 3.3)
    brick = np.tile(np.random.default_rng(0).integers(0, 256, (50, 50)), (6, 8))
    return {
        name: np.dstack([a] * 3).astype(np.uint8) for name, a in (("dots", dots), ("weave", weave), ("tile", brick))
    }


@pytest.mark.parametrize("name", ["dots", "weave", "tile"])
def test_a_periodic_picture_is_no_mark(name: str) -> None:
    start = time.perf_counter()
    reading = Marker(key=KEY).extract(textures()[name])
    assert reading.message is None
    assert not reading.detection.is_present(1e-3)
    assert time.perf_counter() - start < 30  # bounded, on a machine that does other things too


@pytest.mark.parametrize("name", ["dots", "weave"])
def test_a_periodic_picture_can_be_marked_and_moved(name: str) -> None:
    """No strength at which the dots carry four bytes leaves them 88 points."""
    marker = Marker(key=KEY, psnr=42.0)
    reading = marker.extract(marker.embed(textures()[name], b"4 by")[:, ::-1])
    assert reading.message in (b"4 by", None)


def test_two_keys_in_one_picture_both_read(coffee: U8) -> None:
    twice = Marker(key=OTHER).embed(Marker(key=KEY).embed(coffee, MESSAGE), b"second")
    turned = parse_attack("rotate(5)")(twice, rng=np.random.default_rng(0))
    for picture in (twice, turned):
        assert Marker(key=KEY).extract(picture).message == MESSAGE
        assert Marker(key=OTHER).extract(picture).message == b"second"


def test_a_collage_of_differently_moved_parts_reads_right_or_not_at_all(coffee: U8, marked: U8) -> None:
    second = Marker(key=KEY).embed(photograph("chelsea.png"), b"the cat!")
    collage = np.hstack([marked[:300, :400], second[:300, ::-1][:, :400]])
    assert Marker(key=KEY).extract(collage).message in (MESSAGE, b"the cat!", None)
    mirrored = np.hstack([marked, marked[:, ::-1]])
    assert Marker(key=KEY).extract(mirrored).message in (MESSAGE, None)


def test_searching_multiplies_the_p_value(coffee: U8) -> None:
    for picture in (coffee, np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)):
        patient, hasty = (Marker(key=KEY, search=n).extract(picture).detection.p_value for n in (3, 0))
        assert patient <= 1
        assert hasty <= 1
        assert patient > 1e-3
