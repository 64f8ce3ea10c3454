"""Content Credentials vouch for every pixel: they are removed, and that is said; other boxes of their kind stay."""

from __future__ import annotations

import struct
import warnings

import pytest
from PIL import TiffImagePlugin
from specimens import blocks, jpeg, png, saved, segment, xmp, xmp_segment

from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture

WARNING = r"^Content Credentials were removed: they no longer hold once a pixel changes$"
CODE = bytes.fromhex("00110010800000aa00389b71")


def jumbf(kind: bytes = b"c2pa", length: int = 300) -> bytes:
    """Return a JUMBF superbox: ISO/IEC 19566-5."""
    description = kind + CODE + b"\3" + kind + b"\0"
    inner = struct.pack(">I4s", 8 + len(description), b"jumd") + description
    content = struct.pack(">I4s", 8 + length, b"bfdb") + b"m" * length
    return struct.pack(">I4s", 8 + len(inner) + len(content), b"jumb") + inner + content


def app11(box: bytes, number: int, part: int = 60_000) -> list[bytes]:
    """Cut a box into segments, each of which repeats its head."""
    rest = [box[start : start + part] for start in range(8, len(box), part)]
    return [
        segment(0xEB, b"JP" + struct.pack(">HI", number, place + 1) + box[:8] + content)
        for place, content in enumerate(rest)
    ]


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def with_credentials(file_format: str) -> bytes:
    if file_format == "JPEG":
        return jpeg(None, *app11(jumbf(length=150_000), 1))
    if file_format == "PNG":
        return png((b"caBX", jumbf()))
    if file_format == "WebP":
        data = saved(blocks(), "WEBP", exif=b"", xmp=b"<x/>", lossless=True)
        chunk = b"C2PA" + struct.pack("<I", len(jumbf())) + jumbf() + bytes(len(jumbf()) % 2)
        return data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk
    if file_format == "AVIF":
        identity = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
        return saved(blocks(), "AVIF", quality=100) + box(
            b"uuid", identity + bytes(4) + b"manifest\0" + bytes(8) + jumbf()
        )
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[52545], tags.tagtype[52545] = jumbf(), 7
    return saved(blocks(), "TIFF", tiffinfo=tags)


@pytest.mark.parametrize("target", ["JPEG", "PNG", "WebP", "AVIF", "TIFF"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WebP", "AVIF", "TIFF"])
def test_credentials_are_removed_and_that_is_said(source: str, target: str) -> None:
    data = with_credentials(source)
    assert b"c2pa" in data
    picture = decode_picture(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        written = encode_picture(picture.array, target, like=picture)
    assert [str(one.message) for one in caught if "Content" in str(one.message)] == [WARNING[1:-1]]
    assert len(caught) == 1
    assert b"c2pa" not in written
    assert b"jumb" not in written
    again = decode_picture(written)
    encode_picture(again.array, target, like=again)  # nothing is left to warn about


def test_the_place_of_a_manifest_elsewhere_is_removed_as_well() -> None:
    for place in ("self#jumbf=/c2pa/urn:uuid:1", "https://example.org/1.c2pa"):
        packet = xmp("", f'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{place}" dc:rights="(c) Ada"')
        picture = decode_picture(jpeg(None, xmp_segment(packet), *app11(jumbf(), 1)))
        with pytest.warns(UserWarning, match=WARNING):
            written = encode_picture(picture.array, "JPEG", like=picture)
        assert b"provenance" not in written
        assert b"(c) Ada" in written
    alone = decode_picture(jpeg(None, xmp_segment(packet)))
    with pytest.warns(UserWarning, match=WARNING):
        assert b"provenance" not in encode_picture(alone.array, "JPEG", like=alone)


def test_other_boxes_stay() -> None:
    other, none = app11(jumbf(b"json"), 7), segment(0xEB, b"HDR_RI ver=11")
    picture = decode_picture(jpeg(None, *other, none, *app11(jumbf(), 8)))
    with pytest.warns(UserWarning, match=WARNING):
        written = encode_picture(picture.array, "JPEG", like=picture)
    assert all(one in written for one in (*other, none))
    data = with_credentials("AVIF").replace(bytes.fromhex("d8fec3d6"), b"\1\2\3\4")
    assert not decode_picture(data).metadata.credentials


def test_a_title_says_nothing_of_credentials() -> None:
    packet = xmp("", 'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="Bought in Paris"')
    picture = decode_picture(jpeg(None, xmp_segment(packet)))
    assert packet in encode_picture(picture.array, "JPEG", like=picture)
