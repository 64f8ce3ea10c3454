"""PNG chunks: carried to PNG, turned into what other formats hold, or named; colours are never taken for others."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageCms
from specimens import blocks, chunk, png, resource, saved

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.png import inflate, png_chunks
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture

OTHERS = ("JPEG", "WebP", "AVIF", "TIFF", "BMP")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MASTERING = struct.pack(">8H2I", *range(1000, 9000, 1000), 10_000_000, 50)
PQ, HLG, P3, BT2020, BT709 = (
    bytes(code) for code in ((9, 16, 0, 1), (9, 18, 0, 1), (12, 13, 0, 1), (9, 1, 0, 1), (1, 13, 0, 1))
)


def chunks_of(data: bytes) -> dict[bytes, bytes]:
    return {kind: data[start + 8 : end - 4] for kind, start, end in png_chunks(data)}


def written(data: bytes, file_format: str = "PNG") -> bytes:
    picture = decode_picture(data)
    return encode_picture(picture.array, file_format, like=picture)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"cICP", PQ), (b"mDCV", MASTERING), (b"mDCv", MASTERING), (b"cLLI", bytes(8)), (b"cLLi", bytes(8)),
        (b"sRGB", b"\1"), (b"gAMA", struct.pack(">I", 60_000)), (b"tIME", struct.pack(">HBBBBB", 2026, 1, 2, 3, 4, 5)),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
        (b"pHYs", struct.pack(">IIB", 2, 1, 0)), (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"sCAL", b"\x011.5\x002.5"), (b"oFFs", struct.pack(">iiB", 3, -4, 0)), (b"npTc", b"Android's nine patches"),
        (b"bKGD", struct.pack(">3H", 1, 128, 255)), (b"tEXt", b"Title\0Gr\xfc\xdfe"),
    ],
    ids=lambda value: value.decode() if len(value) == 4 and value.isalpha() else "",
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_chunks_stay_in_png(kind: bytes, content: bytes, dtype: str) -> None:
    picture = decode_picture(png((kind, content)))
    array = blocks().astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = chunks_of(encode_picture(array, "PNG", like=picture))
    if kind == b"bKGD" and dtype == "uint16":
        content = struct.pack(">3H", *(value * 257 for value in struct.unpack(">3H", content)))
    assert found[kind] == content
    assert len(found) == 4


def test_a_background_follows_the_kind_of_samples() -> None:
    palette = PilImage.fromarray(blocks()).quantize(8)
    data = io.BytesIO()
    palette.save(data, "PNG")
    first = chunks_of(data.getvalue())[b"PLTE"][3:6]
    place = data.getvalue().index(b"IDAT") - 4
    file = data.getvalue()[:place] + chunk(b"bKGD", b"\1") + data.getvalue()[place:]
    assert chunks_of(written(file))[b"bKGD"] == struct.pack(">3H", *first)
    grey = png((b"bKGD", struct.pack(">H", 200)), array=blocks()[..., 0])
    assert chunks_of(written(grey))[b"bKGD"] == struct.pack(">H", 200)
    assert b"hIST" not in chunks_of(written(png((b"hIST", bytes(16)))))


@pytest.mark.parametrize("coded", [PQ, HLG, bytes((9, 13, 0, 0)), bytes((9, 13, 9, 1)), bytes((10, 8, 0, 1))])
@pytest.mark.parametrize("file_format", OTHERS)
def test_colours_that_no_profile_describes_are_refused(file_format: str, coded: bytes) -> None:
    with pytest.raises(FileFormatError, match=rf"cICP {coded[0]}/.* in {file_format} others .*: write PNG, or convert"):
        written(png((b"cICP", coded)), file_format)


def colour_shown(data: bytes, pixel: tuple[int, int, int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the Lab colour that a file's profile gives a pixel; of sRGB where it has none."""
    with PilImage.open(io.BytesIO(data)) as image:
        profile = image.info.get("icc_profile") or SRGB
    lab = ImageCms.createProfile("LAB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(
        source, lab, "RGB", "LAB", renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    found = ImageCms.applyTransform(PilImage.new("RGB", (1, 1), pixel), transform)
    assert found is not None
    lightness, *opponents = np.asarray(found).ravel()
    return np.array([lightness / 2.55, *(float(np.int8(int(value) - 256 * (value > 127))) for value in opponents)])


def lab_of(
    pixel: tuple[int, int, int], xyz_of_linear: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> list[float]:
    """Return CIE Lab of a pixel with the curve of sRGB, from the matrix of its primaries under D65."""
    coded = np.array(pixel) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    bradford = np.array(
        [[1.0479298, 0.0229468, -0.0501922], [0.0296278, 0.9904345, -0.0170738], [-0.0092430, 0.0150552, 0.7518743]]
    )
    ratio = bradford @ xyz_of_linear @ linear / np.array([0.9642, 1.0, 0.8249])
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]


P3_TO_XYZ = np.array(
    [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0.0, 0.0451134, 1.0439444]]
)
BT2020_TO_XYZ = np.array(
    [[0.6369580, 0.1446169, 0.1688810], [0.2627002, 0.6779981, 0.0593017], [0.0, 0.0280727, 1.0609851]]
)
"""Published matrices: of Display P3 in CSS Color 4, of ITU-R BT.2020."""


