"""EXIF speaks of the picture as it is written: thumbnail, size, what turns; makers' notes stay where they were."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags
from PIL import Image as PilImage
from specimens import blocks, exif_block, jpeg, png, saved, segment

from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.metadata.exif import resolution_of, turned_exif, with_size, without_orientation
from watermarking.pictures.formats.metadata.thumbnail import with_thumbnail

HOLDERS = ("JPEG", "PNG", "WebP", "AVIF")
COVER = np.kron(blocks(), np.ones((8, 8, 1), np.uint8))


def file_of(block: bytes, file_format: str, array: np.ndarray[Any, Any] = COVER) -> bytes:
    if file_format == "JPEG":
        return jpeg(array, segment(0xE1, b"Exif\0\0" + block))
    if file_format == "PNG":
        return png((b"eXIf", block), array=array)
    return saved(array, file_format.upper(), exif=block)


def written(data: bytes, file_format: str, change: Any = None) -> tuple[PilImage.Image, bytes]:
    """Mark a file's picture heavily; return what others read, and its EXIF block."""
    picture = decode_picture(data)
    marked = 255 - picture.array if change is None else change(picture.array)
    image = PilImage.open(io.BytesIO(encode_picture(marked, file_format, like=picture)))
    image.load()
    return image, image.info["exif"].removeprefix(b"Exif\0\0")


def thumbnail_of(block: bytes) -> PilImage.Image | None:
    """Return the thumbnail of an EXIF block as another reader finds it."""
    tags = PilImage.Exif()
    tags.load(block)
    found = tags.get_ifd(ExifTags.IFD.IFD1)
    if 0x0201 not in found:
        return None
    return PilImage.open(io.BytesIO(block[found[0x0201] : found[0x0201] + found[0x0202]]))


def shows(small: PilImage.Image | None, image: PilImage.Image) -> bool:
    assert small is not None
    expected = np.asarray(image.convert("RGB").resize(small.size, PilImage.Resampling.BOX)).astype(int)
    return bool(np.abs(np.asarray(small.convert("RGB")) - expected).mean() < 8)


def note_of(block: bytes) -> bytes:
    """Return the text that the maker's note points at."""
    tags = PilImage.Exif()
    tags.load(block)
    note = tags.get_ifd(ExifTags.IFD.Exif)[0x927C]
    (place,) = struct.unpack_from("<I" if block[:2] == b"II" else ">I", note, 4)
    return block[place : place + 16]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("file_format", "orientation"), [*((name, n) for name in HOLDERS[:3] for n in range(1, 9)), ("AVIF", 1)]
)
def test_the_thumbnail_shows_the_marked_picture_upright(file_format: str, order: str, orientation: int) -> None:
    old = saved(COVER[::2, ::2], "JPEG")
    block = exif_block(order, orientation, old, size=(COVER.shape[1], COVER.shape[0]))
    if file_format == "AVIF":  # Pillow writes the block anew if it states an orientation
        block = without_orientation(block)
    image, found = written(file_of(block, file_format), file_format)
    small = thumbnail_of(found)
    assert shows(small, image)
    assert small is not None
    assert max(small.size) == 256
    assert small.size[0] < small.size[1] if orientation >= 5 else small.size[0] > small.size[1]
    assert old not in found
    tags = PilImage.Exif()
    tags.load(found)
    inner = tags.get_ifd(ExifTags.IFD.Exif)
    assert (inner[0xA002], inner[0xA003]) == image.size
    assert tags.get(0x0112, 1) == 1
    assert tags.get_ifd(ExifTags.IFD.IFD1)[0x0112] == (orientation if file_format == "AVIF" else 1)
    assert note_of(found) == b"the makers' text"


def test_a_new_thumbnail_takes_the_room_of_the_old_one_or_goes_to_the_end() -> None:
    roomy = saved(COVER[::2, ::2], "JPEG", quality=100) + bytes(3000)
    tight = saved(COVER[::2, ::2], "JPEG", quality=1)
    for thumbnail in (roomy, tight):
        for behind in (b"", b"something else that offsets may point at"):
            block = exif_block(thumbnail=thumbnail, behind=behind)
            found = with_thumbnail(block, 255 - COVER)
            place = len(block) - len(behind) - len(thumbnail)
            assert found[:70] == block[:70]  # then comes the place of the thumbnail's directory
            assert found[place + len(thumbnail) :].startswith(behind)
            assert (len(found) == len(block)) == (thumbnail is roomy)
            assert thumbnail[2:200] not in found
            assert shows(thumbnail_of(found), PilImage.fromarray(255 - COVER))
            assert note_of(found) == b"the makers' text"


def test_a_thumbnail_without_compression_becomes_a_jpeg() -> None:
    small = saved(COVER[::8, ::8], "TIFF", compression="raw")
    head = exif_block()
    pointer = 8 + 2 + 12 * 5
    strips = len(head)
    pixels = COVER[::8, ::8].tobytes()
    fields = [(256, 3, 1, 64), (257, 3, 1, 32), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, strips), (277, 3, 1, 3),
              (278, 3, 1, 32), (279, 4, 1, len(pixels))]  # fmt: skip
    directory = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *one) for one in fields) + bytes(4)
    block = head[:pointer] + struct.pack("<I", strips + len(pixels)) + head[pointer + 4 :] + pixels + directory
    found = with_thumbnail(block, 255 - COVER)
    assert shows(thumbnail_of(found), PilImage.fromarray(255 - COVER))
    assert pixels[:60] not in found
    assert len(small) > len(pixels)


