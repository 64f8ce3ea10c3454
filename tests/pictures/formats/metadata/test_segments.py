"""JPEG segments: profiles in parts, comments, makers' data; and EXIF in the formats of the extra."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageCms
from specimens import ICC_HEADER, blocks, exif_block, jpeg, png, saved, segment, xmp, xmp_segment

from watermarking.pictures.formats.containers.jpeg import split_jpeg
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.extras import is_available

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LONG = SRGB[:16] + b"RGB " + SRGB[20:] + bytes(range(256)) * 600


def parts(profile: bytes, size: int, total: int | None = None) -> list[bytes]:
    cut = [profile[at : at + size] for at in range(0, len(profile), size)]
    return [segment(0xE2, ICC_HEADER + bytes((number, total or len(cut))) + part) for number, part in enumerate(cut, 1)]


def written(data: bytes, file_format: str = "JPEG") -> bytes:
    picture = decode_picture(data)
    return encode_picture(picture.array, file_format, like=picture)


def test_a_profile_in_several_segments() -> None:
    for segments in (parts(LONG, 60_000), parts(LONG, 60_000)[::-1], parts(LONG, 30_000)):
        data = written(jpeg(None, *segments))
        with PilImage.open(io.BytesIO(data)) as image:
            assert image.info["icc_profile"] == LONG
        assert decode_picture(written(data, "PNG")).metadata.icc == LONG
        assert sum(one.content.startswith(ICC_HEADER) for one in split_jpeg(data)[0]) == 3


def test_a_profile_without_one_of_its_parts_is_named() -> None:
    for segments in (parts(LONG, 60_000)[:2], parts(LONG, 60_000, total=7)):
        with pytest.warns(UserWarning, match="damaged ICC profile cannot be carried over: left out"):
            assert not decode_picture(written(jpeg(None, *segments))).metadata.icc


def test_segments_of_makers_stay_and_are_named_elsewhere() -> None:
    kept = [
        segment(0xE1, b"FLIR\0\1\0\0" + bytes(range(200))), segment(0xE1, b"FLIR\0\1\1\1" + bytes(40)),
        segment(0xE3, b"\1\2\3 thermal"), segment(0xEC, b"Ducky\0\1\0\4\0\0\0\x4b"), segment(0xE2, b"FPXR\0\0"),
    ]  # fmt: skip
    data = written(jpeg(None, *kept))
    assert b"".join(kept) in data
    with pytest.warns(
        UserWarning, match=r"PNG file cannot hold APP1 \(FLIR\), APP3, APP12 \(Ducky\), APP2 \(FPXR\): left"
    ):
        written(jpeg(None, *kept), "PNG")


def test_xmp_under_a_spoilt_header_is_xmp() -> None:
    packet = xmp("", 'dc:rights="(c) Ada"')
    data = jpeg(None, segment(0xE1, b"XMP\0://ns.adobe.com/xap/1.0/\0" + packet))
    assert xmp_segment(packet) in written(data)
    assert decode_picture(written(data, "PNG")).metadata.xmp == packet


def test_what_says_how_samples_are_coded_is_written_anew() -> None:
    adobe, preview = segment(0xEE, b"Adobe\0d\0\0\0\0\1"), segment(0xE0, b"JFXX\0\x10" + saved(blocks(), "JPEG"))
    data = written(jpeg(None, adobe, preview))
    assert not any(one.content.startswith((b"Adobe", b"JFXX")) for one in split_jpeg(data)[0])
    assert np.abs(decode_picture(data).array.astype(int) - blocks()).mean() < 4


def test_several_comments_in_their_order() -> None:
    texts = b"first", "zweiter, \xfc".encode(), b"third\xff"
    data = jpeg(None, *(segment(0xFE, text) for text in texts))
    assert decode_picture(written(data)).metadata.comments == texts
    with PilImage.open(io.BytesIO(written(data, "PNG"))) as image:
        assert image.text["Comment"] == "third\xff"
    again = decode_picture(written(written(data, "PNG"))).metadata.comments
    assert again == (*texts[:2], "third\xff".encode())
    with pytest.warns(UserWarning, match="comment above 64 KB: left out"):
        assert not decode_picture(written(png((b"tEXt", b"Comment\0" + b"x" * 70_000)))).metadata.comments


def test_the_end_of_a_picture_is_found() -> None:
    for options in ({"progressive": True}, {"restart_marker_blocks": 1}, {"optimize": True}):
        data = saved(np.random.default_rng(1).integers(0, 256, (64, 80, 3), np.uint8), "JPEG", quality=98, **options)
        assert split_jpeg(data + b"\xff\xd8\xff rest") == (split_jpeg(data)[0], len(data))
        filled = data[:2] + b"\xff\xff" + data[2:]
        assert split_jpeg(filled)[1] == len(filled)
        assert split_jpeg(data[:-2])[1] == len(data) - 2


def test_exif_above_64_kb_is_named_in_jpeg_alone() -> None:
    block = exif_block(behind=bytes(70_000))
    with pytest.warns(UserWarning, match="JPEG file cannot hold EXIF above 64 KB: left out"):
        assert not decode_picture(written(png((b"eXIf", block)))).metadata.exif
    assert decode_picture(written(png((b"eXIf", block)), "PNG")).metadata.exif == block


@pytest.mark.parametrize("file_format", ["HEIC", "JXL"])
def test_exif_and_xmp_in_the_formats_of_the_extra(file_format: str) -> None:
    if not is_available(file_format):
        pytest.skip(f"{file_format} needs a package that is not installed")
    cover = np.kron(blocks(), np.ones((4, 4, 1), np.uint8))
    packet = xmp("", 'dc:rights="(c) Ada" tiff:Orientation="8"')
    block = exif_block(orientation=8, thumbnail=saved(cover[::2, ::2], "JPEG"), size=(256, 128))
    data = jpeg(cover, segment(0xE1, b"Exif\0\0" + block), xmp_segment(packet), segment(0xFE, b"a comment"))
    picture = decode_picture(data)
    with pytest.warns(UserWarning, match=f"^the {file_format} file cannot hold comment: left out$"):
        first = encode_picture(255 - picture.array, file_format, like=picture)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decode_picture(written(first, file_format))
    assert found.array.shape == (256, 128, 3)
    assert found.metadata.xmp == packet.replace(b'"8"', b'"1"')
    tags = PilImage.Exif()
    tags.load(found.metadata.exif)
    inner = tags.get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (128, 256)
    (place,) = struct.unpack_from("<I", inner[0x927C], 4)
    assert found.metadata.exif[place : place + 16] == b"the makers' text"
    start = found.metadata.exif.index(b"\xff\xd8\xff")
    small = PilImage.open(io.BytesIO(found.metadata.exif[start:]))
    assert small.size == (64, 128)
    expected = PilImage.fromarray(255 - picture.array).resize(small.size, PilImage.Resampling.BOX)
    assert np.abs(np.asarray(small).astype(int) - np.asarray(expected)).mean() < 12
