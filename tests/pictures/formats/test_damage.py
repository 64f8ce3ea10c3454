"""Damaged files give one clear error, or a picture; never another exception."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.decoding import PillowLimit, decode_picture, identify
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.extras import EXTRA_FORMATS
from watermarking.pictures.formats.picture import FORMATS

HEADS = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x24\0\0\0WEBPVP8 ",
    b"\0\0\0\x1cftypavif",
    b"II*\0\x08\0\0\0",
    b"MM\0*",
    b"II+\0\x08\0\0\0",
    b"BM\0\0\0\0\0\0\0\0",
    b"",
]


def files() -> dict[str, bytes]:
    rng = np.random.default_rng(6)
    smooth = np.add.outer(np.arange(32), np.arange(48))[..., None] + rng.integers(0, 8, (32, 48, 3))
    image = smooth.astype(np.uint8)
    exif = PilImage.Exif()
    exif[0x010E], exif[0x0112] = "a title", 6
    options: dict[str, Any] = {"exif": exif, "icc_profile": b"p" * 16 + b"RGB " + b"p" * 180, "dpi": (300, 300)}
    made = {}
    for file_format in FORMATS:
        buffer = io.BytesIO()
        PilImage.fromarray(image).save(buffer, file_format.upper(), **options)
        made[file_format] = buffer.getvalue()
    for file_format in ("PNG", "TIFF"):
        deep = decode_picture(made[file_format])
        made[f"{file_format}16"] = encode_picture(image.astype(np.uint16) * 251, file_format, like=deep)
    buffer = io.BytesIO()
    PilImage.fromarray(image).save(buffer, "TIFF", compression="tiff_lzw")
    made["LZW"] = buffer.getvalue()
    return made


FILES = files()


def test_two_threads_share_the_lifted_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PilImage, "MAX_IMAGE_PIXELS", 100)
    limit = PillowLimit()
    first, second, small = limit.lifted_for(101), limit.lifted_for(102), limit.lifted_for(100)
    with small:
        assert PilImage.MAX_IMAGE_PIXELS == 100
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert PilImage.MAX_IMAGE_PIXELS is None
    second.__exit__(None, None, None)
    assert PilImage.MAX_IMAGE_PIXELS == 100


def read_or_refuse(data: bytes) -> None:
    with suppress(FileFormatError):
        picture = decode_picture(data, max_pixels=10**6)
        assert picture.array.dtype in (np.uint8, np.uint16)


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_its_end_is_refused(name: str) -> None:
    data = FILES[name]
    for length in {*range(64), *np.linspace(64, len(data) * 0.9, 40).astype(int)}:
        with pytest.raises(FileFormatError, match=r".+") as caught:
            decode_picture(data[:length])
        assert len(str(caught.value).splitlines()) == 1


@settings(max_examples=150, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", FILES)
def test_any_change_gives_a_picture_or_one_error(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.one_of(st.integers(0, min(400, len(content) - 1)), st.integers(0, len(content) - 1)))
        content[place] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))
    read_or_refuse(bytes(content))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_any_bytes_give_a_picture_or_one_error(head: bytes, content: bytes) -> None:
    read_or_refuse(head + content)
    with suppress(FileFormatError):
        assert identify(content) in (*FORMATS, *EXTRA_FORMATS)