def test_a_block_that_would_pass_64_kb_loses_its_thumbnail_alone() -> None:
    rng = np.random.default_rng(2)
    noisy = rng.integers(0, 256, (600, 800, 3), np.uint8)
    old = saved(noisy[:300, :400], "JPEG", quality=1)
    filling = bytes(65_500 - len(exif_block(thumbnail=old)))
    block = exif_block(thumbnail=old, behind=filling)
    image, found = written(file_of(block, "JPEG", noisy), "JPEG")
    assert thumbnail_of(found) is None
    assert image.getexif()[0x0128] == 2
    assert note_of(found) == b"the makers' text"
    assert old[2:400] not in found
    _, kept = written(file_of(block, "PNG", noisy), "PNG")
    small = thumbnail_of(kept)
    assert small is not None
    assert small.size == (400, 300)


def test_a_thumbnail_of_12_bits_in_16_is_as_bright_as_the_picture() -> None:
    tiny = saved(COVER[::4, ::4], "JPEG")
    for dark in (
        COVER.astype(np.uint16) * 16,
        np.dstack([COVER.astype(np.uint16) * 16, np.full(COVER.shape[:2], 65535)]),
    ):
        block = with_thumbnail(exif_block(thumbnail=tiny), dark.astype(np.uint16))
        assert shows(thumbnail_of(block), PilImage.fromarray(COVER))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_thumbnails_of_grey_deep_and_transparent_pictures(dtype: str, channels: int) -> None:
    array = np.dstack([COVER, COVER[..., :1]]) if channels == 4 else COVER if channels == 3 else COVER[..., 0]
    array = array.astype(dtype) * np.array(257 if dtype == "uint16" else 1, dtype)
    block = with_thumbnail(exif_block(thumbnail=saved(COVER[::4, ::4], "JPEG")), array)
    eight = (array // np.array(257, dtype)).astype(np.uint8) if dtype == "uint16" else array
    expected = PilImage.fromarray(eight)
    if channels == 4:
        ground = PilImage.new("RGBA", expected.size, "white")
        expected = PilImage.alpha_composite(ground, expected)
    assert shows(thumbnail_of(block), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_subject_turns_with_the_picture(orientation: int) -> None:
    width, height, x, y, across, down = 600, 400, 130, 70, 20, 10
    stored = np.zeros((height, width), np.uint8)
    stored[y - down // 2 : y + down // 2, x - across // 2 : x + across // 2] = 255
    image = PilImage.fromarray(stored)
    image.getexif()[0x0112] = orientation
    picture = decode_picture(
        saved(stored, "PNG", exif=exif_block(orientation=orientation, subject=(x, y, across, down)))
    )
    rows, columns = np.nonzero(picture.array)
    tags = PilImage.Exif()
    tags.load(picture.metadata.exif)
    found = tags.get_ifd(ExifTags.IFD.Exif)[0x9214]
    assert found[:2] == pytest.approx(((columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2))
    assert found[2:] == (np.ptp(columns) + 1, np.ptp(rows) + 1)
    point = turned_exif(exif_block(orientation=orientation, subject=(x, y)), orientation, (width, height))
    tags.load(point)
    assert tags.get_ifd(ExifTags.IFD.Exif)[0x9214] == found[:2]


def test_resolutions_change_places_with_the_sides() -> None:
    block = exif_block(orientation=6, resolution=(300, 150))
    picture = decode_picture(file_of(block, "JPEG"))
    assert resolution_of(picture.metadata.exif) == (150, 300)
    assert picture.metadata.dpi == (150, 300)
    assert decode_picture(saved(COVER, "TIFF", dpi=(300, 150), tiffinfo={274: 6})).metadata.dpi == (150, 300)


def test_sizes_grow_into_longer_numbers() -> None:
    block = with_size(exif_block(size=(64, 32)), 100_000, 2)
    tags = PilImage.Exif()
    tags.load(block)
    inner = tags.get_ifd(ExifTags.IFD.Exif)
    assert (inner[0xA002], inner[0xA003]) == (100_000, 2)
    assert note_of(block) == b"the makers' text"


def test_avif_keeps_the_block_that_pillow_would_write_anew() -> None:
    block = exif_block(thumbnail=saved(COVER[::2, ::2], "JPEG", quality=100))
    image, found = written(file_of(block, "JPEG"), "AVIF")
    assert note_of(found) == b"the makers' text"
    assert shows(thumbnail_of(found), image)
    assert image.getexif().get(0x0112, 1) == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_block_passes_through(data: st.DataObject) -> None:
    block = bytearray(
        exif_block(data.draw(st.sampled_from("<>")), 6, saved(COVER[::8, ::8], "JPEG"), (64, 32), (5, 6, 7))
    )
    for _ in range(data.draw(st.integers(1, 6))):
        block[data.draw(st.integers(0, min(260, len(block) - 1)))] = data.draw(st.integers(0, 255))
    content = bytes(block[: data.draw(st.integers(0, len(block)))])
    turned = with_size(turned_exif(content, 6, (64, 32)), 32, 64)
    assert len(turned) == len(content)
    assert len(with_thumbnail(turned, COVER, 65_000)) <= max(65_000, len(turned))
    assert len(without_orientation(turned)) == len(turned)
