"""Colours that AVIF and HEIC name by numbers are carried, in numbers or in a profile; high dynamic range is refused."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from covers import photograph
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage
from PIL import ImageCms

from watermarking import Key, Marker
from watermarking.errors import FileFormatError
from watermarking.pictures.formats.colour import is_srgb, profile_cicp, profile_of
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.isobmff import brands, chroma_of_av1, nclx_of, refuse_deep

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = photograph((96, 128, 3))
LARGE = photograph((256, 320, 3))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def avif(primaries: int = 1, transfer: int = 13, image: np.ndarray[Any, Any] = IMAGE, **options: object) -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(image).save(buffer, "AVIF", quality=90, **options)
    data = buffer.getvalue()
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize("numbers", [(1, 13), (12, 13), (9, 14), (1, 1), (2, 2), (22, 8), (8, 13), (1, 17)])
def test_numbers_stay_in_avif(tmp_path: Path, numbers: tuple[int, int]) -> None:
    path, out = tmp_path / "x.avif", tmp_path / "y.avif"
    path.write_bytes(avif(*numbers, image=LARGE))
    Marker(key=Key(bytes(16))).embed_file(path, out, "Ada")
    found = nclx_of(out.read_bytes())
    assert found is not None
    assert found[:2] == numbers
    with PilImage.open(out) as image:
        image.load()
        assert "icc_profile" not in image.info
        assert np.abs(np.asarray(image).astype(int) - LARGE).mean() < 8


@pytest.mark.parametrize("target", ["JPEG", "PNG", "WebP", "TIFF"])
def test_other_formats_get_a_profile_that_says_the_same(target: str) -> None:
    picture = decode_picture(avif(12, 13))
    with PilImage.open(io.BytesIO(encode_picture(picture.array, target, like=picture))) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    shown = ImageCms.profileToProfile(PilImage.new("RGB", (1, 1), (200, 100, 50)), profile, SRGB, renderingIntent=1)
    assert shown is not None
    # Display P3 in sRGB by the matrices of both
    assert np.abs(np.subtract(shown.getpixel((0, 0)), (214.9, 92.6, 30.9))).max() <= 1
    plain = decode_picture(avif(1, 13))
    with PilImage.open(io.BytesIO(encode_picture(plain.array, target, like=plain))) as image:
        assert "icc_profile" not in image.info


def test_colours_without_a_profile_are_refused_elsewhere() -> None:
    picture = decode_picture(avif(1, 17))
    for target in ("PNG", "JPEG", "BMP"):
        with pytest.raises(FileFormatError, match=rf"{target} cannot say the colours .*transfer 17.*: write AVIF"):
            encode_picture(picture.array, target, like=picture)


def test_colours_for_which_a_profile_was_made_are_refused_where_none_is_held() -> None:
    picture = decode_picture(avif(12, 13))
    with pytest.raises(FileFormatError, match=r"BMP cannot say the colours .*primaries 12.*: write AVIF"):
        encode_picture(picture.array, "BMP", like=picture)
    plain = decode_picture(avif(1, 13))
    encode_picture(plain.array, "BMP", like=plain)


def test_a_profile_comes_before_numbers() -> None:
    picture = decode_picture(avif(9, 14, icc_profile=SRGB.tobytes()))
    assert picture.coding.colours is None
    assert picture.metadata.icc == SRGB.tobytes()


def deeper(data: bytes, bits: int) -> bytes:
    """Say that an AVIF of 8 bits has more."""
    changed = bytearray(data)
    at = changed.index(b"pixi") + 8
    changed[at + 1 : at + 1 + changed[at]] = bytes([bits]) * changed[at]
    at = changed.index(b"av1C") + 6
    changed[at] |= 64 | (32 if bits == 12 else 0)
    return bytes(changed)


@pytest.mark.parametrize("bits", [10, 12])
def test_more_than_8_bits_are_refused(bits: int) -> None:
    with pytest.raises(
        FileFormatError, match=rf"AVIF of {bits} bits a sample is not read, .*: convert it to 16-bit PNG"
    ):
        decode_picture(deeper(avif(), bits))
    without_pixi = deeper(avif(), bits).replace(b"pixi", b"free")
    with pytest.raises(FileFormatError, match=f"AVIF of {bits} bits"):
        decode_picture(without_pixi)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused(transfer: int, name: str) -> None:
    with pytest.raises(FileFormatError, match=rf"high dynamic range \({name}\) is not read: convert it"):
        decode_picture(avif(9, transfer))


def test_of_several_items_the_main_one_counts() -> None:
    with_alpha = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 200, np.uint8)])
    buffer = io.BytesIO()
    PilImage.fromarray(with_alpha).save(buffer, "AVIF", quality=90)
    data = buffer.getvalue()
    assert data.count(b"av1C") == 2
    refuse_deep(data, "AVIF")
    assert chroma_of_av1(data) == "4:2:0"
    first = deeper(data, 10)
    with pytest.raises(FileFormatError, match="10 bits"):
        refuse_deep(first, "AVIF")


@given(st.binary(max_size=120), st.integers(0, 400))
def test_any_change_of_the_boxes_is_survived(content: bytes, place: int) -> None:
    data = avif()
    for changed in (data[:place] + content + data[place + len(content) :], data[:place], content):
        for look in (nclx_of, chroma_of_av1, brands):
            look(changed)
        try:
            refuse_deep(changed, "AVIF")
        except FileFormatError as error:
            assert str(error)  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize("primaries", [1, 2, 4, 5, 6, 7, 9, 11, 12, 22])
@pytest.mark.parametrize("transfer", [1, 2, 4, 5, 6, 8, 13, 14, 15])
def test_profiles_are_right(primaries: int, transfer: int) -> None:
    content = profile_of(primaries, transfer)
    assert content is not None
    assert len(content) == struct.unpack_from(">I", content)[0]
    profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
    white = ImageCms.profileToProfile(PilImage.new("RGB", (1, 1), (255, 255, 255)), profile, SRGB, renderingIntent=1)
    assert white is not None
    assert np.abs(np.subtract(white.getpixel((0, 0)), 255)).max() <= 1
    if is_srgb(primaries, transfer):
        colours = PilImage.fromarray(IMAGE)
        same = ImageCms.profileToProfile(colours, profile, SRGB, renderingIntent=1)
        assert same is not None
        assert np.abs(np.asarray(same).astype(int) - IMAGE).max() <= 1


def test_linear_light_and_gamma_are_what_they_say() -> None:
    for transfer, gamma in ((8, 1.0), (4, 2.2), (5, 2.8)):
        profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_of(1, transfer) or b""))
        shown = ImageCms.profileToProfile(PilImage.new("RGB", (1, 1), (128,) * 3), profile, SRGB, renderingIntent=1)
        assert shown is not None
        light = (128 / 255) ** gamma
        expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
        assert np.abs(np.subtract(shown.getpixel((0, 0)), expected)).max() <= 1.5


def test_profiles_that_do_not_exist() -> None:
    assert profile_of(10, 13) is profile_of(1, 16) is profile_of(3, 18) is None


@given(st.binary(max_size=300))
def test_any_bytes_pass_for_a_profile(content: bytes) -> None:
    profile_cicp(content)
    profile_cicp(bytes(128) + content)
    tagged = bytes(128) + struct.pack(">I4sII", 1, b"cicp", 144, 12) + b"cicp\0\0\0\0\x09\x10\0\1"
    assert profile_cicp(tagged) == (9, 16)