@pytest.mark.parametrize(
    ("coded", "matrix"), [(P3, P3_TO_XYZ), (bytes((9, 13, 0, 1)), BT2020_TO_XYZ)], ids=["P3", "BT.2020"]
)
@pytest.mark.parametrize("file_format", ["JPEG", "WebP", "AVIF", "TIFF"])
def test_wider_colours_become_a_profile(
    file_format: str, coded: bytes, matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    data = written(png((b"cICP", coded)), file_format)
    for pixel in [(200, 60, 40), (40, 180, 90), (20, 30, 190), (128, 128, 128)]:
        assert np.abs(colour_shown(data, pixel) - lab_of(pixel, matrix)).max() < 1.5
    with pytest.raises(FileFormatError, match="BMP cannot say what the colours are"):
        written(png((b"cICP", coded)), "BMP")


@pytest.mark.parametrize("file_format", ["JPEG", "WebP", "AVIF", "TIFF"])
def test_gamma_and_primaries_become_a_profile(file_format: str) -> None:
    linear = png((b"gAMA", struct.pack(">I", 100_000)))
    grey = colour_shown(written(linear, file_format), (55, 55, 55))
    assert grey[0] == pytest.approx(116 * np.cbrt(55 / 255) - 16, abs=1)
    primaries = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    data = written(png((b"cHRM", primaries), (b"gAMA", struct.pack(">I", 45455))), file_format)
    assert np.abs(colour_shown(data, (200, 60, 40)) - lab_of((200, 60, 40), P3_TO_XYZ)).max() < 1.5
    for usual in ((b"gAMA", struct.pack(">I", 45455)), (b"cICP", BT709), (b"sRGB", b"\0")):
        assert not decode_picture(written(png(usual), file_format)).metadata.icc
    senseless = struct.pack(">8I", *[31270] * 8)
    assert not decode_picture(written(png((b"cHRM", senseless)), file_format)).metadata.icc


def test_grey_gets_a_profile_of_grey() -> None:
    data = written(png((b"gAMA", struct.pack(">I", 100_000)), array=blocks()[..., 0]), "JPEG")
    icc = decode_picture(data).metadata.icc
    assert icc[16:20] == b"GRAY"
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "L", "RGB")
    assert np.asarray(ImageCms.applyTransform(PilImage.new("L", (1, 1), 55), transform)).ravel()[0] == pytest.approx(
        128, abs=2
    )


def test_a_profile_stands_for_a_code_and_the_code_is_named() -> None:
    profile = b"name\0\0" + zlib.compress(SRGB)
    with pytest.warns(UserWarning, match=r"JPEG file cannot hold code of the colours \(cICP\): left out"):
        data = written(png((b"iCCP", profile), (b"cICP", PQ)), "JPEG")
    assert decode_picture(data).metadata.icc == SRGB


def test_what_only_png_holds_is_named_once() -> None:
    texts = [(b"tEXt", b"Title\0a"), (b"tEXt", b"Software\0b"), (b"zTXt", b"workflow\0\0" + zlib.compress(b"{}"))]
    lights = [(b"mDCV", MASTERING), (b"cLLI", bytes(8))]
    file = png((b"tIME", bytes(7)), *lights, *texts, (b"tEXt", b"Comment\0caf\xe9"), (b"bKGD", bytes(6)))
    expected = (
        r"WebP file cannot hold text \(Title, Software, workflow\), time of the last change, mastering display "
        r"\(mDCV\), light levels \(cLLI\), comment: left out$"
    )
    with pytest.warns(UserWarning, match=expected) as caught:
        written(file, "WebP")
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="JPEG file cannot hold text"):
        data = written(file, "JPEG")
    assert decode_picture(data).metadata.comments == ("caf\xe9".encode(),)
    with PilImage.open(io.BytesIO(written(data, "PNG"))) as image:
        assert image.text == {"Comment": "caf\xe9"}


