"""Marking files: verified before anything is written, or nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from covers import photograph
from PIL import Image

from watermarking.errors import CapacityError, FileAccessError, FileFormatError, VerificationError
from watermarking.keys import Key
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path

KEY = Key(bytes(range(16)))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "Bilder für Zoë"
    folder.mkdir()
    Image.fromarray(photograph((512, 768, 3))).save(folder / "写真.png")
    return folder / "写真.png"


def files(source: Path) -> set[str]:
    return {path.name for path in source.parent.iterdir()}


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp"])
def test_files(source: Path, suffix: str) -> None:
    target = source.with_name(f"out.{suffix}")
    marker = Marker(key=KEY, psnr=42.0)
    receipt = marker.embed_file(source, target, "Ada")
    assert receipt.message == b"Ada"
    assert receipt.scheme == marker.scheme.id
    assert receipt.bit_error_rate is not None
    assert receipt.bit_error_rate < 0.1
    assert receipt.psnr is not None
    assert receipt.psnr <= 42.3
    assert receipt.ssim is not None
    assert 0.8 < receipt.ssim <= 1
    assert marker.extract_file(target).text == "Ada"
    assert files(source) == {source.name, target.name}


def test_without_verification_nothing_is_measured(source: Path) -> None:
    receipt = Marker(key=KEY).embed_file(source, source.with_name("out.png"), "Ada", verify=False)
    assert (receipt.psnr, receipt.ssim, receipt.bit_error_rate) == (None, None, None)
    assert Marker(key=KEY).extract_file(source.with_name("out.png")).text == "Ada"


def test_failed_verification_leaves_nothing_behind(source: Path) -> None:
    """A JPEG of quality 1 holds no mark of 55 dB."""
    before = source.read_bytes()
    marker = Marker(key=KEY, psnr=55)
    with pytest.raises(VerificationError, match=r"cannot be read back.*: choose a lower fidelity or PSNR"):
        marker.embed_file(source, source.with_name("out.jpg"), "Ada", quality=1)
    with pytest.raises(VerificationError):
        marker.embed_file(source, source.with_name("gone.jpg"), bytes(40), quality=1)
    assert files(source) == {source.name}
    assert source.read_bytes() == before
    marker.embed_file(source, source.with_name("out.jpg"), "Ada", quality=1, verify=False)
    assert marker.extract_file(source.with_name("out.jpg")).message is None


def test_never_over_the_input_by_accident(source: Path) -> None:
    before = source.read_bytes()
    with pytest.raises((FileAccessError, FileFormatError)):
        Marker(key=KEY).embed_file(source, source, "Ada")
    assert source.read_bytes() == before
    Marker(key=KEY).embed_file(source, source, "Ada", in_place=True)
    assert Marker(key=KEY).extract_file(source).text == "Ada"


def test_never_over_another_file_by_accident(source: Path) -> None:
    marker, target = Marker(key=KEY), source.with_name("taken.png")
    target.write_bytes(b"mine")
    for in_place in (False, True):  # which speaks of the source alone
        with pytest.raises(FileFormatError, match=r"taken.png exists already: .*overwrite=True"):
            marker.embed_file(source, target, "Ada", in_place=in_place)
    with pytest.raises(FileFormatError, match="exists already"):
        marker.embed_file(source.read_bytes(), str(target), "Ada")
    assert target.read_bytes() == b"mine"
    marker.embed_file(source, target, "Ada", overwrite=True)
    assert marker.extract_file(target).text == "Ada"


def test_other_failures_leave_nothing_behind(source: Path) -> None:
    target = source.with_name("out.png")
    with pytest.raises(CapacityError):
        Marker(key=KEY).embed_file(source, target, bytes(513))
    with pytest.raises(FileFormatError):
        Marker(key=KEY).embed_file(source.with_name("missing.png"), target, "Ada")
    assert files(source) == {source.name}


def test_grey_16_bit_and_alpha_files(source: Path) -> None:
    cover = np.dstack([photograph((512, 768, 3)), np.full((512, 768), 255, np.uint8)])
    cover[:100, :, 3] = 0
    pictures = {"grey": photograph((512, 768)), "deep": photograph((512, 768), "uint16"), "alpha": cover}
    marker = Marker(key=KEY)
    for name, array in pictures.items():
        path = source.with_name(f"{name}.png")
        Image.fromarray(array).save(path)
        target = source.with_name(f"{name}-marked.png")
        marker.embed_file(path, target, "Ada")
        assert marker.extract_file(target).text == "Ada"
        assert np.asarray(Image.open(target)).dtype == array.dtype
