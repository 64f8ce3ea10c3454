"""Robust and reversible in one: untouched copies give the cover bit for bit, attacked ones are still read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from covers import odd_pictures, photograph, psnr
from PIL import Image as PilImage

from watermarking.errors import CapacityError, FileFormatError, RestorationError, UnsupportedImageError
from watermarking.keys import Key
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
SHAPE = (400, 600, 3)
TEXT = "(c) Ada 2026"


@pytest.fixture(scope="module")
def marked() -> np.ndarray:
    return Marker(key=KEY, restorable=True).embed(photograph(SHAPE), TEXT)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    PilImage.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(PilImage.open(stream))


def test_an_untouched_copy_restores_exactly(marked: np.ndarray) -> None:
    assert psnr(photograph(SHAPE), marked) > 36
    assert Marker(key=KEY).extract(marked).text == TEXT
    assert np.array_equal(Marker(key=KEY).restore(marked), photograph(SHAPE))
    assert np.array_equal(Marker(key=[OTHER, KEY]).restore(marked), photograph(SHAPE))


@pytest.mark.parametrize("quality", [90, 75])
def test_an_attacked_copy_is_read_and_not_restored(marked: np.ndarray, quality: int) -> None:
    attacked = jpeg(marked, quality)
    assert Marker(key=KEY).extract(attacked).text == TEXT
    with pytest.raises(RestorationError, match="was changed since"):
        Marker(key=KEY).restore(attacked)


def test_a_moved_copy_is_read(marked: np.ndarray) -> None:
    assert Marker(key=KEY).extract(marked[10:, 30:]).text == TEXT


def test_other_keys_and_other_marks_give_nothing(marked: np.ndarray) -> None:
    plain = Marker(key=KEY).embed(photograph(SHAPE), TEXT)
    for picture, key in ((marked, OTHER), (plain, KEY), (photograph(SHAPE), KEY)):
        with pytest.raises(RestorationError):
            Marker(key=key).restore(picture)


@pytest.mark.parametrize("scheme", ["dct", "dwt"])
@pytest.mark.parametrize("strength", [44.0, 48.0])
def test_a_strength_in_db(scheme: str, strength: float) -> None:
    marker = Marker(scheme, key=KEY, psnr=strength, restorable=True)
    marked = marker.embed(photograph(SHAPE), "hi")
    assert Marker(scheme, key=KEY).extract(jpeg(marked, 90)).text == "hi"
    assert np.array_equal(marker.restore(marked), photograph(SHAPE))


def test_grey_pictures() -> None:
    """They have less than a bit a pixel at a time, so more is written than once."""
    cover = photograph(SHAPE[:2])
    marked = Marker(key=KEY, restorable=True).embed(cover, TEXT)
    assert Marker(key=KEY).extract(jpeg(marked, 75)).text == TEXT
    assert np.array_equal(Marker(key=KEY).restore(marked), cover)
    touched = marked.copy()
    touched[200, 300] ^= 1
    with pytest.raises(RestorationError):
        Marker(key=KEY).restore(touched)


def test_large_pictures_and_alpha() -> None:
    cover = photograph((1300, 1400, 4)).copy()
    cover[100:200, 300:500, 3] = 0
    marker = Marker(key=KEY, restorable=True)
    assert np.array_equal(marker.restore(marker.embed(cover, TEXT)), cover)


def test_what_does_not_fit_says_what_is_lacking() -> None:
    with pytest.raises(CapacityError, match=r"has \d+ bits, about \d+ fit .*, so \d+ are lacking: use a fainter mark"):
        Marker(key=KEY, psnr=30, restorable=True).embed(odd_pictures(SHAPE[:2])["noise"], TEXT)


def test_other_samples_are_refused() -> None:
    for dtype in ("uint16", "float32"):
        with pytest.raises(UnsupportedImageError, match="bring the picture to uint8"):
            Marker(key=KEY, restorable=True).embed(photograph(SHAPE, dtype), TEXT)


def test_files(tmp_path: Path) -> None:
    source, target, back = (tmp_path / name for name in ("in.png", "out.png", "back.png"))
    PilImage.fromarray(photograph(SHAPE)).save(source)
    marker = Marker(key=KEY, restorable=True)
    assert not marker.embed_file(source, target, TEXT).already_marked
    assert marker.embed_file(target, tmp_path / "again.png", TEXT).already_marked
    back.write_bytes(b"mine")
    with pytest.raises(FileFormatError, match="exists already"):
        marker.restore_file(target, back)
    assert back.read_bytes() == b"mine"
    marker.restore_file(target, back, overwrite=True)
    assert np.array_equal(np.asarray(PilImage.open(back)), photograph(SHAPE))
    with pytest.raises(FileFormatError, match="a JPEG changes samples"):
        marker.embed_file(source, tmp_path / "out.jpg", TEXT)