def test_chunks_that_no_longer_hold_are_left_out_and_named() -> None:
    with pytest.warns(UserWarning, match=r"PNG chunk mkBF, digital signature.* cannot be carried over: left out"):
        data = written(png((b"mkBF", b"layers of Fireworks"), (b"dSIG", bytes(40)), (b"vpAg", bytes(9))))
    assert b"vpAg" in chunks_of(data)
    assert not {b"mkBF", b"dSIG"} & chunks_of(data).keys()
    assert b"iDOT" not in chunks_of(written(png((b"iDOT", bytes(28)))))


@pytest.mark.parametrize("file_format", ["PNG", "WebP"])
def test_what_lies_behind_the_end_is_left_out_and_named(file_format: str) -> None:
    data = saved(blocks(), file_format.upper(), lossless=True)
    for behind in (b"", bytes(10), b"trailing rubbish" * 3):  # zeros are nothing that is lost
        picture = decode_picture(data + behind)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            written = encode_picture(picture.array, file_format, like=picture)
        named = ["data behind the end of the picture cannot be carried over: left out"] if any(behind) else []
        assert [str(one.message) for one in said] == named
        assert b"rubbish" not in written


def test_resolution_and_ratio_go_where_they_can() -> None:
    ratio = png((b"pHYs", struct.pack(">IIB", 3, 2, 0)))
    assert written(ratio, "JPEG")[13:18] == struct.pack(">BHH", 0, 3, 2)
    assert chunks_of(written(written(ratio, "JPEG")))[b"pHYs"] == struct.pack(">IIB", 3, 2, 0)
    assert decode_picture(written(ratio, "TIFF")).metadata.aspect == (3, 2)
    with pytest.warns(UserWarning, match="WebP file cannot hold ratio of the dots: left out"):
        written(ratio, "WebP")
    with pytest.warns(UserWarning, match="WebP file cannot hold resolution: left out"):
        written(png((b"pHYs", struct.pack(">IIB", 11811, 11811, 1))), "WebP")


def test_profiles_as_imagemagick_writes_them() -> None:
    def raw(name: bytes, content: bytes) -> tuple[bytes, bytes]:
        digits = b"\n".join(content.hex().encode()[at : at + 72] for at in range(0, 2 * len(content), 72))
        return b"zTXt", b"Raw profile type " + name + b"\0\0" + zlib.compress(
            b"\n%s\n%8d\n%s\n" % (name, len(content), digits)
        )

    exif = PilImage.Exif()
    exif[0x010E], exif[0x0112] = "a title", 6
    caption = b"\x1c\x02\x78\0\2ab"
    file = png(raw(b"exif", exif.tobytes()), raw(b"iptc", caption), raw(b"other", b"12"), raw(b"icm", SRGB))
    picture = decode_picture(file)
    assert picture.array.shape == (64, 32, 3)
    assert picture.metadata.icc == SRGB
    assert picture.metadata.photoshop == resource(0x0404, caption)
    found = chunks_of(encode_picture(picture.array, "PNG", like=picture))
    assert found[b"eXIf"].endswith(b"a title\0")
    texts = [content for kind, content in picture.metadata.chunks]
    assert [text.partition(b"\0")[0] for text in texts] == [b"Raw profile type other"]
    packet = b"http://ns.adobe.com/xap/1.0/\0<x/>"
    assert decode_picture(png(raw(b"APP1", packet))).metadata.xmp == b"<x/>"
    broken = (b"tEXt", b"Raw profile type exif\0\nexif\n 4\nzz")
    assert decode_picture(png(broken)).metadata.chunks == (broken,)


def test_damaged_and_huge_chunks_are_no_reason_to_fail() -> None:
    assert inflate(zlib.compress(b"abc")) == b"abc"
    assert inflate(zlib.compress(b"abc")[:-2]) == b""
    assert inflate(b"no zlib") == b""
    for content in (b"", b"\0", b"x\0\0", b"x" * 30):
        for kind in (b"pHYs", b"bKGD", b"cICP", b"gAMA", b"cHRM", b"tIME"):
            with warnings.catch_warnings(), suppress(FileFormatError):
                warnings.simplefilter("ignore")
                file = saved(blocks(), "PNG")
                place = len(file) - 12
                for target in ("PNG", "JPEG"):
                    written(file[:place] + chunk(kind, content) + file[place:], target)
