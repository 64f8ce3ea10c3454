"""Samples and their coding through every format: bytes in, bytes out."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.picture import FORMATS, Picture

Samples = np.ndarray[Any, Any]
LOSSLESS = ("PNG", "TIFF", "BMP")
HOLDS = {
    ("PNG", "uint16"): {2, 3, 4},
    ("TIFF", "uint16"): {2, 3, 4},
    ("JPEG", "uint8"): {2, 3},
    ("BMP", "uint8"): {2, 3},
    **{(file_format, "uint8"): {2, 3, 4} for file_format in ("PNG", "WebP", "AVIF", "TIFF")},
}


def smooth(channels: int, dtype: str = "uint8", height: int = 48, width: int = 80) -> Samples:
    """Return a picture that lossy formats keep well; 2 stands for (H, W)."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (7 + c) + c) + np.cos(y / (9 - c)) for c in range(4)]
    samples = np.dstack(waves[:channels]) if channels > 2 else waves[0]
    top = np.iinfo(dtype).max
    image: Samples = ((samples + 2) / 4 * top).astype(dtype)
    if channels == 4:
        image[..., 3] = np.where(x < 10, 0, np.where(x > 40, top, image[..., 3]))
    return image


def saved(image: PilImage.Image, name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def rewritten(picture: Picture, **options: Any) -> Picture:
    return decode_picture(encode_picture(picture.array, picture.format, like=picture, **options))


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_samples_round_trip_or_are_refused(file_format: str, dtype: str, channels: int) -> None:
    image = smooth(channels, dtype)
    if channels not in HOLDS.get((file_format, dtype), set()):
        with pytest.raises(FileFormatError, match=r": write "):
            encode_picture(image, file_format)
        return
    picture = decode_picture(encode_picture(image, file_format))
    assert picture.format == file_format
    assert picture.array.dtype == dtype
    assert picture.array.flags.writeable
    if file_format in LOSSLESS:
        assert np.array_equal(picture.array, image)
    else:
        found = picture.array[..., 0] if file_format == "WebP" and channels == 2 else picture.array  # WebP has no grey
        seen = np.ones(found.shape, bool) if channels < 4 else np.broadcast_to(image[..., 3:] > 0, image.shape)
        assert np.abs(found.astype(int) - image)[seen].max() < 24
    if channels == 4:
        assert np.array_equal(picture.array[..., 3] == 0, image[..., 3] == 0)
    again = rewritten(picture)
    assert again.coding == picture.coding
    assert file_format not in LOSSLESS or np.array_equal(again.array, image)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9, 3), (9, 1, 3), (2, 5000, 3), (5000, 1)])
def test_odd_sizes(file_format: str, shape: tuple[int, ...]) -> None:
    image = np.full(shape, 100, np.uint8)
    assert decode_picture(encode_picture(image, file_format)).array.shape[:2] == shape[:2]


@pytest.mark.parametrize("file_format", ["JPEG", "WebP", "AVIF"])
def test_too_wide_a_strip_names_the_limit(file_format: str) -> None:
    with pytest.raises(FileFormatError, match=r"100000x2 pixels do not fit .*: write PNG or TIFF"):
        encode_picture(np.zeros((2, 100_000), np.uint8), file_format)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("channels", [2, 3])
def test_a_strip_100000_pixels_wide(file_format: str, channels: int) -> None:
    image = smooth(channels, height=2, width=100_000)
    assert np.array_equal(decode_picture(encode_picture(image, file_format)).array, image)


