"""What follows the end of a JPEG: kept where it still holds, with places and lengths that are right, else named."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageOps, JpegImagePlugin, MpoImagePlugin
from specimens import (
    FILM,
    blocks,
    directory,
    exif_block,
    gain_map,
    jpeg,
    mpf,
    saved,
    segment,
    ultra_hdr,
    with_pictures,
    xmp,
    xmp_segment,
)

from watermarking.pictures.formats.containers.jpeg import split_jpeg
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture

OTHERS = ("PNG", "WebP", "AVIF", "TIFF", "BMP")


def again(data: bytes, file_format: str = "JPEG", array: np.ndarray[Any, Any] | None = None) -> bytes:
    """Write a file's picture, one grey level brighter, as one of another length."""
    picture = decode_picture(data)
    marked = np.minimum(picture.array, 254) + np.uint8(1) if array is None else array
    return encode_picture(marked, file_format, like=picture, quality=71 if file_format == "JPEG" else None)


def pictures(data: bytes) -> list[PilImage.Image]:
    """Return all pictures of a file, as Pillow finds them by the Multi-Picture Format."""
    image = MpoImagePlugin.MpoImageFile(io.BytesIO(data))
    found = []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(image.copy())
    return found


def items(data: bytes) -> list[tuple[str, bytes]]:
    """Return what the directory in XMP lists, as a reader finds it that knows nothing but its specification."""
    import xml.etree.ElementTree as ET

    packet = JpegImagePlugin.JpegImageFile(io.BytesIO(data)).info["xmp"]
    spaces = {"item": "{http://ns.google.com/photos/1.0/container/item/}"}
    found, start = [], split_jpeg(data)[1]
    for element in ET.fromstring(packet.decode()).iter("{http://ns.google.com/photos/1.0/container/}Item"):
        length = int(element.get(spaces["item"] + "Length", 0))
        found.append((element.get(spaces["item"] + "Semantic", ""), data[start : start + length]))
        start += length
    return found


def listed_places(data: bytes) -> list[tuple[int, int]]:
    """Return where the pictures of the list begin and end in the file."""
    origin = data.index(b"MPF\0") + 4
    number = struct.unpack_from(">I", data, origin + 8 + 2 + 12 + 8)[0]
    table = origin + 8 + 2 + 36 + 4
    found = [struct.unpack_from(">III", data, table + 16 * place) for place in range(number)]
    return [(origin + at if at else 0, (origin + at if at else 0) + length) for _, length, at in found]


@pytest.mark.parametrize("film", [b"", FILM], ids=["still", "motion photo"])
def test_a_gain_map_stays_and_is_found_both_ways(film: bytes) -> None:
    data = ultra_hdr(film=film)
    written = again(data)
    assert len(written) != len(data)
    base, small = pictures(written)
    assert base.size == (64, 32)
    assert np.array_equal(np.asarray(small), np.asarray(pictures(data)[1]))
    assert items(written) == items(data)
    assert [name for name, _ in items(written)] == ["Primary", "GainMap", "MotionPhoto"][: 3 if film else 2]
    assert items(written)[1][1] == gain_map()
    (first, end), (begin, behind) = listed_places(written)
    assert (first, end) == (0, split_jpeg(written)[1])
    assert written[begin : begin + 3] == b"\xff\xd8\xff"
    assert written[begin:behind] == gain_map()
    assert written.endswith(film)
    assert b'hdrgm:Version="1.0"' in written
    assert b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0" in written


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_gain_map_turns_with_its_picture(orientation: int) -> None:
    data = ultra_hdr(exif=exif_block(orientation=orientation), film=FILM)
    before = ImageOps.exif_transpose(PilImage.open(io.BytesIO(data))).resize((32, 16) if orientation < 5 else (16, 32))
    written = again(data)
    base, small = pictures(written)
    assert base.size == (before.size[0] * 2, before.size[1] * 2)
    stored = np.asarray(pictures(data)[1]).astype(int)
    expected = ImageOps.exif_transpose(with_orientation(stored.astype(np.uint8), orientation))
    assert np.abs(np.asarray(small).astype(int) - np.asarray(expected)).max() <= 3
    assert b"hdrgm:GainMapMax" in items(written)[1][1]
    assert items(written)[2] == ("MotionPhoto", FILM)
    assert listed_places(written)[1] == (len(written) - len(FILM) - len(items(written)[1][1]), len(written) - len(FILM))


