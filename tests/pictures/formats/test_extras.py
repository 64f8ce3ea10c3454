"""HEIC and JPEG XL where their packages are installed; a clear word where they are not."""

from __future__ import annotations

import importlib
import io
import struct
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from covers import photograph
from PIL import Image as PilImage
from PIL import ImageCms, ImageOps

from watermarking import Key, Marker
from watermarking.errors import FileFormatError, MissingExtraError
from watermarking.pictures.files import read_picture, write_picture
from watermarking.pictures.formats.colour import profile_of
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.extras import encode_jxl, is_available
from watermarking.pictures.formats.isobmff import nclx_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = Key(bytes(16))
IMAGE = photograph((256, 320, 3))
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TITLE = 0x010E
DEEP = (
    "0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20000000096a786c6c0a000000436a786c63ff0a43f003505c08"
    "08020100b4004b189b7c2c3c048885f064aa3106af17834f3cc618ef2e101f00032cca23901000bae6b47175357cde40405d00"
)
ANIMATED = (
    "ff0a41040158505c120808a002000040004b12c58205526c07fc1f0058f0c6191f0808a042000058004b12c582055260c3c518ccbd3b0045548b"
    "00309e900f"
)
"""16x16 pixels of 16 bits, and two frames of 8x8, by cjxl 0.7."""

heic = pytest.mark.skipif(not is_available("HEIC"), reason="pillow-heif is not installed")
jxl = pytest.mark.skipif(not is_available("JXL"), reason="pylibjxl is not installed")
both = pytest.mark.parametrize("kind", [pytest.param("HEIC", marks=heic), pytest.param("JXL", marks=jxl)])


def like_with_everything(mode: str = "RGB") -> Any:
    exif = PilImage.Exif()
    exif[TITLE] = "a title"
    buffer = io.BytesIO()
    image = PilImage.fromarray(IMAGE).convert(mode)
    image.save(buffer, "JPEG", quality=95, exif=exif, icc_profile=ICC, xmp=b"<x:xmpmeta/>", subsampling="4:4:4")
    return decode_picture(buffer.getvalue())


@both
def test_files_are_marked_in_place_and_elsewhere(tmp_path: Path, kind: str) -> None:
    suffix = kind.lower()
    path, out, jpeg = (tmp_path / name for name in (f"x.{suffix}", f"y.{suffix}", "z.jpg"))
    path.write_bytes(encode_picture(IMAGE, kind, like=like_with_everything()))
    before = read_picture(path)
    assert before.format == kind
    Marker(key=KEY).embed_file(path, jpeg, "Ada")
    receipt = Marker(key=KEY, psnr=42.0).embed_file(path, out, "Ada")
    assert receipt.psnr is not None
    assert 38 < receipt.psnr < 42.4
    untouched = path.read_bytes()
    assert Marker(key=KEY).extract_file(path).text is None
    Marker(key=KEY).embed_file(path, path, "Ada", in_place=True)
    assert path.read_bytes() != untouched
    for file in (path, out):
        after = read_picture(file)
        assert Marker(key=KEY).extract_file(file).text == "Ada"
        assert after.metadata == before.metadata
        assert after.metadata.icc == ICC
        assert after.metadata.xmp == b"<x:xmpmeta/>"
        assert b"a title" in after.metadata.exif
        assert after.coding == before.coding
    assert Marker(key=KEY).extract_file(jpeg).text == "Ada"


@both
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_samples_survive(kind: str, channels: int) -> None:
    image = IMAGE[..., 0] if channels == 2 else IMAGE
    if channels == 4:
        alpha = np.full(IMAGE.shape[:2], 255, np.uint8)
        alpha[50:90, 40:200] = 0
        image = np.dstack([IMAGE, alpha])
    picture = decode_picture(encode_picture(image, kind, quality=95))
    assert picture.array.shape == image.shape
    difference = np.abs(picture.array.astype(int) - image)
    assert difference.mean() < (3 if kind == "HEIC" else 1e-9)
    with pytest.raises(FileFormatError, match=f"uint16 samples do not fit in {kind}: write uint16 as PNG or TIFF"):
        encode_picture(image.astype(np.uint16), kind)


