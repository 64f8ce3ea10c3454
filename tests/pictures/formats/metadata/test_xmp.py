"""XMP: long packets in JPEG, packets that are changed in places alone, packets that no parser takes."""

from __future__ import annotations

import hashlib
import io
import struct
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage
from specimens import EXTENSION, blocks, chunk, exif_block, extended_xmp, jpeg, png, saved, segment, xmp, xmp_segment

from watermarking.pictures.formats.containers.jpeg import split_jpeg
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.metadata.xmp.extended import in_segments
from watermarking.pictures.formats.metadata.xmp.frame import xmp_orientation
from watermarking.pictures.formats.metadata.xmp.packet import Packet

GDEPTH = "http://ns.google.com/photos/1.0/depthmap/"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "http://purl.org/dc/elements/1.1/"
HISTORY = "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>{}</rdf:li></rdf:Alt></dc:description>"


def properties(*packets: bytes) -> dict[str, str]:
    """Return the properties of packets, as a parser of XML sees them: name, and text or structure."""
    found: dict[str, str] = {}
    for packet in packets:
        for description in ET.fromstring(packet.decode()).iter(f"{RDF}Description"):
            found |= {name: value for name, value in description.attrib.items() if not name.startswith(RDF)}
            found |= {one.tag: ET.tostring(one, "unicode") if len(one) else (one.text or "") for one in description}
    return found


def packets_of(data: bytes) -> tuple[bytes, bytes]:
    """Return the packet of a JPEG file and its extension, joined and checked by the specification."""
    contents = [one.content for one in split_jpeg(data)[0] if one.marker == 0xE1]
    (packet,) = (one.removeprefix(b"http://ns.adobe.com/xap/1.0/\0") for one in contents if b"xap/1.0/\0" in one[:32])
    parts = [one.removeprefix(EXTENSION) for one in contents if one.startswith(EXTENSION)]
    if not parts:
        return packet, b""
    whole = bytearray(struct.unpack_from(">I", parts[0], 32)[0])
    for part in parts:
        (offset,) = struct.unpack_from(">I", part, 36)
        whole[offset : offset + len(part) - 40] = part[40:]
    guid = hashlib.md5(whole).hexdigest().upper()
    assert all(part[:32].decode() == guid for part in parts)
    assert properties(packet)["{http://ns.adobe.com/xmp/note/}HasExtendedXMP"] == guid
    return packet, bytes(whole)


def with_xmp(packet: bytes) -> bytes:
    return png((b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + packet))


def written(data: bytes, file_format: str = "JPEG") -> bytes:
    picture = decode_picture(data)
    return encode_picture(picture.array, file_format, like=picture)


@pytest.mark.parametrize("n_bytes", [65_000, 65_502, 70_000, 400_000])
def test_a_long_packet_is_cut_in_two_and_read_back_whole(n_bytes: int) -> None:
    small = 'dc:rights="(c) Ada &amp; Co" tiff:Artist="Ada"'
    head = len(xmp(HISTORY.format(""), small))
    packet = xmp(HISTORY.format("h" * (n_bytes - head)), small)
    assert len(packet) == n_bytes
    data = written(with_xmp(packet))
    first, extension = packets_of(data)
    assert bool(extension) == (n_bytes > 65_502)
    expected = properties(packet)
    assert properties(first)[f"{{{DC}}}rights"] == "(c) Ada & Co"
    assert {k: v for k, v in properties(first, extension or first).items() if "note/" not in k} == expected
    assert all(len(one.content) <= 65_533 for one in split_jpeg(data)[0])
    again = written(data, "PNG")
    assert properties(decode_picture(again).metadata.xmp) == expected
    assert b"HasExtendedXMP" not in again
    assert packets_of(written(again)) == (first, extension)
    with PilImage.open(io.BytesIO(data)) as image:
        assert image.info["xmp"] == first


