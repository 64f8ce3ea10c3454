"""Files: what is read, what is refused, and writing that is all or nothing."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image as PilImage

from watermarking.errors import FileAccessError, FileFormatError, MissingExtraError
from watermarking.pictures.files import SUFFIXES, format_of, read_picture, write_picture
from watermarking.pictures.opencv import cv2_module

IMAGE = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)


def photo(folder: Path, name: str = "photo.png", **options: Any) -> Path:
    path = folder / name
    PilImage.fromarray(IMAGE).save(path, **options)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_paths_bytes_and_streams_read_alike(tmp_path: Path) -> None:
    path = photo(tmp_path, "B\xe4r \u65e5\u672c.png")
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), io.BytesIO(path.read_bytes())):
        picture = read_picture(source)
        assert np.array_equal(picture.array, IMAGE)
        assert picture.format == "PNG"
        assert picture.source == (path if isinstance(source, (str, Path)) else None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_suffix_chooses_the_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"\u0444\u043e\u0442\u043e{suffix.upper()}"
    write_picture(IMAGE, path)
    assert read_picture(path).format == SUFFIXES[suffix] == format_of(path)
    assert names(tmp_path) == [path.name]


def test_a_stream_takes_the_format_of_its_model_or_the_named_one(tmp_path: Path) -> None:
    model = read_picture(photo(tmp_path, "x.webp", lossless=True))
    stream = io.BytesIO()
    write_picture(IMAGE, stream, like=model)
    assert read_picture(stream.getvalue()).format == "WebP"
    stream = io.BytesIO()
    write_picture(IMAGE, stream, like=model, file_format="BMP")
    assert read_picture(stream.getvalue()).format == "BMP"
    with pytest.raises(FileFormatError, match="choose one of them"):
        write_picture(IMAGE, io.BytesIO())


def test_16_bit_colour_under_any_name(tmp_path: Path) -> None:
    for name in ("\u6df1.png", "\u6df1.tif"):
        deep = IMAGE.astype(np.uint16) * 251
        write_picture(deep, tmp_path / name)
        assert np.array_equal(read_picture(tmp_path / name).array, deep)


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    path = photo(tmp_path, "x.png").rename(tmp_path / "x.jpg")
    picture = read_picture(path)
    assert picture.format == "PNG"
    write_picture(picture.array, path, like=picture, in_place=True)
    assert read_picture(path).format == "PNG"
    assert np.array_equal(read_picture(path).array, IMAGE)


def frames(name: str) -> bytes:
    buffer = io.BytesIO()
    other = PilImage.fromarray(255 - IMAGE)
    PilImage.fromarray(IMAGE).save(buffer, name, save_all=True, append_images=[other])
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["PNG", "WEBP", "AVIF", "TIFF", "GIF"])
def test_animations_and_several_pages_are_refused(name: str) -> None:
    with pytest.raises(FileFormatError, match=r"(2 (frames|pages).*split it first|GIF is not read)"):
        read_picture(frames(name))


def test_of_several_pictures_in_a_jpeg_the_first_is_read() -> None:
    picture = read_picture(frames("MPO"))
    assert picture.format == "JPEG"
    assert np.abs(picture.array.astype(int) - IMAGE).mean() < 60


@pytest.mark.parametrize(
    "content", [b"", b"B", b"no picture at all", b"%PDF-1.7", b"GIF89a", b"\xff\xd8\xff", b"II*\0"]
)
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"x\.png: .") as caught:
        read_picture(path)
    assert len(str(caught.value).splitlines()) == 1


def test_cmyk_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    PilImage.new("CMYK", (8, 8)).save(path)
    with pytest.raises(FileFormatError, match=r"x\.jpg: PIL mode CMYK .*convert it to RGB"):
        read_picture(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    photo(tmp_path)
    for source, message in [
        (tmp_path, "is a folder"),
        (tmp_path / "none.png", "there is no file"),
        (tmp_path / "photo.png" / "x.png", "there is no file"),
        (tmp_path / "pipe.png", "not a regular file"),
        ("zero\0byte.png", "there is no file"),
    ]:
        with pytest.raises(FileFormatError, match=message):
            read_picture(source)
    with pytest.raises(FileFormatError, match="binary mode"):
        read_picture(io.StringIO("text"))  # type: ignore[arg-type]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_the_systems_failure(tmp_path: Path) -> None:
    path = photo(tmp_path)
    path.chmod(0)
    with pytest.raises(FileAccessError, match="cannot read"):
        read_picture(path)


def test_bombs_are_refused_before_they_go_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photo(tmp_path)
    data = bytearray(path.read_bytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = __import__("zlib").crc32(bytes(data[12:29])).to_bytes(4, "big")
    with pytest.raises(FileFormatError, match=r"60000x60000 pixels, the limit is 400000000: scale it down"):
        read_picture(bytes(data))
    with pytest.raises(FileFormatError, match="60x40 pixels, the limit is 100"):
        read_picture(path, max_pixels=100)
    monkeypatch.setenv("WATERMARKING_MAX_PIXELS", "2399")
    with pytest.raises(FileFormatError, match="limit is 2399"):
        read_picture(path)
    monkeypatch.setenv("WATERMARKING_MAX_PIXELS", "many")
    with pytest.raises(FileFormatError, match="set it to a whole number"):
        read_picture(path)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_pillows_own_limit_is_passed_and_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    buffer = io.BytesIO()
    PilImage.fromarray(IMAGE).save(buffer, name)
    for limit in (100, 2000):  # Pillow refuses above twice the limit and warns above it
        monkeypatch.setattr(PilImage, "MAX_IMAGE_PIXELS", limit)
        assert read_picture(buffer.getvalue()).array.shape == IMAGE.shape
        assert limit == PilImage.MAX_IMAGE_PIXELS


def test_the_input_is_only_overwritten_on_request(tmp_path: Path) -> None:
    path = photo(tmp_path)
    (tmp_path / "link.png").symlink_to(path)
    (tmp_path / "hard.png").hardlink_to(path)
    picture = read_picture(path)
    before = path.read_bytes()
    for target in (path, tmp_path / "link.png", tmp_path / "hard.png", tmp_path / ".." / tmp_path.name / "photo.png"):
        with pytest.raises(FileFormatError, match="is the input"):
            write_picture(255 - IMAGE, target, like=picture)
    assert path.read_bytes() == before
    write_picture(255 - IMAGE, tmp_path / "link.png", like=picture, in_place=True)
    assert np.array_equal(read_picture(path).array, 255 - IMAGE)
    assert (tmp_path / "link.png").is_symlink()


def test_permissions_of_the_target_are_kept(tmp_path: Path) -> None:
    path = photo(tmp_path)
    for mode in (0o640, 0o666):
        path.chmod(mode)
        write_picture(IMAGE, path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
    os.umask(umask := os.umask(0o022))
    write_picture(IMAGE, tmp_path / "new.png")
    assert stat.S_IMODE((tmp_path / "new.png").stat().st_mode) == 0o666 & ~umask


def test_targets_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for target, message in [
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / "pipe.png", "not a regular file"),
        (tmp_path / "none" / "x.png", "there is no folder"),
        (tmp_path / "x.gif", r"ends in \.gif, one of \.jpg"),
        (tmp_path / "x", "ends in no suffix"),
        (tmp_path / "zero\0byte.png", "is no file name"),
    ]:
        with pytest.raises(FileFormatError, match=message):
            write_picture(IMAGE, target)
    with pytest.raises(FileFormatError, match=r"x\.jpg: JPEG holds no transparency"):
        write_picture(np.zeros((4, 4, 4), np.uint8), tmp_path / "x.jpg")
    assert names(tmp_path) == ["folder.png", "pipe.png"]


@pytest.mark.parametrize("step", ["fsync", "replace", "fdopen"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    path = photo(tmp_path)
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> NoReturn:
        raise failure

    monkeypatch.setattr(os, step, fail)
    expected = FileAccessError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space left" if isinstance(failure, OSError) else None):
        write_picture(255 - IMAGE, path)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["photo.png"]


FULL = """
import resource, sys, numpy as np
from watermarking.errors import FileAccessError
from watermarking.pictures.files import write_picture
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_picture(np.zeros((100, 100, 3), np.uint8), sys.argv[1])
except FileAccessError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    target = tmp_path / "x.bmp"
    done = subprocess.run([sys.executable, "-c", FULL, target], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {target}: ")
    assert len(done.stdout.splitlines()) == 1
    assert not names(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_stream_that_takes_no_more() -> None:
    with Path("/dev/full").open("wb", buffering=0) as stream, pytest.raises(FileAccessError, match="No space left"):
        write_picture(IMAGE, stream, file_format="PNG")


def test_missing_opencv_names_the_wheel_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match="pip install opencv-python-headless"):
        cv2_module()
    with pytest.raises(MissingExtraError):
        write_picture(IMAGE.astype(np.uint16), io.BytesIO(), file_format="PNG")
    buffer = io.BytesIO()
    write_picture(IMAGE.astype(np.uint16), buffer, file_format="TIFF")
    assert read_picture(buffer.getvalue()).array.dtype == np.uint16
