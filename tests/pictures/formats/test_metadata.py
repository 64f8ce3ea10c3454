"""What a file holds beside its samples survives, and its orientation is applied once."""

from __future__ import annotations

import io
import itertools
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, ImageCms, ImageOps, PngImagePlugin
from PIL import Image as PilImage

from watermarking.pictures.formats.containers.directories import ifd_entries
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.metadata.exif import reset_orientation
from watermarking.pictures.formats.picture import FORMATS, Picture

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d" dc:rights="\xc3\xbc"/></x:xmpmeta>'
TITLE, MAKER, EXPOSURE = 0x010E, 0x010F, 0x829A
HOLDS = {
    "JPEG": {"exif", "icc", "xmp", "dpi"},
    "PNG": {"exif", "icc", "xmp", "dpi"},
    "TIFF": {"exif", "icc", "xmp", "dpi"},
    "WebP": {"exif", "icc", "xmp"},
    "AVIF": {"exif", "icc", "xmp"},
    "BMP": {"dpi"},
}
NAMES = {"exif": "EXIF", "icc": "ICC profile", "xmp": "XMP", "comment": "comment", "dpi": "resolution"}
"""What is said to be left out, in this order."""


def blocks(dtype: str = "uint8") -> np.ndarray[Any, Any]:
    """Return 32 x 64 flat blocks of 16 pixels, no two alike, which lossy formats keep apart."""
    levels = np.arange(8).reshape(2, 4) * 30 + 20
    grey = np.kron(levels, np.ones((16, 16), int))
    image = np.dstack([grey, grey[:, ::-1], 255 - grey])
    return (image * (257 if dtype == "uint16" else 1)).astype(dtype)


def exif(orientation: int | None = None) -> PilImage.Exif:
    tags = PilImage.Exif()
    tags[TITLE], tags[MAKER] = "a title", "Ada"
    tags.get_ifd(ExifTags.IFD.Exif)[EXPOSURE] = 0.25
    if orientation is not None:
        tags[ExifTags.Base.Orientation] = orientation
    return tags


def with_everything(file_format: str, orientation: int = 1) -> bytes:
    options: dict[str, Any] = {"icc_profile": ICC, "dpi": (300, 150), "exif": exif(orientation)}
    xmp = XMP % orientation
    if file_format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
        options["pnginfo"].add_text("Comment", "a text")
    elif file_format == "TIFF":
        options["exif"] = PilImage.Exif()
        options["exif"].load(exif(orientation).tobytes())  # directories of their own, as Pillow wants them
        options["exif"][700] = xmp
    else:
        options["xmp"] = xmp
    buffer = io.BytesIO()
    PilImage.fromarray(blocks()).save(buffer, file_format.upper(), quality=95, **options)
    return buffer.getvalue()