def test_an_extension_as_cameras_write_it_is_joined_and_carried() -> None:
    depth = "D" * 150_000
    space = f'xmlns:GDepth="{GDEPTH}"'
    first = xmp("", f'{space} GDepth:Format="RangeInverse" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
                    'xmpNote:HasExtendedXMP="GUID" dc:rights="(c) Ada"')  # fmt: skip
    extension = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/" {space}><rdf:RDF xmlns:rdf="{RDF[1:-1]}">'
        f'<rdf:Description rdf:about="" GDepth:Data="{depth}"/></rdf:RDF></x:xmpmeta>'
    ).encode()
    data = jpeg(None, *extended_xmp(first, extension))
    expected = {f"{{{GDEPTH}}}Format": "RangeInverse", f"{{{GDEPTH}}}Data": depth, f"{{{DC}}}rights": "(c) Ada"}
    for file_format in ("PNG", "WebP", "TIFF", "AVIF"):
        assert properties(decode_picture(written(data, file_format)).metadata.xmp) == expected
    one, other = packets_of(written(data))
    assert properties(other) == {f"{{{GDEPTH}}}Data": depth}
    assert properties(one)[f"{{{GDEPTH}}}Format"] == "RangeInverse"
    turned = jpeg(None, segment(0xE1, b"Exif\0\0" + exif_block(orientation=6)), *extended_xmp(first, extension))
    with pytest.warns(UserWarning, match="depth map cannot be carried over"):
        data = written(turned)
    assert b"GDepth" not in data
    assert b"(c) Ada" in data


def test_an_extension_that_cannot_be_joined_stays_as_it_is() -> None:
    first = xmp("", 'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="GUID"')
    whole = extended_xmp(first, b"<not><well></formed>" * 5000)
    missing = extended_xmp(first, xmp("", 'dc:rights="' + "r" * 130_000 + '"'))
    for segments in (whole, missing[:2]):
        data = written(jpeg(None, *segments))
        assert all(one in data for one in segments)
    with pytest.warns(UserWarning, match="PNG file cannot hold damaged extended XMP: left out"):
        written(jpeg(None, *whole), "PNG")


def test_comments_are_left_out_only_where_there_is_no_room() -> None:
    rights = xmp("", 'dc:rights="(c) Ada"')
    comment = b"<!--" + b"a" * 70_000 + b' tiff:Orientation="6" -->'
    long = rights.replace(b"<rdf:RDF", comment + b"<rdf:RDF")
    with pytest.warns(UserWarning, match="JPEG file cannot hold comments in the XMP packet: left out"):
        data = written(with_xmp(long))
    assert properties(packets_of(data)[0]) == {f"{{{DC}}}rights": "(c) Ada"}
    assert comment in written(with_xmp(long), "PNG")
    assert decode_picture(written(with_xmp(long), "TIFF")).array.shape == (32, 64, 3)  # Pillow would take the comment
    short = rights.replace(b"<rdf:RDF", b"<!-- kept --><rdf:RDF")
    assert packets_of(written(with_xmp(short)))[0] == short


def test_padding_goes_before_anything_else() -> None:
    packet = xmp("", 'dc:rights="' + "r" * 60_000 + '"').replace(b"<?xpacket end", b" " * 8000 + b"<?xpacket end")
    assert packets_of(written(with_xmp(packet))) == (packet.replace(b" " * 8000, b"\n"), b"")


def test_a_packet_that_is_not_well_formed_is_carried_as_it_is() -> None:
    broken = xmp("<dc:rights>(c) Ada")
    for file_format in ("JPEG", "PNG", "WebP", "AVIF", "TIFF"):
        assert decode_picture(written(with_xmp(broken), file_format)).metadata.xmp == broken
    with pytest.warns(UserWarning, match="XMP above 64 KB that is not well formed: left out"):
        written(with_xmp(broken + b" " * 70_000))
    bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>" + xmp("&a;" * 10)
    with pytest.raises(ValueError, match="no document type"):
        Packet(bomb)
    assert decode_picture(written(with_xmp(bomb))).metadata.xmp == bomb


