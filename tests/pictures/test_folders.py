"""What a folder holds, and why the rest is passed over."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from watermarking.errors import FileFormatError
from watermarking.pictures.folders import survey

if TYPE_CHECKING:
    from pathlib import Path


def encoded(name: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, name)
    return stream.getvalue()


def test_pictures_of_a_folder_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z.jpg", "a/y.tif", "notes.txt", ".hidden.png", ".git/x.png", "\u65e5.avif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.PNG")
    found = survey(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found.pictures] == [
        "a/y.tif", "a/z.jpg", "b.PNG", "link.jpg", "\u65e5.avif",
    ]  # fmt: skip
    assert [(str(one.path.relative_to(tmp_path)), one.reason) for one in found.passed_over] == [
        (".git", "hidden"), (".hidden.png", "hidden"), ("a/loop", "link to a folder"), ("notes.txt", "empty"),
    ]  # fmt: skip
    with pytest.raises(FileFormatError, match="is not a folder"):
        survey(tmp_path / "b.PNG")


CASES = {
    "photo.HEIC": (b"", "HEIC"),
    "photo.heif": (b"", "HEIC"),
    "raw.dng": (b"II*\0", "camera raw"),
    "raw.NEF": (b"MM\0*", "camera raw"),
    "photo.jxl": (b"", "JPEG XL"),
    "photo.jp2": (b"", "JPEG 2000"),
    "film.mp4": (b"", "film"),
    "drawing.svg": (b"<svg/>", "SVG"),
    "animation.gif": (encoded("GIF"), "GIF"),
    "layers.psd": (b"8BPS", "picture of another format"),
    "photo.jpg.bak": (encoded("JPEG"), "JPEG under another suffix"),
    "IMG_0001": (encoded("PNG"), "PNG under another suffix"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC under another suffix"),
    "raw": (b"\0\0\0\x18ftypcrx \0\0\0\0", "camera raw"),
    "film": (b"\0\0\0\x18ftypisom\0\0\0\0", "film"),
    "jxl": (b"\xff\x0a\xfa\x7f", "JXL under another suffix"),
    "jxl.container": (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL under another suffix"),
    "jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    "gif": (b"GIF87a", "GIF"),
    "pdf": (b"%PDF-1.7\n", "PDF"),
    "notes.txt": (b"no picture", "text"),
    "cut in a character": (("a" + "\u20ac" * 300).encode(), "text"),
    "latin-1": ("\u00e9t\u00e9".encode("latin-1"), "other"),
    "program.exe": (b"MZ\0\0", "other"),
    "nothing": (b"", "empty"),
}


@pytest.mark.parametrize("name", CASES)
def test_reasons(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watermarking.pictures.folders.is_available", lambda file_format: False)
    content, reason = CASES[name]
    (tmp_path / name).write_bytes(content)
    found = survey(tmp_path)
    assert not found.pictures
    assert [(one.path.name, one.reason) for one in found.passed_over] == [(name, reason)]


def test_pipes_are_not_opened_and_broken_links_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert [(one.path.name, one.reason) for one in survey(tmp_path).passed_over] == [
        ("link", "broken link"),
        ("pipe", "no regular file"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "secret").chmod(0)
    assert [one.reason for one in survey(tmp_path).passed_over] == ["unreadable"]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    for name in (b"b\xffld.png", b"b\xffld.jp2", b"b\nld.txt"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    found = survey(tmp_path)
    assert [os.fsencode(path.name) for path in found.pictures] == [b"b\xffld.png"]
    assert {one.reason for one in found.passed_over} == {"JPEG 2000", "text"}
