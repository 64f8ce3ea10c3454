"""Marks of the networks in pictures that were moved: put back by their waves, then read."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermarking.attacks import parse_attack  # noqa: E402
from watermarking.deep.adapter import Waves, add_residual, waves_over  # noqa: E402
from watermarking.deep.scheme import WAVES_SHARE, Deep  # noqa: E402
from watermarking.interface import FramedScheme  # noqa: E402
from watermarking.keys import Key  # noqa: E402
from watermarking.messages.marker import Marker, extract_any  # noqa: E402
from watermarking.metrics import psnr  # noqa: E402
from watermarking.pictures.plane import luma_plane  # noqa: E402
from watermarking.registry import get_scheme, scheme_ids  # noqa: E402
from watermarking.sync.extent import framing_waves  # noqa: E402

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
MESSAGE = b"8 bytes."


@pytest.fixture(scope="module")
def cover() -> np.ndarray:
    from watermarking.testing.covers import photograph

    return photograph((360, 480, 3))


@pytest.fixture(scope="module")
def marked(cover: np.ndarray) -> np.ndarray:
    return Marker(Deep(psnr=40.0), key=KEY).embed(cover, MESSAGE)


@pytest.mark.parametrize("move", ["crop(0.8, where='centre')", "rotate(15)", "flip('horizontal') | jpeg(75)"])
def test_a_moved_picture_is_read(marked: np.ndarray, move: str) -> None:
    moved = parse_attack(move)(marked, rng=np.random.default_rng(0))
    found = Marker("deep", key=KEY).extract(moved)
    assert found.message == MESSAGE
    assert found.geometry is not None
    assert found.geometry.flip == ("flip" in move)
    assert found.detection.is_present(1e-9)
    assert Marker("deep", key=KEY, search=0).extract(moved).message is None


@pytest.mark.slow
def test_a_picture_in_a_canvas_is_read_and_outlined(marked: np.ndarray) -> None:
    canvas = np.full((500, 630, 3), 235, np.uint8)
    canvas[70:430, 90:570] = marked
    (found,) = Marker("deep", key=KEY).extract_all(canvas)
    assert found.message == MESSAGE
    assert found.outline is not None
    assert np.abs(np.subtract(found.outline, (70, 90, 360, 480))).max() <= 2


@pytest.mark.slow
def test_of_two_schemes_the_right_one_reads(marked: np.ndarray) -> None:
    moved = np.ascontiguousarray(marked[:, ::-1])
    found = extract_any(moved, keys=[KEY, OTHER], schemes=["dwt", "deep"])
    assert (found.message, found.scheme, found.key_index) == (MESSAGE, "deep", 0)
    assert Marker("deep", key=KEY).detect(moved, MESSAGE).is_present()


@pytest.mark.slow
def test_nothing_is_read_where_nothing_is(marked: np.ndarray) -> None:
    for picture in (np.ascontiguousarray(marked[::-1]), np.full((300, 300, 3), 7, np.uint8)):
        found = Marker("deep", key=OTHER, search=1).extract(picture)
        assert found.message is None
        assert not found.detection.is_present(1e-4)


def test_waves_lie_beside_the_marks_of_plain_networks_alone(cover: np.ndarray) -> None:
    framed = {name for name in ("deep-robust", "deep-unseen", "deep-any") if Deep(weights=name).is_framed}
    assert framed == {"deep-robust", "deep-unseen"}
    assert {name for name in scheme_ids() if isinstance(get_scheme(name), FramedScheme)} == {"deep"}
    marker = Marker({"id": "deep", "weights": "deep-any"}, key=KEY)
    assert marker.extract(marker.embed(cover, MESSAGE)[5:, 3:]).message is None


def test_the_strength_is_that_of_mark_and_waves_together(cover: np.ndarray, marked: np.ndarray) -> None:
    assert -0.05 <= psnr(cover, marked) - 40 <= 0.3
    residual = np.random.default_rng(4).standard_normal((3, 64, 64)).astype(np.float32)
    large = np.repeat(np.repeat(cover, 3, axis=0), 3, axis=1)
    plane = np.random.default_rng(5).standard_normal((large.shape[0] // 2, large.shape[1] // 2)).astype(np.float32)
    for image, untinted in ((large, False), (large, True), (large[..., 0], False)):
        waves = waves_over(image, plane, untinted=untinted)
        both = add_residual(image, residual, 42.0, waves)
        assert -0.05 <= psnr(image, both) - 42 <= 0.3
        alone = add_residual(image, residual * 0, 42.0, waves)
        assert -0.05 <= psnr(image, alone) - 42 <= 0.3


def test_waves_are_drawn_in_bands_as_in_one_piece() -> None:
    import cv2

    plane = np.random.default_rng(6).standard_normal((40, 50)).astype(np.float32)
    waves = Waves(plane, np.ones(3, np.float32), 3)
    whole = waves.rows(0, 122, 151)[..., 0]
    banded = np.concatenate([waves.rows(a, min(a + 32, 122), 151) for a in range(0, 122, 32)])[..., 0]
    assert np.array_equal(whole, banded)
    wanted = cv2.resize(plane, (150, 120), interpolation=cv2.INTER_LINEAR)
    assert np.abs(whole[:120, :150] - wanted).max() < 1e-4
    assert abs(waves.scaled(2).power / waves.power - 4) < 1e-5


def test_clear_pixels_stay_and_waves_take_their_share(cover: np.ndarray) -> None:
    alpha = np.full((*cover.shape[:2], 1), 255, np.uint8)
    alpha[:60] = 0
    image = np.concatenate([cover, alpha], 2)
    marked = Deep(psnr=38.0).embed(image, np.zeros((32, 32), np.uint8), key=KEY)
    assert np.array_equal(marked[:60], image[:60])
    assert np.array_equal(marked[..., 3], image[..., 3])
    change = np.subtract(marked[60:, :, :3], cover[60:], dtype=np.float64)
    plane = framing_waves(luma_plane(image), KEY)[60:, :, None]
    waves = plane * waves_over(image, plane[..., 0], untinted=False).weights
    share = (change * waves).sum() ** 2 / (np.square(waves).sum() * np.square(change).sum())
    assert abs(share - WAVES_SHARE) < 0.04
