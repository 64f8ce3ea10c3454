"""JPEG of rare kinds: named, or read where the decoder can."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.jpeg import frame_of_jpeg
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.jpeg import decode_jpeg, refuse_rare_jpeg

IMAGE = np.add.outer(np.arange(16), np.arange(24))[..., None].repeat(3, 2).astype(np.uint8) * 5
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19i"
    "Z2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2P/yQARCAAIABADASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AGYIwFr3sLvqx+Fo/9k="
)
"""16x8 pixels by libjpeg's cjpeg -arithmetic -quality 50."""


def jpeg() -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(IMAGE).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("marker", "bits", "said"),
    [
        (0xC1, 12, "JPEG of 12 bits a sample is not read: convert it to 16-bit PNG"),
        (0xC2, 12, "JPEG of 12 bits a sample"),
        (0xC3, 8, r"lossless JPEG \(SOF3\) is not read: convert it to PNG"),
        (0xC3, 16, r"lossless JPEG \(SOF3\)"),
        (0xCB, 8, r"lossless JPEG \(SOF3\)"),
        (0xC5, 8, "hierarchical JPEG is not read"),
        (0xC7, 8, "hierarchical JPEG is not read"),
        (0xF7, 8, "JPEG-LS is not read: convert it to PNG"),
    ],
)
def test_rare_kinds_are_named(marker: int, bits: int, said: str) -> None:
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = marker, bits
    frame = frame_of_jpeg(bytes(data))
    assert frame is not None
    assert frame[:2] == (marker, bits)
    with pytest.raises(FileFormatError, match=said) as caught:
        decode_picture(bytes(data))
    assert "damaged" not in str(caught.value)


def test_usual_kinds_are_not() -> None:
    for options in ({}, {"progressive": True}, {"optimize": True}, {"comment": b"\xff\xc3" * 9}):
        buffer = io.BytesIO()
        PilImage.fromarray(IMAGE).save(buffer, "JPEG", **options)
        assert np.abs(decode_picture(buffer.getvalue()).array.astype(int) - IMAGE).mean() < 8


def test_arithmetic_coding_is_read_where_the_decoder_can() -> None:
    assert frame_of_jpeg(ARITHMETIC) == (0xC9, 8, 16, 8)
    assert decode_picture(ARITHMETIC).array.shape == (8, 16, 3)


@given(st.binary(max_size=200))
def test_any_bytes_pass_for_segments(content: bytes) -> None:
    data = b"\xff\xd8" + content
    frame = frame_of_jpeg(data)
    if frame is None:
        refuse_rare_jpeg(data)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(64, 48), (61, 47), (1, 1)])
def test_samples_are_those_of_pillow(subsampling: str, progressive: bool, size: tuple[int, int]) -> None:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    PilImage.fromarray(noise).save(stream, "JPEG", quality=80, subsampling=subsampling, progressive=progressive)
    image = PilImage.open(stream)
    found = decode_jpeg(image, stream.getvalue())
    assert found is not None
    np.testing.assert_array_equal(found, np.asarray(image))
    np.testing.assert_array_equal(found, decode_picture(stream.getvalue()).array)


def test_what_is_not_whole_or_not_colour_is_left_to_pillow() -> None:
    stream = io.BytesIO()
    PilImage.new("RGB", (64, 64), "red").save(stream, "JPEG")
    whole = stream.getvalue()
    assert decode_jpeg(PilImage.open(stream), whole[:-30]) is None
    with pytest.raises(FileFormatError, match="cannot be decoded"):
        decode_picture(whole[:-30])
    for mode in ("L", "CMYK"):
        stream = io.BytesIO()
        PilImage.new(mode, (64, 64)).save(stream, "JPEG")
        assert decode_jpeg(PilImage.open(stream), stream.getvalue()) is None