def with_orientation(array: np.ndarray[Any, Any], orientation: int) -> PilImage.Image:
    image = PilImage.fromarray(array)
    image.getexif()[0x0112] = orientation
    return image


@pytest.mark.parametrize("file_format", OTHERS)
def test_formats_without_room_say_so_and_claim_nothing(file_format: str) -> None:
    data = ultra_hdr(film=FILM)
    with pytest.warns(UserWarning, match=rf"the {file_format} file cannot hold .*gain map, film of a motion photo"):
        written = again(data, file_format)
    for claim in (b"hdrgm", b"GainMap", b"MotionPhoto", b"Container", b"MPF\0", b"21496"):
        assert claim not in written
    assert not decode_picture(written).metadata.companions


def test_a_cut_picture_loses_its_gain_map_alone() -> None:
    data = ultra_hdr(film=FILM)
    with pytest.warns(UserWarning, match="gain map cannot be carried over: left out"):
        written = again(data, array=decode_picture(data).array[:, :48])
    assert [name for name, _ in items(written)] == ["Primary", "MotionPhoto"]
    assert items(written)[1][1] == FILM
    for claim in (b"hdrgm", b"21496", b"MPF\0"):
        assert claim not in written


def test_the_older_motion_photo_keeps_its_place_from_the_end() -> None:
    packet = xmp("", f'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideo="1" '
                     f'GCamera:MicroVideoOffset="{len(FILM)}" dc:format="image/jpeg"')  # fmt: skip
    data = jpeg(None, xmp_segment(packet)) + FILM
    assert [one.role for one in decode_picture(data).metadata.companions] == ["film"]
    written = again(data)
    assert written.endswith(FILM)
    assert packet in written
    with pytest.warns(UserWarning, match="WebP file cannot hold film of a motion photo: left out"):
        plain = again(data, "WebP")
    assert b"MicroVideo" not in plain
    assert b'dc:format="image/jpeg"' in plain


def test_makers_trailers_stay_byte_for_byte() -> None:
    name, entry = b"Image_UTC_Data", b"\0\0\x01\x0a"
    first = entry + struct.pack("<I", len(name)) + name + b"1700000000000"
    head = b"SEFHk\0\0\0\1\0\0\0" + entry + struct.pack("<II", len(first), len(first))
    trailer = first + head + struct.pack("<I", len(head)) + b"SEFT"  # as Samsung's phones write it
    data = jpeg() + trailer
    assert again(data).endswith(b"\xff\xd9" + trailer)
    with pytest.warns(UserWarning, match="PNG file cannot hold data behind the end of the picture: left out"):
        again(data, "PNG")
    padded = jpeg() + bytes(100)
    again(padded, "PNG")  # zeros are nothing that is lost


def test_exif_stays_in_front_of_the_list_of_pictures() -> None:
    """Exif 2.32, 4.5.4: readers look for it right behind the beginning of the file."""
    head = segment(0xE1, b"Exif\0\0" + exif_block())
    data = with_pictures(lambda index: jpeg(blocks(), head, index), [(0x020002, jpeg(blocks()[::-1].copy()))])
    with pytest.warns(UserWarning, match="without a mark"):
        written = again(data)
    assert 0 < written.index(b"Exif\0\0") < written.index(b"MPF\0")
    assert [written[start : start + 2] for start, _ in listed_places(written)] == [b"\xff\xd8"] * 2