def written(picture: Picture, file_format: str) -> tuple[bytes, list[str]]:
    """Write a picture that was read; return what was said as well."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = encode_picture(picture.array, file_format, like=picture)
    return data, [str(one.message) for one in caught]


@pytest.mark.parametrize(("source", "target"), list(itertools.product(FORMATS, FORMATS)))
def test_metadata_goes_from_any_format_to_any_other(source: str, target: str) -> None:
    picture = decode_picture(with_everything(source))
    data, said = written(picture, target)
    kept = HOLDS[source] & HOLDS[target]
    held = HOLDS[source] | ({"comment"} if source == "PNG" else set())
    lost = held - HOLDS[target] - ({"comment"} if target in ("JPEG", "PNG") else set())
    names = ", ".join(name for key, name in NAMES.items() if key in lost)
    assert said == ([f"the {target} file cannot hold {names}: left out"] if lost else [])
    with PilImage.open(io.BytesIO(data)) as image:
        image.load()
        tags = image.getexif()
        if "exif" in kept:
            assert tags[TITLE] == "a title"
            assert tags[MAKER] == "Ada"
            assert tags.get_ifd(ExifTags.IFD.Exif)[EXPOSURE] == 0.25
        assert tags.get(ExifTags.Base.Orientation, 1) == 1
        assert (image.info.get("icc_profile") == ICC) == ("icc" in kept)
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
        assert ((xmp.encode() if isinstance(xmp, str) else xmp) == XMP % 1) == ("xmp" in kept)
        if "dpi" in kept:
            assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    assert decode_picture(data).metadata.exif.startswith((b"II", b"MM")) == ("exif" in kept)


def test_png_keeps_text_and_gamma_and_jpeg_comments_and_iptc() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "Gr\xfc\xdfe")
    info.add_itxt("Author", "\u65e5\u672c", zip=True)
    info.add(b"gAMA", struct.pack(">I", 45455))
    buffer = io.BytesIO()
    PilImage.fromarray(blocks()).save(buffer, "PNG", pnginfo=info)
    for dtype in ("uint8", "uint16"):
        picture = decode_picture(buffer.getvalue())
        data = encode_picture(blocks(dtype), "PNG", like=picture)
        with PilImage.open(io.BytesIO(data)) as image:
            assert image.info["gamma"] == pytest.approx(0.45455)
            assert image.text == {"Title": "Gr\xfc\xdfe", "Author": "\u65e5\u672c"}
        assert decode_picture(data).array.dtype == dtype
    iptc = b"\xff\xed" + struct.pack(">H", 2 + 20) + b"Photoshop 3.0\0abcdef"
    buffer = io.BytesIO()
    PilImage.fromarray(blocks()).save(buffer, "JPEG", comment=b"a comment", extra=iptc)
    picture = decode_picture(buffer.getvalue())
    again = encode_picture(picture.array, "JPEG", like=picture)
    assert iptc in again
    assert decode_picture(again).metadata == picture.metadata
    assert picture.metadata.comments == (b"a comment",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WebP", "AVIF"])
def test_orientation_is_applied_once(file_format: str, orientation: int) -> None:
    data = with_everything(file_format, orientation)
    with PilImage.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    picture = decode_picture(data)
    assert picture.array.flags.c_contiguous
    assert np.array_equal(picture.array, expected)
    again = encode_picture(picture.array, file_format, like=picture)
    assert np.abs(decode_picture(again).array - expected).mean() < 4
    with PilImage.open(io.BytesIO(again)) as image:
        assert image.size == (expected.shape[1], expected.shape[0])
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(image)), np.asarray(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_orientation_of_16_bit_colour(file_format: str, orientation: int) -> None:
    expected = np.asarray(decode_picture(with_everything("PNG", orientation)).array) * np.uint16(257)
    plain = decode_picture(with_everything(file_format, 1))
    data = bytearray(encode_picture(blocks("uint16"), file_format, like=plain))
    start = data.index(b"eXIf") + 4 if file_format == "PNG" else 0
    structure = bytes(data[start:])
    places = [place for tag, _, _, place in ifd_entries(structure) if tag == ExifTags.Base.Orientation]
    order = ">H" if structure.startswith(b"MM") else "<H"
    struct.pack_into(order, data, start + places[0], orientation)
    if file_format == "PNG":
        import zlib

        length = struct.unpack_from(">I", data, start - 8)[0]
        struct.pack_into(">I", data, start + length, zlib.crc32(bytes(data[start - 4 : start + length])))
    picture = decode_picture(bytes(data))
    assert picture.array.dtype == np.uint16
    assert np.array_equal(picture.array, expected)
    assert decode_picture(encode_picture(picture.array, file_format, like=picture)).array.shape == expected.shape


def test_orientation_in_xmp_alone() -> None:
    buffer = io.BytesIO()
    PilImage.fromarray(blocks()).save(buffer, "WEBP", lossless=True, xmp=XMP % 6)
    picture = decode_picture(buffer.getvalue())
    assert np.array_equal(picture.array, np.rot90(blocks(), -1))
    assert picture.metadata.xmp == XMP % 1


def test_only_the_orientation_of_exif_changes() -> None:
    for order in ("<", ">"):
        tags = exif(8)
        tags.endian = order
        before = tags.tobytes()[6:]
        after, orientation = reset_orientation(before)
        assert orientation == 8
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
        assert reset_orientation(after) == (after, 1)


@given(st.binary(max_size=80), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0"]))
def test_any_bytes_pass_for_exif(content: bytes, head: bytes) -> None:
    after, orientation = reset_orientation(head + content)
    assert len(after) == len(head + content)
    assert 0 <= orientation <= 8


def test_a_profile_for_another_colour_space_is_left_out_and_named() -> None:
    grey = ICC[:16] + b"GRAY" + ICC[20:]
    for source, profile, kept in [
        (blocks(), grey, False),
        (blocks()[..., 0], grey, True),
        (blocks()[..., 0], ICC, False),
    ]:
        buffer = io.BytesIO()
        PilImage.fromarray(source).save(buffer, "PNG", icc_profile=profile)
        picture = decode_picture(buffer.getvalue())
        data, said = written(picture, "PNG")
        assert (decode_picture(data).metadata.icc == profile) == kept
        assert bool(said) != kept


def test_damaged_exif_is_no_reason_to_refuse() -> None:
    for content in (
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\x08\0\0\0\x05\0",
    ):
        buffer = io.BytesIO()
        PilImage.fromarray(blocks()).save(buffer, "PNG", exif=content)
        picture = decode_picture(buffer.getvalue())
        for target in ("PNG", "JPEG", "TIFF", "WebP", "AVIF"):
            encode_picture(picture.array, target, like=picture)
