"""TIFF tags: kept as they stand, type and bytes; what they point at is still there; the samples are found."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, TiffImagePlugin
from PIL import Image as PilImage
from specimens import blocks, exif_block, jpeg, png, saved, segment

from watermarking.pictures.formats.containers.directories import Field, first_directory, pack, read_directory, swapped
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture

GEO = {
    33550: Field(12, 3, struct.pack("<3d", 0.5, 0.5, 0)),
    33922: Field(12, 6, struct.pack("<6d", 0, 0, 0, 1e5, 2e5, 0)),
    34735: Field(3, 8, struct.pack("<8H", 1, 1, 0, 1, 1024, 0, 1, 1)),
    42113: Field(2, 6, b"-9999\0"),
    65000: Field(9, 2, struct.pack("<2i", -5, 7)),
    65001: Field(7, 3, b"abc"),
}
"""GeoTIFF's tags, and some of nobody's."""


def with_tags(order: str, tags: dict[int, Any], **options: Any) -> bytes:
    """Return a TIFF file of the byte order ``order`` with more tags in its first directory."""
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, blocks(), photometric="rgb", byteorder=order, metadata=None, software="", **options)
    data = buffer.getvalue() + bytes(len(buffer.getvalue()) % 2)
    found = read_directory(data, first_directory(data)) | (tags if order == "<" else swapped(tags))
    out = bytearray(data)
    struct.pack_into(order + "I", out, 4, len(out))
    return bytes(out + pack(found, len(out), order))


def written(data: bytes, file_format: str = "TIFF", dtype: str = "uint8") -> bytes:
    picture = decode_picture(data)
    array = picture.array.astype(dtype) * np.array(257 if dtype == "uint16" else 1, dtype)
    return encode_picture(array, file_format, like=picture)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tags_of_any_type_stay(order: str, compression: str | None) -> None:
    pytest.importorskip("tifffile")
    below = {EXIF: {0x829A: Field(5, 1, struct.pack("<II", 1, 4)), 0x9286: Field(7, 11, b"ASCII\0\0\0abc")}}
    data = with_tags(order, GEO | below, compression=compression)
    for again in (written(data), written(written(data, "JPEG")), written(written(data, "PNG"))):
        found = read_directory(again, first_directory(again))
        assert {tag: found[tag] for tag in GEO} == GEO
        assert found[EXIF] == below[EXIF]
        image = PilImage.open(io.BytesIO(again))
        assert image.getexif().get_ifd(EXIF)[0x829A] == 0.25
    assert np.array_equal(decode_picture(written(data)).array, blocks())


EXIF = ExifTags.IFD.Exif


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_makers_note_still_knows_where_its_text_lies(order: str, dtype: str) -> None:
    tifffile = pytest.importorskip("tifffile")
    thumbnail = saved(blocks(), "JPEG")
    block = exif_block(order, 6, thumbnail, (64, 32))
    data = jpeg(None, segment(0xE1, b"Exif\0\0" + block))
    again = written(data, "TIFF", dtype)
    upright = decode_picture(data).array
    assert np.array_equal(tifffile.imread(io.BytesIO(again)), upright.astype(dtype) * (257 if dtype == "uint16" else 1))
    with PilImage.open(io.BytesIO(again)) as image:
        tags = image.getexif().get_ifd(EXIF)
        assert image.size == (32, 64)
        assert (tags[0xA002], tags[0xA003]) == (32, 64)
        note = tags[0x927C]
    assert thumbnail[:100] not in again
    (place,) = struct.unpack_from(order + "I", note, 4)
    assert (again[place : place + 16] == b"the makers' text") == (order == "<")  # TIFF is written in this order


def test_strips_are_found_behind_a_block() -> None:
    tifffile = pytest.importorskip("tifffile")
    rng = np.random.default_rng(8)
    array = rng.integers(0, 256, (700, 500, 3), np.uint8)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        model = decode_picture(saved(blocks(), "TIFF", compression=compression))
        picture = decode_picture(png((b"eXIf", exif_block())))
        object.__setattr__(picture, "coding", model.coding)
        data = encode_picture(array, "TIFF", like=picture)
        if compression != "tiff_lzw":  # which tifffile alone does not read
            assert np.array_equal(tifffile.imread(io.BytesIO(data)), array)
        with PilImage.open(io.BytesIO(data)) as image:
            assert image.info["compression"] == compression
            assert np.array_equal(np.asarray(image), array)


def test_layers_and_pictures_below_are_named() -> None:
    pytest.importorskip("tifffile")
    layers = {37724: Field(7, 20, b"Adobe Photoshop Docu")}
    with pytest.warns(UserWarning, match="^Photoshop layers cannot be carried over: left out$"):
        data = written(with_tags("<", layers))
    assert b"Adobe Photoshop Docu" not in data
    small = {256: Field(3, 1, b"\1\0"), 257: Field(3, 1, b"\1\0")}
    below = with_tags("<", {330: Field(4, 1, struct.pack("<I", 8))})
    place = len(below) + len(below) % 2
    data = below.ljust(place, b"\0") + pack(small, place, "<")
    at = data.index(struct.pack("<HHII", 330, 4, 1, 8))
    data = data[: at + 8] + struct.pack("<I", place) + data[at + 12 :]
    with pytest.warns(UserWarning, match=r"further pictures \(SubIFDs\) cannot be carried over"):
        written(data)


def test_white_point_and_primaries_stay() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[318] = (0.3127, 0.329)
    tags.tagtype[318] = 5
    data = written(saved(blocks(), "TIFF", tiffinfo=tags))
    with PilImage.open(io.BytesIO(data)) as image:
        assert image.tag_v2[318] == pytest.approx((0.3127, 0.329))


def test_resolution_in_centimetres_and_without_a_unit() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[282], tags[283], tags[296] = 100.0, 50.0, 3
    assert decode_picture(saved(blocks(), "TIFF", tiffinfo=tags)).metadata.dpi == pytest.approx((254, 127))
    tags[296] = 1
    picture = decode_picture(saved(blocks(), "TIFF", tiffinfo=tags))
    assert (picture.metadata.dpi, picture.metadata.aspect) == (None, (2, 1))
    assert decode_picture(encode_picture(picture.array, "PNG", like=picture)).metadata.aspect == (2, 1)
    tags[283] = 100.0
    assert decode_picture(saved(blocks(), "TIFF", tiffinfo=tags)).metadata.aspect is None