def test_opaque_alpha_is_dropped_where_none_can_be_held() -> None:
    image = smooth(4)
    image[..., 3] = 255
    assert np.array_equal(decode_picture(encode_picture(image, "BMP")).array, image[..., :3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": 0}, "quality is 0"),
        ({"quality": 101}, "quality is 101"),
        ({"subsampling": "4:1:1"}, "subsampling is 4:1:1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        encode_picture(smooth(3), "JPEG", **options)
    with pytest.raises(FileFormatError, match="GIF is not written"):
        encode_picture(smooth(3), "GIF")
    with pytest.raises(FileFormatError, match="float32 samples do not fit"):
        encode_picture(smooth(3).astype(np.float32) / 255, "PNG")


@pytest.mark.parametrize(("progressive", "optimize"), [(False, False), (False, True), (True, True)])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [40, 75, 96])
def test_jpeg_keeps_its_coding(quality: int, subsampling: str, progressive: bool, optimize: bool) -> None:
    texture = np.random.default_rng(3).normal(0, 12, (160, 240, 1))
    image = PilImage.fromarray(np.clip(smooth(3, height=160, width=240) + texture, 0, 255).astype(np.uint8))
    data = saved(image, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive, optimize=optimize)
    picture = decode_picture(data)
    again = encode_picture(picture.array, "JPEG", like=picture)
    assert decode_picture(again).coding == picture.coding
    assert picture.coding.subsampling == subsampling
    assert picture.coding.progressive == progressive
    assert picture.coding.optimized == optimize
    assert abs(len(again) / len(data) - 1) < 0.03
    changed = rewritten(picture, quality=60, subsampling="4:4:4").coding
    assert changed.subsampling == "4:4:4"
    assert changed.tables == decode_picture(saved(image, "JPEG", quality=60)).coding.tables


def test_jpeg_of_one_channel_and_from_other_formats() -> None:
    grey = decode_picture(saved(PilImage.fromarray(smooth(2)), "JPEG", quality=50))
    assert grey.array.ndim == 2
    assert rewritten(grey).coding == grey.coding
    made = decode_picture(encode_picture(smooth(3), "JPEG", like=decode_picture(encode_picture(smooth(3), "PNG"))))
    assert made.coding.subsampling == "4:4:4"
    assert made.coding.tables == decode_picture(saved(PilImage.new("RGB", (8, 8)), "JPEG", quality=95)).coding.tables


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_avif_keeps_subsampling(subsampling: str) -> None:
    picture = decode_picture(saved(PilImage.fromarray(smooth(3)), "AVIF", quality=80, subsampling=subsampling))
    assert picture.coding.subsampling == subsampling
    assert rewritten(picture).coding == picture.coding


@pytest.mark.parametrize("metadata", [{}, {"xmp": b"<x/>"}], ids=["simple", "extended"])
def test_lossless_webp_stays_exact(metadata: dict[str, Any]) -> None:
    image = smooth(4)
    data = saved(PilImage.fromarray(image), "WEBP", lossless=True, exact=True, **metadata)
    picture = decode_picture(data)
    assert picture.coding.lossless
    assert np.array_equal(rewritten(picture).array, image)
    assert not rewritten(picture, quality=80).coding.lossless


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_tiff_keeps_lossless_compression(compression: str) -> None:
    picture = decode_picture(saved(PilImage.fromarray(smooth(3)), "TIFF", compression=compression))
    assert picture.coding.compression == compression
    again = rewritten(picture)
    assert again.coding.compression == (compression if compression != "jpeg" else "tiff_adobe_deflate")
    assert np.array_equal(again.array, picture.array)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_grey_with_alpha_comes_back_as_such(name: str) -> None:
    image = PilImage.fromarray(smooth(4)).convert("LA")
    picture = decode_picture(saved(image, name))
    assert picture.array.shape == (48, 80, 4)
    with PilImage.open(io.BytesIO(encode_picture(picture.array, name, like=picture))) as again:
        assert again.mode == "LA"
        assert np.array_equal(np.asarray(again), np.asarray(image))
    picture.array[0, 0, 0] ^= 255  # a colour, which must not be lost
    assert np.array_equal(rewritten(picture).array, picture.array)


def png16(samples: Samples, colour_type: int, transparent: Samples | None = None) -> bytes:
    height, width = samples.shape[:2]

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
    colour = b"" if transparent is None else chunk(b"tRNS", transparent.astype(">u2").tobytes())
    return b"\x89PNG\r\n\x1a\n" + head + colour + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_16_bit_png_of_every_colour_type() -> None:
    rng = np.random.default_rng(4)
    grey, grey_alpha, colour, colour_alpha = (rng.integers(0, 2**16, (5, 7, n), np.uint16) for n in (1, 2, 3, 4))
    assert np.array_equal(decode_picture(png16(grey, 0)).array, grey[..., 0])
    assert np.array_equal(decode_picture(png16(colour, 2)).array, colour)
    assert np.array_equal(decode_picture(png16(colour_alpha, 6)).array, colour_alpha)
    assert np.array_equal(decode_picture(png16(grey_alpha, 4)).array, grey_alpha[..., [0, 0, 0, 1]])
    keyed = decode_picture(png16(colour, 2, colour[2, 3])).array
    assert np.array_equal(keyed[..., :3], colour)
    assert np.argwhere(keyed[..., 3] == 0).tolist() == [[2, 3]]
    with pytest.raises(FileFormatError, match="transparent colour"):
        decode_picture(png16(grey, 0, grey[2, 3]))


def test_16_bit_tiff_is_read_by_others_and_from_others() -> None:
    tifffile = pytest.importorskip("tifffile")
    for channels in (2, 3, 4):
        image = smooth(channels, "uint16")
        for source in (None, decode_picture(saved(PilImage.new("RGB", (8, 8)), "TIFF", compression="raw"))):
            data = encode_picture(image, "TIFF", like=source)
            assert np.array_equal(tifffile.imread(io.BytesIO(data)), image)
    for options in (
        {"byteorder": ">"},
        {"compression": "zlib", "predictor": True},
        {"tile": (16, 16)},
        {"bigtiff": True},
    ):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, smooth(3, "uint16"), photometric="rgb", **options)
        assert np.array_equal(decode_picture(buffer.getvalue()).array, smooth(3, "uint16"))


def test_16_bit_tiff_with_premultiplied_alpha_is_refused() -> None:
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((8, 8, 4), np.uint16), photometric="rgb", extrasamples=["assocalpha"])
    with pytest.raises(FileFormatError, match=r"premultiplied alpha .*: save it with straight alpha"):
        decode_picture(buffer.getvalue())
