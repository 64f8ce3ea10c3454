"""AVIF and HEIC: what their boxes name and no writer holds is said; EXIF comes from the file itself."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import blocks, exif_block, saved, xmp

from watermarking.pictures.formats.containers.boxes import boxes, read_items
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.metadata.others import read_boxes


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full(kind: bytes, content: bytes, version: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24) + content)


def heic(
    *, urns: tuple[bytes, ...] = (), kinds: tuple[bytes, ...] = (), references: bytes = b"", exif: bytes = b""
) -> bytes:
    """Return the boxes of a HEIC file without its samples: a picture of two tiles, and all that is asked for."""
    names = (b"grid", b"hvc1", b"hvc1", *kinds, *([b"Exif"] if exif else []))
    entries = b"".join(
        full(b"infe", struct.pack(">HH4s", item, 0, kind) + b"\0", 2) for item, kind in enumerate(names, 1)
    )
    auxiliary = b"".join(full(b"auxC", urn + b"\0") for urn in urns)
    tiles = box(b"dimg", struct.pack(">4H", 1, 2, 2, 3))
    content = b"\0\0\0\6Exif\0\0" + exif

    def meta(place: int) -> bytes:
        places = struct.pack(">BBH", 0x44, 0, 1) + struct.pack(">HHHII", len(names), 0, 1, place, len(content))
        named = full(b"pitm", struct.pack(">H", 1)) + full(b"iinf", struct.pack(">H", len(names)) + entries)
        placed = full(b"iref", tiles + references) + full(b"iloc", places)
        return full(b"meta", named + placed + box(b"iprp", box(b"ipco", auxiliary)))

    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", content)


def orphans(data: bytes) -> tuple[str, ...]:
    image = SimpleNamespace(info={})
    return read_boxes(image, data).orphans  # type: ignore[arg-type]  # of Pillow's image, only its info is asked for


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (heic(), ()),
        (heic(urns=(b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")), ()),
        (heic(urns=(b"urn:com:apple:photo:2020:aux:hdrgainmap",)), ("gain map",)),
        (heic() + box(b"free", b"1234") + box(b"sefd", b"1234") + box(b"uuid", bytes(20)), ("box sefd", "box uuid")),
        (heic() + box(b"moov", b"1234"), ("film",)),
        (heic() + box(b"jumb", box(b"jumd", b"json" + bytes(20))), ("box jumb",)),
        (heic(urns=(b"urn:mpeg:hevc:2015:auxid:2",)), ("depth map",)),
        (heic(urns=(b"urn:com:apple:photo:2018:aux:portraiteffectsmatte",)), ("matte",)),
        (heic(urns=(b"urn:example:other",)), ("auxiliary picture (urn:example:other)",)),
        (heic(kinds=(b"tmap", b"hvc1"), references=box(b"dimg", struct.pack(">4H", 4, 2, 1, 5))), ("gain map",)),
        (heic(kinds=(b"hvc1",)), ("other pictures in the file",)),
        (heic(kinds=(b"hvc1",), references=box(b"thmb", struct.pack(">3H", 4, 1, 1))), ()),
        (heic() + box(b"mpvd", bytes(9)), ("film of a motion photo",)),
    ],
)  # fmt: skip
def test_what_no_writer_holds_is_named(data: bytes, names: tuple[str, ...]) -> None:
    assert orphans(data) == names


def test_a_gain_map_of_avif_is_named_when_the_picture_is_written() -> None:
    data = saved(blocks(), "AVIF", quality=100) + box(b"mpvd", bytes(9))
    picture = decode_picture(data)
    with pytest.warns(UserWarning, match="^film of a motion photo cannot be carried over: left out$"):
        encode_picture(picture.array, "AVIF", like=picture)


def test_exif_comes_from_the_file() -> None:
    block = exif_block(orientation=6)
    assert read_boxes(SimpleNamespace(info={"exif": b"other"}), heic(exif=block)).exif == block  # type: ignore[arg-type]
    assert read_boxes(SimpleNamespace(info={"exif": b"other"}), heic()).exif == b"other"  # type: ignore[arg-type]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_transformation_alone_says_how_avif_lies(orientation: int) -> None:
    data = saved(blocks(), "AVIF", quality=100, exif=exif_block(orientation=orientation))
    misleading = saved(blocks(), "AVIF", quality=100, xmp=xmp("", 'tiff:Orientation="6"'))
    assert decode_picture(data).array.shape == ((64, 32, 3) if orientation >= 5 else (32, 64, 3))
    picture = decode_picture(misleading)
    assert picture.array.shape == (32, 64, 3)
    assert b'tiff:Orientation="1"' in picture.metadata.xmp


@settings(max_examples=300)
@given(st.data())
def test_any_boxes_are_read(data: st.DataObject) -> None:
    content = bytearray(heic(urns=(b"urn:x",), kinds=(b"tmap", b"hvc1"), exif=exif_block()))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    orphans(bytes(content[: data.draw(st.integers(0, len(content)))]))
    assert sum(end - start for _, start, end in boxes(bytes(content))) <= len(content)
    assert all(isinstance(item, int) for item in read_items(bytes(content)).kinds)
