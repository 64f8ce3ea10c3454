"""IPTC and Photoshop's other resources between JPEG, TIFF and PNG; elsewhere they are named."""

from __future__ import annotations

import io
import itertools
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage
from PIL import IptcImagePlugin, JpegImagePlugin, TiffImagePlugin
from specimens import blocks, iptc, jpeg, png, resource, saved, segment

from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.metadata.photoshop import (
    iptc_of,
    names_of,
    with_iptc,
    with_own_thumbnail,
    without_iptc,
)

URL = resource(0x040B, b"https://example.org/ada")
HOLDERS = ("JPEG", "PNG", "TIFF")


def file_of(file_format: str) -> bytes:
    """Return a file that holds IPTC, and a resource of another kind, in the way of its format."""
    if file_format == "JPEG":
        return jpeg(None, segment(0xED, b"Photoshop 3.0\0" + URL + resource(0x0404, iptc())))
    if file_format == "PNG":
        profile = URL + resource(0x0404, iptc())
        return png((b"tEXt", b"Raw profile type 8bim\0\n8bim\n%8d\n%s\n" % (len(profile), profile.hex().encode())))
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[33723], tags.tagtype[33723] = iptc(), 7
    tags[34377], tags.tagtype[34377] = URL, 1
    return saved(blocks(), "TIFF", tiffinfo=tags)


def written(data: bytes, file_format: str) -> bytes:
    picture = decode_picture(data)
    return encode_picture(picture.array, file_format, like=picture)


def as_pillow_reads_it(data: bytes, file_format: str) -> bytes | None:
    """Return the caption, found by Pillow."""
    image = PilImage.open(io.BytesIO(data))
    if file_format == "PNG":
        assert isinstance(image.text["Raw profile type iptc"], str)
        profile = bytes.fromhex("".join(image.text["Raw profile type iptc"].split("\n")[3:]))
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(jpeg(None, segment(0xED, b"Photoshop 3.0\0" + profile))))
    found = IptcImagePlugin.getiptcinfo(image)
    return None if found is None else found.get((2, 120))


@pytest.mark.parametrize(("source", "target"), list(itertools.product(HOLDERS, HOLDERS)))
def test_iptc_goes_between_the_formats_that_hold_it(source: str, target: str) -> None:
    data = written(file_of(source), target)
    assert as_pillow_reads_it(data, target) == b"a caption"
    blocks_found = decode_picture(data).metadata.photoshop
    assert iptc_of(blocks_found) == iptc()
    assert URL in blocks_found


@pytest.mark.parametrize("target", ["WebP", "AVIF", "BMP"])
@pytest.mark.parametrize("source", HOLDERS)
def test_elsewhere_iptc_is_named(source: str, target: str) -> None:
    with pytest.warns(UserWarning, match=rf"{target} file cannot hold IPTC, Photoshop resources: left out$"):
        written(file_of(source), target)


@pytest.mark.parametrize("order", ["II", "MM"])
def test_iptc_of_tiff_in_whole_numbers(order: str) -> None:
    text = iptc(b"four by four")
    padded = text + bytes(-len(text) % 4)
    for content in (padded, b"".join(padded[at : at + 4][::-1] for at in range(0, len(padded), 4))):
        tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=order.encode())
        tags[33723], tags.tagtype[33723] = content, 7
        data = bytearray(saved(blocks(), "TIFF", tiffinfo=tags))
        place = data.index(struct.pack("<HH", 33723, 7))
        data[place : place + 8] = struct.pack("<HHI", 33723, 4, len(content) // 4)
        assert iptc_of(decode_picture(bytes(data)).metadata.photoshop) == padded


def test_of_two_the_one_that_tiff_readers_take_is_kept() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[33723], tags.tagtype[33723] = iptc(b"newer"), 7
    tags[34377], tags.tagtype[34377] = resource(0x0404, iptc(b"older")) + URL, 1
    assert decode_picture(saved(blocks(), "TIFF", tiffinfo=tags)).metadata.photoshop == URL + resource(
        0x0404, iptc(b"newer")
    )


def test_resources_longer_than_a_segment() -> None:
    long = resource(0x0404, iptc()) + resource(0x0FA0, bytes(range(256)) * 500)
    data = written(png((b"zTXt", raw_profile(long))), "JPEG")
    assert data.count(b"Photoshop 3.0\0") == 2
    assert decode_picture(data).metadata.photoshop == long
    assert as_pillow_reads_it(data, "JPEG") == b"a caption"


def raw_profile(content: bytes) -> bytes:
    import zlib

    text = b"\niptc\n%8d\n%s\n" % (len(content), content.hex().encode())
    return b"Raw profile type iptc\0\0" + zlib.compress(text)


@pytest.mark.parametrize("kind", [0x0409, 0x040C])
def test_the_thumbnail_of_photoshop_shows_the_marked_picture(kind: int) -> None:
    old = saved(blocks(), "JPEG")
    head = struct.pack(">IIIIIIHH", 1, 64, 32, 192, 6144, len(old), 24, 1)
    data = jpeg(None, segment(0xED, b"Photoshop 3.0\0" + URL + resource(kind, head + old) + resource(0x0404, iptc())))
    picture = decode_picture(data)
    again = encode_picture(255 - picture.array, "JPEG", like=picture)
    found = decode_picture(again).metadata.photoshop
    assert old not in again
    assert found.startswith(URL)
    assert iptc_of(found) == iptc()
    place = found.index(b"8BIM\x04\x0c") + 12
    shape = struct.unpack_from(">IIIIIIHH", found, place)
    small = PilImage.open(io.BytesIO(found[place + 28 : place + 28 + shape[5]]))
    assert (small.width, small.height) == shape[1:3] == (64, 32)
    assert np.abs(np.asarray(small).astype(int) - (255 - blocks())).mean() < 8
    assert names_of(resource(kind, head + old)) == ()


@given(st.lists(st.tuples(st.integers(0, 2**16 - 1), st.binary(max_size=9))), st.binary(max_size=9))
def test_blocks_keep_their_order(resources: list[tuple[int, bytes]], end: bytes) -> None:
    whole = b"".join(resource(*one) for one in resources)
    without = b"".join(resource(*one) for one in resources if one[0] != 0x0404)
    assert without_iptc(whole) == without
    assert iptc_of(with_iptc(whole, b"new")) == b"new"
    with_own_thumbnail(whole + end, blocks())  # whatever it is, it is taken


def test_resources_that_are_none_are_carried_and_named() -> None:
    data = jpeg(None, segment(0xED, b"Photoshop 3.0\0abcdef"), segment(0xED, b"Adobe_CM\0\x02"))
    again = written(data, "JPEG")
    assert segment(0xED, b"Photoshop 3.0\0abcdef") in again
    assert segment(0xED, b"Adobe_CM\0\x02") in again
    with pytest.warns(UserWarning, match=r"WebP file cannot hold Photoshop resources, APP13 \(Adobe_CM\): left out"):
        written(data, "WebP")