@jxl
def test_what_is_transparent_in_jpeg_xl_stays_so() -> None:
    image = np.dstack([IMAGE, IMAGE[..., 0] // 64])
    assert np.array_equal(decode_picture(encode_picture(image, "JXL")).array, image)


@heic
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_chroma_of_heic_is_kept(subsampling: str) -> None:
    picture = decode_picture(encode_picture(IMAGE, "HEIC", subsampling=subsampling))
    assert picture.coding.subsampling == subsampling
    again = decode_picture(encode_picture(picture.array, "HEIC", like=picture))
    assert again.coding.subsampling == subsampling


@heic
def test_turned_heic_is_upright() -> None:
    heif, small = importlib.import_module("pillow_heif"), IMAGE[:64, :96]
    for orientation in range(1, 9):
        exif = PilImage.Exif()
        exif[0x0112] = orientation
        buffer = io.BytesIO()
        heif.from_pillow(PilImage.fromarray(small)).save(buffer, quality=90, exif=exif.tobytes())
        picture = decode_picture(buffer.getvalue())
        upright = PilImage.fromarray(small)
        upright.getexif()[0x0112] = orientation
        expected = np.asarray(ImageOps.exif_transpose(upright)).astype(int)
        assert picture.array.shape == expected.shape
        assert np.abs(picture.array - expected).mean() < 4
        again = decode_picture(encode_picture(picture.array, "HEIC", like=picture))
        assert again.array.shape == expected.shape


@heic
def test_colours_of_heic_are_carried() -> None:
    picture = decode_picture(encode_picture(IMAGE, "HEIC"))
    assert picture.coding.colours == (1, 13)
    data = bytearray(encode_picture(IMAGE, "HEIC"))
    at = data.index(b"nclx") + 4
    data[at : at + 4] = struct.pack(">HH", 12, 13)
    picture = decode_picture(bytes(data))
    assert picture.metadata.icc == profile_of(12, 13)
    found = nclx_of(encode_picture(picture.array, "HEIC", like=picture))
    assert found is not None
    assert found[:2] == (12, 13)
    data[at : at + 4] = struct.pack(">HH", 9, 16)
    with pytest.raises(FileFormatError, match=r"HEIC of high dynamic range \(PQ\)"):
        decode_picture(bytes(data))


@heic
def test_heic_of_more_bits_or_pictures_is_refused() -> None:
    heif = importlib.import_module("pillow_heif")
    buffer = io.BytesIO()
    deep = (IMAGE.astype(np.uint16) * 257).tobytes()
    heif.from_bytes("RGB;16", (IMAGE.shape[1], IMAGE.shape[0]), deep).save(buffer, quality=90)
    with pytest.raises(FileFormatError, match=r"HEIC of 1[02] bits a sample is not read, .*: convert it"):
        decode_picture(buffer.getvalue())
    buffer = io.BytesIO()
    two = heif.from_pillow(PilImage.fromarray(IMAGE))
    two.add_from_pillow(PilImage.fromarray(255 - IMAGE))
    two.save(buffer, quality=50)
    with pytest.raises(FileFormatError, match="the HEIC file has 2 pictures, 1 is needed"):
        decode_picture(buffer.getvalue())


@jxl
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (DEEP, "JPEG XL with samples of 16 bits is not read, .*: convert it to 16-bit PNG"),
        (ANIMATED, "JPEG XL with an animation is not read: save a frame"),
    ],
)
def test_jpeg_xl_of_more_bits_or_frames_is_refused(content: str, said: str) -> None:
    with pytest.raises(FileFormatError, match=said):
        decode_picture(bytes.fromhex(content))


@jxl
def test_jpeg_xl_of_high_dynamic_range_is_refused() -> None:
    tag = b"cicp\0\0\0\0\x09\x10\0\1"
    profile = profile_of(9, 13)
    assert profile is not None
    (n_tags,) = struct.unpack_from(">I", profile, 128)
    table = 132 + 12 * n_tags
    moved = b"".join(
        struct.pack(">4sII", kind, place + 12, size)
        for kind, place, size in (struct.unpack_from(">4sII", profile, 132 + 12 * n) for n in range(n_tags))
    )
    content = profile[128:132].replace(struct.pack(">I", n_tags), struct.pack(">I", n_tags + 1)) + moved
    whole = profile[:128] + content + struct.pack(">4sII", b"cicp", len(profile) + 12, 12) + profile[table:] + tag
    whole = struct.pack(">I", len(whole)) + whole[4:]
    with pytest.raises(FileFormatError, match=r"JPEG XL of high dynamic range \(PQ\)"):
        decode_picture(encode_jxl(IMAGE, {"icc_profile": whole}))


@pytest.mark.parametrize(
    ("kind", "package", "data"),
    [
        ("HEIC", "pillow-heif", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)),
        ("JXL", "pylibjxl", b"\xff\x0a" + bytes(100)),
    ],
)
def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str, data: bytes
) -> None:
    for name in ("pillow_heif", "pillow_heif.as_plugin", "pylibjxl", "pylibjxl.pillow_plugin"):
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / f"phone.{kind.lower()}"
    path.write_bytes(data)
    said = rf"{kind} needs {package}: use pip install 'watermarking\[formats\]'"
    with pytest.raises(MissingExtraError, match=rf"phone\.{kind.lower()}: {said}"):
        read_picture(path)
    with pytest.raises(MissingExtraError, match=said):
        write_picture(IMAGE, tmp_path / f"y.{kind.lower()}")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@both
def test_a_hollow_file_is_named(kind: str) -> None:
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100) if kind == "HEIC" else b"\xff\x0a" + bytes(100)
    with pytest.raises(FileFormatError, match=f"the {kind} file cannot be decoded"):
        decode_picture(data)


@both
def test_pillow_itself_stays_as_it_is(kind: str) -> None:
    data = encode_picture(IMAGE, kind)
    decode_picture(data)
    assert kind not in PilImage.SAVE
    assert "HEIF" not in PilImage.OPEN
