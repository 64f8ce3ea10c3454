"""Twice is once: what carries the message already is left as it is, what carries another one is refused."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pytest
from covers import photograph, psnr
from PIL import Image as PilImage

from watermarking.embedders.dwt import Dwt
from watermarking.errors import AlreadyMarkedError, CapacityError, FileFormatError, VerificationError
from watermarking.interface import Bits, Detection, Extraction, Image
from watermarking.keys import Key
from watermarking.messages.carrier import Attempt
from watermarking.messages.marker import Marker
from watermarking.pictures.plane import luma_plane
from watermarking.registry import scheme_ids

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
SHAPE = (512, 768, 3)
ALREADY = "carries this message of this key already"


@pytest.fixture(scope="module")
def marked() -> np.ndarray:
    return Marker(key=KEY).embed(photograph(SHAPE), "Ada")


# Samples.


@pytest.mark.parametrize("scheme_id", scheme_ids())
def test_the_same_message_changes_nothing(scheme_id: str) -> None:
    marker = Marker(scheme_id, key=KEY)
    once = marker.embed(photograph((768, 1024, 3)), "Ada")
    with pytest.warns(UserWarning, match=ALREADY):
        twice = marker.embed(once, "Ada")
    assert np.array_equal(twice, once)
    assert twice is not once
    with pytest.raises(AlreadyMarkedError, match=r"another message of this key already, 'Ada'.*again"):
        marker.embed(once, "Eve")


def test_the_strength_is_no_reason_to_mark_again(marked: np.ndarray) -> None:
    with pytest.warns(UserWarning, match=ALREADY):
        assert np.array_equal(Marker(key=KEY, psnr=36).embed(marked, "Ada"), marked)


def test_pil_images_keep_their_kind(marked: np.ndarray) -> None:
    image = PilImage.fromarray(marked)
    image.info["dpi"] = (300, 300)
    with pytest.warns(UserWarning, match=ALREADY):
        result = Marker(key=KEY).embed(image, "Ada")
    assert (result.mode, result.info["dpi"]) == ("RGB", (300, 300))
    assert np.array_equal(np.asarray(result), marked)


@pytest.mark.parametrize("message", ["Ada", "Eve"])
def test_again_marks_whatever_is_there(marked: np.ndarray, message: str) -> None:
    result = Marker(key=KEY, psnr=42.0).embed(marked, message, again=True)
    assert -0.05 <= psnr(marked, result) - 42 <= 0.3
    assert Marker(key=KEY, search=0).extract(result).text == message


@pytest.mark.parametrize(
    ("message", "shown"),
    [(b"\xff\x00\xfe", "ff00fe"), ("x\ny", r"'x\\ny'"), ("a" * 100, r"'a{59}\.\.\. \(100 bytes\)")],
)
def test_the_message_that_is_there_is_named(message: str | bytes, shown: str) -> None:
    picture = Marker(key=KEY, psnr=36).embed(photograph((768, 1024, 3)), message)
    with pytest.raises(AlreadyMarkedError, match=f"already, {shown}: take"):
        Marker(key=KEY).embed(picture, "Ada")


def test_a_damaged_mark_is_refused_too() -> None:
    """More and more noise, until the message is lost; of a long one the mark is not."""
    rng = np.random.default_rng(3)
    message = bytes(range(32))
    marked = Marker(key=KEY, psnr=42.0).embed(photograph(SHAPE), message)
    sigma, noisy = 10.0, marked
    while Marker(key=KEY, search=0).extract(noisy).message is not None:
        sigma *= 1.2
        noisy = np.clip(marked + rng.normal(0, sigma, marked.shape), 0, 255).astype(np.uint8)
    assert Marker(key=KEY, search=0).extract(noisy).detection.is_present()
    for wanted in (message, "Eve"):
        with pytest.raises(AlreadyMarkedError, match=r"damaged so that its message cannot be read: .*again"):
            Marker(key=KEY).embed(noisy, wanted)
    Marker(key=KEY).embed(noisy, "Ada", again=True)


def test_other_keys_schemes_and_places_are_not_looked_at(marked: np.ndarray) -> None:
    """Warnings are errors here."""
    Marker(key=OTHER).embed(marked, "Eve")
    Marker("dct", key=KEY).embed(marked, "Eve")
    moved = np.ascontiguousarray(marked[37:-20, 21:-9])
    assert Marker(key=KEY).extract(moved).text == "Ada"
    assert Marker(key=KEY).extract(Marker(key=KEY).embed(moved, "Eve")).text == "Eve"


def test_a_message_that_does_not_fit_is_that_first(marked: np.ndarray) -> None:
    with pytest.raises(CapacityError):
        Marker(key=KEY).embed(marked, bytes(500))


@dataclass(frozen=True, kw_only=True)
class Anybodys:
    """Finds a mark in everything, as a scheme without a key may."""

    psnr: float = 42.0
    id: ClassVar[str] = "anybodys"
    payload_kind: ClassVar[Literal["bits"]] = "bits"
    keyed: ClassVar[bool] = False
    bit_exact: ClassVar[bool] = False

    def capacity(self, shape: tuple[int, ...]) -> int:
        return 4096

    def embed(self, image: Image, payload: Bits, *, key: Key) -> Image:
        return image + np.uint8(1)

    def extract(self, image: Image, *, key: Key) -> Extraction[Bits]:
        return Extraction(np.zeros(4096, bool), np.ones(4096, np.float32), Detection(99.0, 1e-99, "energy"))


def test_without_a_key_a_mark_may_be_anybodys() -> None:
    picture = np.zeros((64, 64), np.uint8)
    assert Marker(Anybodys(), key=KEY).embed(picture, "Ada").all()


# Files.


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A marked file of every format, with something behind its end where that is allowed."""
    image = PilImage.fromarray(photograph(SHAPE))
    options: dict[str, Any] = {"jpg": {"quality": 88}, "webp": {"quality": 90}, "avif": {"quality": 80}}
    found = {}
    for suffix in ("jpg", "png", "webp", "tif", "bmp", "avif"):
        found[suffix] = tmp_path / f"photo.{suffix}"
        image.save(found[suffix], **options.get(suffix, {}))
    return found