def test_other_pictures_stay_and_are_said_to_be_unmarked() -> None:
    left, right = blocks(), blocks()[::-1].copy()
    right_eye = jpeg(right)
    data = with_pictures(lambda index: jpeg(left, index), [(0x020002, right_eye)])
    with pytest.warns(UserWarning, match=r"other pictures \(1\), which are kept as they are, without a mark"):
        written = again(data)
    assert written.endswith(right_eye)
    assert np.array_equal(np.asarray(pictures(written)[1]), np.asarray(PilImage.open(io.BytesIO(right_eye))))
    with pytest.warns(UserWarning, match="WebP file cannot hold other pictures in the file: left out"):
        again(data, "WebP")


@pytest.mark.parametrize("orientation", [1, 6])
def test_previews_are_made_anew_from_the_marked_picture(orientation: int) -> None:
    thumbnail = saved(blocks(1, 2), "JPEG")
    old = jpeg(
        blocks()[:24, :48], segment(0xE1, b"Exif\0\0" + exif_block(thumbnail=thumbnail, orientation=orientation))
    )
    head = segment(0xE1, b"Exif\0\0" + exif_block(orientation=orientation))
    data = with_pictures(lambda index: jpeg(None, head, index), [(0x010002, old)], FILM)
    array = np.rot90(blocks(), -1) if orientation == 6 else blocks()
    written = again(data, array=255 - array)
    base, preview = pictures(written)
    assert preview.size == ((48, 24) if orientation == 1 else (24, 48))
    assert np.abs(np.asarray(base.resize(preview.size)).astype(int) - np.asarray(preview)).mean() < 12
    assert preview.getexif().get(0x0112) == 1
    assert thumbnail not in written
    assert written.endswith(FILM)


def test_a_depth_map_of_a_turned_picture_is_left_out_of_the_list_as_well() -> None:
    use = "urn:com:apple:photo:2020:aux:disparity"
    space = 'xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/"'
    depth = jpeg(blocks()[..., 0], xmp_segment(xmp("", f'{space} apdi:AuxiliaryImageType="{use}"')))
    small = gain_map()
    packet = xmp_segment(
        xmp("", 'xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/" HDRGainMap:HDRGainMapVersion="65536"')
    )

    def data(orientation: int) -> bytes:
        head = segment(0xE1, b"Exif\0\0" + exif_block(orientation=orientation))
        return with_pictures(lambda index: jpeg(None, head, packet, index), [(0, depth), (0, small)])

    assert again(data(1)).endswith(depth + small)
    with pytest.warns(UserWarning, match="depth map cannot be carried over: left out"):
        written = again(data(6))
    assert len(pictures(written)) == 2
    assert pictures(written)[1].size == (16, 32)
    assert depth not in written
    assert b"HDRGainMap:" in written


def test_lists_that_are_wrong_do_no_harm() -> None:
    stale = jpeg(None, segment(0xE2, mpf([(0x030000, 500, 0), (0, 4000, 90_000)])))
    assert b"MPF\0" not in again(stale)
    beside = jpeg(None, xmp_segment(directory([("Primary", "image/jpeg", 0), ("GainMap", "image/jpeg", 77)]))) + bytes(
        range(99)
    )
    assert again(beside).endswith(bytes(range(99)))
    overlapping = with_pictures(lambda index: jpeg(None, index), [(0, gain_map())], b"")
    offset = overlapping.index(b"MPF\0") + 4 + 8 + 2 + 36 + 4 + 16
    length, place = struct.unpack_from(">II", overlapping, offset + 4)
    twice = with_pictures(lambda index: jpeg(None, index), [(0, gain_map()), (0, gain_map())])
    at = twice.index(b"MPF\0") + 4 + 8 + 2 + 36 + 4 + 32
    broken = twice[: at + 8] + struct.pack(">I", place + 26) + twice[at + 12 :]
    written = again(broken)
    assert written.endswith(gain_map() * 2)
    assert b"MPF\0" not in written
    assert length


def test_nothing_is_said_where_nothing_follows() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for file_format in ("JPEG", *OTHERS):
            again(jpeg(), file_format)