@pytest.mark.parametrize(
    ("packet", "orientation"),
    [
        (xmp("<tiff:Orientation>6</tiff:Orientation>"), 6),
        (xmp("", "tiff:Orientation='3'"), 3),
        (xmp("", 'xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="8"'), 8),
        (xmp('<!-- tiff:Orientation="6" --><dc:title>tiff:Orientation="6"</dc:title>'), 0),
        (xmp("<dc:a><rdf:Description tiff:Orientation='6'/></dc:a>").replace(b"adobe.com/tiff", b"adobe.com/tif_"), 6),
        (xmp("<tiff:Orientation>6").replace(b"</rdf:RDF>", b""), 6),
        (xmp('<!-- tiff:Orientation="8" --><tiff:Orientation>6').replace(b"</rdf:RDF>", b""), 6),
        (xmp("", 'tiff:Orientation="9"'), 0),
    ],
    ids=[
        "element",
        "apostrophes",
        "prefix",
        "comment and text",
        "other namespace",
        "damaged",
        "damaged, comment",
        "no orientation",
    ],
)
def test_the_orientation_is_found_and_reset(packet: bytes, orientation: int) -> None:
    patched, found = xmp_orientation(packet)
    assert found == orientation
    assert len(patched) == len(packet)
    assert sum(a != b for a, b in zip(packet, patched, strict=True)) == (orientation > 1)
    picture = decode_picture(saved(blocks(), "WEBP", lossless=True, xmp=packet))
    assert picture.array.shape == ((64, 32, 3) if orientation in (6, 8) else (32, 64, 3))
    assert xmp_orientation(picture.metadata.xmp)[1] in (0, 1)


def test_sizes_and_regions_are_those_of_the_upright_picture() -> None:
    exif = "http://ns.adobe.com/exif/1.0/"
    regions = (
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="32" '
        'stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource"><mwg-rs:Area '
        'stArea:x="0.25" stArea:y="0.75" stArea:w="0.2" stArea:h="0.1" stArea:unit="normalized"/></rdf:li></rdf:Bag>'
        "</mwg-rs:RegionList></mwg-rs:Regions>"
    )
    spaces = (
        f'xmlns:exif="{exif}" exif:PixelXDimension="64" tiff:ImageLength="32" tiff:Orientation="6" '
        'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        'xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"'
    )
    data = written(with_xmp(xmp(f"{regions}<exif:PixelYDimension>32</exif:PixelYDimension>", spaces)), "PNG")
    found = decode_picture(data).metadata.xmp.decode()
    sizes = 'PixelXDimension="32"', "PixelYDimension>64<", 'ImageLength="64"', 'stDim:w="32" stDim:h="64"'
    for text in (*sizes, 'tiff:Orientation="1"', 'stArea:x="0.25" stArea:y="0.25" stArea:w="0.1" stArea:h="0.2"'):
        assert text in found


NAMES = st.sampled_from(["dc:title", "dc:rights", "tiff:Artist", "q:own"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="<&\"'"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.tuples(st.booleans(), TEXTS, st.integers(0, 90_000)), min_size=1))
def test_any_packet_is_read_back_as_it_was(content: dict[str, tuple[bool, str, int]]) -> None:
    texts = {name: (inside, text + "x" * more) for name, (inside, text, more) in content.items()}
    elements = "".join(f"<{name}>{text}</{name}>" for name, (inside, text) in texts.items() if inside)
    attributes = " ".join(f'{name}="{text}"' for name, (inside, text) in texts.items() if not inside)
    packet = xmp(elements, f'xmlns:q="http://example.org/q/" {attributes}')
    contents, bare = in_segments(packet)
    assert contents
    assert not bare
    data = jpeg(None, *(segment(0xE1, one) for one in contents))
    assert properties(decode_picture(data).metadata.xmp) == properties(packet)


def test_chunks_of_xmp_are_read_compressed_too() -> None:
    import zlib

    packet = xmp("", 'dc:rights="(c) Ada"')
    content = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
    data = saved(blocks(), "PNG")
    found = decode_picture(data[:33] + chunk(b"iTXt", content) + data[33:])
    assert found.metadata.xmp == packet
    assert np.array_equal(found.array, blocks())
    assert xmp_segment(packet) in written(data[:33] + chunk(b"iTXt", content) + data[33:])
