"""Strength by what the eye sees: the score aimed at is reached on every picture, or the marker says why not."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from covers import odd_pictures, photograph, psnr
from PIL import Image

from watermarking import Key, Marker, get_scheme
from watermarking.embedders.dct import Dct
from watermarking.errors import FidelityError, WatermarkError
from watermarking.messages import marking
from watermarking.messages.fidelity import FLOOR, Strength, score_aimed_at
from watermarking.metrics.ssimulacra2 import Ssimulacra2
from watermarking.pictures.plane import luma_plane
from watermarking.transforms.masks import is_page

PHOTOGRAPHS = Path(__file__).parents[2] / "benchmarks" / "photographs"
KEY, OTHER, THIRD = Key(bytes(range(16))), Key(bytes(range(1, 17))), Key(bytes(16))
SHAPE = (384, 512, 3)
NAMES = ("astronaut.png", "camera.png", "coffee.png", "citrus-fruits.jpg", "rocket.jpg", "flower.jpg")


def shrunk(name: str, long_side: int = 512) -> np.ndarray:
    image = Image.open(PHOTOGRAPHS / name)
    image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def aim(cover: np.ndarray, fidelity: float | str = "normal") -> float:
    return score_aimed_at(fidelity, cover.shape, page=is_page(luma_plane(cover)))


def score(cover: np.ndarray, marked: np.ndarray, peak: float | None = None) -> float:
    return Ssimulacra2(cover, peak).score(marked)


def transparent() -> np.ndarray:
    picture = photograph((384, 512, 4)).copy()
    picture[:128, :, 3] = 0
    picture[128:200, :, 3] = 100
    return picture


# The score aimed at is the score there is.


@pytest.mark.parametrize("name", NAMES)
def test_photographs_reach_the_default(name: str) -> None:
    cover = shrunk(name)
    marked = Marker(key=KEY).embed(cover, "Ada")
    assert abs(score(cover, marked) - 88) <= 1.5
    assert Marker(key=KEY, search=0).extract(marked).text == "Ada"


@pytest.mark.parametrize("fidelity", ["discreet", "normal", "strong", 85, 72.5])
@pytest.mark.parametrize("scheme", ["dwt", "dct", "additive"])
def test_every_step_is_reached(scheme: str, fidelity: float | str) -> None:
    cover = photograph((512, 768, 3))
    marked = Marker(scheme, key=KEY, fidelity=fidelity).embed(cover, "Ada")
    wanted = aim(cover, fidelity)
    assert abs(score(cover, marked) - wanted) <= 1.5
    assert Marker(scheme, key=KEY, search=0).extract(marked).text == "Ada"


@pytest.mark.parametrize(
    ("cover", "peak"),
    [
        (photograph(SHAPE[:2]), 255),
        (photograph((384, 512, 4)), 255),
        (transparent(), 255),
        (photograph(SHAPE, "uint16"), 65535),
        (np.minimum(photograph(SHAPE, "uint16") // 16, 4095), 4095),
        (photograph(SHAPE, "float32"), 1),
    ],
    ids=["grey", "opaque", "transparent", "16 bits", "12 bits", "float32"],
)
def test_every_kind_of_samples_reaches_it(cover: np.ndarray, peak: float) -> None:
    marked = Marker(key=KEY).embed(cover, "Ada")
    assert (marked.shape, marked.dtype) == (cover.shape, cover.dtype)
    assert abs(score(cover, marked, peak) - 88) <= 1.5
    assert Marker(key=KEY, search=0).extract(marked).text == "Ada"


@pytest.mark.parametrize("fidelity", ["discreet", "normal", "strong"])
@pytest.mark.parametrize("name", ["coffee.png", "citrus-fruits.jpg"])
def test_large_pictures_reach_it_too(name: str, fidelity: str) -> None:
    """They are marked by an estimate, and measured in full here."""
    image = Image.open(PHOTOGRAPHS / name)
    cover = np.asarray(image.resize((2000, 2000 * image.height // image.width), Image.Resampling.LANCZOS))
    marked = Marker(key=KEY, fidelity=fidelity).embed(cover, "Ada")
    assert abs(score(cover, marked) - score_aimed_at(fidelity, cover.shape)) <= 1.5
    assert Marker(key=KEY, search=0).extract(marked).text == "Ada"


@pytest.mark.parametrize("fidelity", ["normal", "strong"])
@pytest.mark.parametrize("alpha", [(0, 900), (120, 1800)], ids=["clear on one side", "seen through all over"])
def test_large_pictures_are_judged_by_what_is_seen_of_them(alpha: tuple[int, int], fidelity: str) -> None:
    cover = photograph((900, 1800, 4)).copy()
    cover[:, : alpha[1], 3] = alpha[0]
    marked = Marker(key=KEY, fidelity=fidelity).embed(cover, "A")
    assert abs(score(cover, marked) - score_aimed_at(fidelity, cover.shape)) <= 1.5


# What is said is checked.


@pytest.mark.parametrize(
    "fidelity", [29.9, 95.1, 0, -1, 1000, math.nan, math.inf, -math.inf, True, False, "", "loud", "Normal", "88", b"88",
                 (88,), [88.0], {}, 88 + 0j, np.array([88.0, 90.0])]
)  # fmt: skip
def test_nonsense_is_refused(fidelity: Any) -> None:
    with pytest.raises(WatermarkError) as caught:
        Marker(key=KEY, fidelity=fidelity)
    text = str(caught.value)
    assert repr(fidelity) in text
    assert "give 30 to 95, or 'discreet' (90), 'normal' (88), 'strong' (80)" in text


def test_bounds_and_names() -> None:
    for given in (30, 95.0, np.float32(77.5), "discreet", "normal", "strong"):
        assert Marker(key=KEY, fidelity=given).fidelity == given
    assert Marker(key=KEY, fidelity=None).fidelity == "normal"
    assert "fidelity='normal'" in repr(Marker(key=KEY))


def test_the_normal_step_of_large_pictures_is_that_of_what_is_seen_of_them() -> None:
    sizes = [(600, 800), (1000, 2000, 3), (2000, 2000), (2000, 4000, 3), (6000, 8000, 4)]
    assert [score_aimed_at("normal", size) for size in sizes] == [88, 88, 84, 84, 84]
    assert [score_aimed_at("normal", size, page=True) for size in sizes] == [86, 86, 84, 84, 84]
    assert [score_aimed_at("discreet", size) for size in sizes] == [90] * 5
    assert [score_aimed_at("strong", size) for size in sizes] == [80] * 5
    assert [score_aimed_at(87.5, size) for size in sizes] == [87.5] * 5


def test_two_strengths_are_one_too_many() -> None:
    with pytest.raises(WatermarkError, match=r"psnr=42 and fidelity='normal' are two strengths: give one of them"):
        Marker(key=KEY, psnr=42, fidelity="normal")
    with pytest.raises(WatermarkError, match=r"two strengths"):
        Marker("additive_block", key=KEY, psnr=42, fidelity=88)


def test_who_says_a_psnr_gets_it() -> None:
    forms: list[Any] = [{"id": "dct", "psnr": 40.0}, Dct(psnr=40.0)]
    cover = photograph((512, 768, 3))
    for form in forms:
        assert Marker(form, key=KEY).fidelity is None
        assert abs(psnr(cover, Marker(form, key=KEY).embed(cover, "Ada")) - 40) <= 0.3
        assert Marker(form, key=KEY, fidelity="strong").fidelity == "strong"
    assert Marker({"id": "dct"}, key=KEY).fidelity == "normal"
    assert Marker("dct", key=KEY, psnr=40).fidelity is None


def test_other_schemes_keep_their_psnr_unless_told() -> None:
    cover = photograph((1024, 1024, 3))
    assert Marker("additive_block", key=KEY).fidelity is None
    marked = Marker("additive_block", key=KEY).embed(cover, b"\1")
    assert abs(psnr(cover, marked) - get_scheme("additive_block").psnr) <= 0.3
    told = Marker("additive_block", key=KEY, fidelity=70)
    marked = told.embed(cover, b"\1")
    assert abs(score(cover, marked) - 70) <= 1.5
    assert told.extract(marked).message == b"\1"


# Where it cannot be.


def textured() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (160, 160, 3)).astype(np.uint8)


def dots() -> np.ndarray:
    """Return a pattern that hides nothing, and holds a message only when that shows."""
    row, col = np.mgrid[:300, :400]
    return np.dstack([np.where(np.hypot(row % 6 - 3, col % 6 - 3) < 2, 40, 220)] * 3).astype(np.uint8)


def test_insisting_goes_down_and_says_how_far() -> None:
    cover, message = dots(), b"4 by"
    with pytest.raises(FidelityError, match=r"cannot be read at a SSIMULACRA2 score of 86 .*insist") as caught:
        Marker(key=THIRD).embed(cover, message)
    named = re.search(r"it can be at (\d+)", str(caught.value))
    assert named is not None
    had = int(named[1])
    assert FLOOR - 1.5 <= had < 84.5
    marked = Marker(key=THIRD, insist=True).embed(cover, message)
    assert abs(score(cover, marked) - had) <= 0.6  # it is rounded in the message
    assert Marker(key=THIRD, search=0).extract(marked).message == message
    aimed = Marker(key=THIRD, fidelity=had).embed(cover, message)  # the way out that was named
    assert Marker(key=THIRD, search=0).extract(aimed).message == message


@pytest.mark.parametrize(
    ("fidelity", "tried"), [(80, [80, 77, 74, 71, 70]), (71.5, [71.5, 70]), (70, [70]), (40, [40])]
)
def test_insisting_ends_at_the_floor(monkeypatch: pytest.MonkeyPatch, fidelity: float, tried: list[float]) -> None:
    aims: list[float] = []

    def find(_score: object, target: float, *_: object) -> Strength:
        aims.append(target)
        return Strength(40.0, target)

    monkeypatch.setattr(marking, "find_strength", find)
    monkeypatch.setattr(marking.Cover, "is_readable", lambda *_: False)
    with pytest.raises(FidelityError, match=f"cannot be read at a SSIMULACRA2 score of {fidelity:g} in"):
        Marker(key=KEY, fidelity=fidelity, insist=True).embed(photograph(SHAPE), "Ada")
    assert aims == tried


def test_nothing_that_can_be_seen() -> None:
    cover = photograph((256, 320, 4)).copy()
    cover[..., 3] = 0
    for insist in (False, True):
        with pytest.raises(FidelityError, match=r"score of 88: nothing that can be seen .* use a picture with more"):
            Marker(key=KEY, insist=insist).embed(cover, "A")
    cover[..., 3] = 3  # hardly anything
    with pytest.raises(FidelityError, match=r"score of 8[68]: at 24\.0 dB it is 9\d\.\d, so aim at that"):
        Marker(key=KEY).embed(cover, "A")


def test_the_score_that_was_asked_for_is_named() -> None:
    """A few visible pixels hold no message, and no strength brings them down to 70 either."""
    cover = photograph((256, 320, 4)).copy()
    cover[..., 3] = 0
    cover[:20, :20, 3] = 255
    with pytest.raises(FidelityError, match="score of 88 in this picture: use a shorter message or a larger image"):
        Marker(key=KEY).embed(cover, "A")


@pytest.mark.parametrize("insist", [False, True])
def test_what_cannot_be_had_at_all_says_so(insist: bool) -> None:
    cover = textured()
    message = bytes(range(Marker(key=KEY).capacity(cover.shape)))
    with pytest.raises(FidelityError, match=r": use a shorter message or a larger image$"):
        Marker(key=KEY, insist=insist).embed(cover, message)


def test_insisting_where_nothing_is_needed_changes_nothing() -> None:
    cover = photograph(SHAPE)
    assert np.array_equal(Marker(key=KEY, insist=True).embed(cover, "Ada"), Marker(key=KEY).embed(cover, "Ada"))


@pytest.mark.parametrize("name", odd_pictures((8, 8)))
def test_odd_pictures_are_marked_right_or_refused(name: str) -> None:
    cover = odd_pictures((256, 320))[name]
    if name == "noise":  # the message drowns in it
        with pytest.raises(FidelityError, match=r"cannot be read at .* score of 88 .*: it can be at 7\d: aim"):
            Marker(key=KEY).embed(cover, "A")
        return
    marked = Marker(key=KEY).embed(cover, "A")
    assert abs(score(cover, marked) - aim(cover)) <= 1.5
    assert Marker(key=KEY, search=0).extract(marked).text == "A"


# Readers, marking twice, files.


@pytest.mark.parametrize("fidelity", ["discreet", "normal", 75])
def test_the_reader_is_untold(fidelity: float | str) -> None:
    cover = photograph((512, 768, 3))
    marked = Marker(key=KEY, fidelity=fidelity).embed(cover, "Ada")
    for reader in (Marker(key=KEY), Marker(key=KEY, psnr=36), Marker(key=[OTHER, KEY], fidelity=60)):
        assert reader.extract(marked).text == "Ada"
        assert reader.detect(marked, "Ada").is_present(1e-6)


def test_twice_is_once_at_any_strength() -> None:
    once = Marker(key=KEY).embed(photograph(SHAPE), "Ada")
    for marker in (Marker(key=KEY), Marker(key=KEY, fidelity=70), Marker(key=KEY, psnr=36)):
        with pytest.warns(UserWarning, match="carries this message of this key already"):
            assert np.array_equal(marker.embed(once, "Ada"), once)
    strong = Marker(key=KEY, psnr=40).embed(photograph(SHAPE), "Ada")
    with pytest.warns(UserWarning, match="carries this message of this key already"):
        assert np.array_equal(Marker(key=KEY).embed(strong, "Ada"), strong)


def test_receipts_carry_the_score(tmp_path: Path) -> None:
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(photograph(SHAPE)).save(source)
    receipt = Marker(key=KEY).embed_file(source, target, "Ada")
    assert receipt.fidelity == pytest.approx(score(photograph(SHAPE), np.asarray(Image.open(target))), abs=1e-6)
    assert Marker(key=KEY, psnr=42).embed_file(source, tmp_path / "b.png", "Ada").fidelity is None
    again = Marker(key=KEY).embed_file(target, target, "Ada", in_place=True)
    assert (again.already_marked, again.fidelity) == (True, None)