def test_in_place_five_runs_are_one(files: dict[str, Path]) -> None:
    marker = Marker(key=KEY)
    for file in files.values():
        first = marker.embed_file(file, file, "Ada", in_place=True)
        assert not first.already_marked
        assert first.psnr is not None
        os.utime(file, (1, 1))
        content = file.read_bytes()
        for options in ({}, {}, {"verify": False}, {"quality": 50} if file.suffix == ".jpg" else {}):
            receipt = marker.embed_file(file, file, "Ada", in_place=True, **options)
            assert receipt.already_marked
            assert (receipt.message, receipt.scheme, receipt.psnr, receipt.ssim) == (b"Ada", "dwt", None, None)
            assert receipt.bit_error_rate == marker.extract_file(file).bit_error_rate
        assert (file.read_bytes(), file.stat().st_mtime) == (content, 1)


def test_elsewhere_the_file_is_copied_to_the_last_byte(files: dict[str, Path], tmp_path: Path) -> None:
    marker = Marker(key=KEY)
    source, target, stream = files["jpg"], tmp_path / "copy.jpeg", io.BytesIO()
    marker.embed_file(source, source, "Ada", in_place=True)
    source.write_bytes(source.read_bytes() + b"behind the end")
    assert marker.embed_file(source, target, "Ada").already_marked
    assert marker.embed_file(source, stream, "Ada").already_marked
    assert target.read_bytes() == stream.getvalue() == source.read_bytes()
    for kind in (bytes, bytearray, memoryview):  # all are read; none may be coded once more
        assert marker.embed_bytes(kind(source.read_bytes()), "Ada") == source.read_bytes()
    with pytest.raises(FileFormatError, match="is the input"):
        marker.embed_file(source, source, "Ada")
    with pytest.raises(FileFormatError, match="there is no folder"):
        marker.embed_file(source, tmp_path / "none" / "copy.jpg", "Ada")
    with pytest.raises(FileFormatError, match=r"ends in \.xyz"):
        marker.embed_file(source, tmp_path / "copy.xyz", "Ada")


def test_another_coding_is_made_without_another_mark(files: dict[str, Path], tmp_path: Path) -> None:
    marker = Marker(key=KEY)
    source = files["png"]
    marker.embed_file(source, source, "Ada", in_place=True)
    for name, options in (("a.tif", {}), ("a.jpg", {"quality": 95}), ("b.jpg", {"subsampling": "4:4:4"})):
        receipt = marker.embed_file(source, tmp_path / name, "Ada", **options)
        assert receipt.already_marked
        assert receipt.psnr is not None
        assert receipt.psnr > (99 if name == "a.tif" else 30)  # nothing but what the coding does
        assert marker.extract_file(tmp_path / name).text == "Ada"
    assert marker.embed_file(source, tmp_path / "c.jpg", "Ada", verify=False).bit_error_rate is None
    with pytest.raises(VerificationError):
        marker.embed_file(source, tmp_path / "d.jpg", "Ada", quality=1)
    assert not (tmp_path / "d.jpg").exists()


def test_another_message_needs_to_be_allowed(files: dict[str, Path]) -> None:
    marker, file = Marker(key=KEY), files["png"]
    marker.embed_file(file, file, "Ada", in_place=True)
    content = file.read_bytes()
    with pytest.raises(AlreadyMarkedError, match="'Ada'"):
        marker.embed_file(file, file, "Eve", in_place=True)
    with pytest.raises(AlreadyMarkedError, match="'Ada'"):
        marker.embed_bytes(content, "Eve")
    assert file.read_bytes() == content
    receipt = marker.embed_file(file, file, "Eve", in_place=True, again=True)
    assert not receipt.already_marked
    assert marker.extract_file(file).text == "Eve"
    assert marker.extract_bytes(marker.embed_bytes(content, "Eve", again=True)).text == "Eve"


def test_what_was_verified_is_recognised_however_weak_it_is() -> None:
    """Marks so faint that the pilots do not show them; the message is there, or nothing would have been written."""
    source = io.BytesIO()
    PilImage.fromarray(photograph((384, 512, 3))).save(source, "JPEG", quality=75)
    n_weak = 0
    for number in range(12):
        marker = Marker(key=Key(bytes([number]) * 16), psnr=50 + number % 4)
        try:
            once = marker.embed_bytes(source.getvalue(), "Ada")
        except VerificationError:
            continue
        assert marker.embed_bytes(once, "Ada") == once
        array = np.asarray(PilImage.open(io.BytesIO(once)))
        n_weak += not Attempt.of(Dwt().read(luma_plane(array), key=marker.keys[0])).presence.is_present()
    assert n_weak >= 2, "the test shows nothing"
