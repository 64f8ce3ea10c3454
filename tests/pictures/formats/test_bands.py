"""TIFF with more channels than colour and alpha, with 10 to 14 bits, with white as zero: nothing is lost or turned."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from covers import photograph
from PIL import Image as PilImage

from watermarking import Key, Marker
from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.pages import LONG, SHORT, first_page, rewritten
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.metadata import orient

if TYPE_CHECKING:
    from pathlib import Path

tifffile = pytest.importorskip("tifffile")

KEY = Key(bytes(range(16)))
Samples = np.ndarray[Any, Any]


def bands(n: int, dtype: str = "uint8", shape: tuple[int, int] = (48, 80)) -> Samples:
    top = np.iinfo(dtype).max
    return np.random.default_rng(n).integers(0, top, (*shape, n), dtype, endpoint=True)


def tiff(samples: Samples, **options: Any) -> bytes:
    buffer = io.BytesIO()
    writer = {name: options.pop(name) for name in ("byteorder", "bigtiff") if name in options}
    tifffile.imwrite(buffer, samples, **writer, **options)
    return buffer.getvalue()


def written(data: bytes) -> tuple[Samples, Any]:
    """Return what an independent reader finds."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        return page.asarray(), page


FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "Deflate": {"compression": "zlib"},
    "differences": {"compression": "zlib", "predictor": True},
    "tiles": {"tile": (16, 32)},
    "tiles of differences": {"tile": (32, 16), "compression": "zlib", "predictor": True, "byteorder": ">"},
    "strips": {"rowsperstrip": 7},
    "planes": {"planarconfig": "separate"},
    "planes of tiles": {"planarconfig": "separate", "tile": (16, 16), "compression": "zlib", "predictor": True},
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(
    ("photometric", "extra"),
    [
        ("rgb", ["unspecified"]),
        ("rgb", ["unspecified", "unspecified"]),
        ("rgb", ["unassalpha", "unspecified"]),
        ("rgb", ["unspecified", "unassalpha"]),
        ("minisblack", ["unspecified"]),
        ("minisblack", ["unspecified"] * 4),
        ("minisblack", ["unspecified", "unassalpha"]),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_other_channels_come_through(form: str, photometric: str, extra: list[str], dtype: str) -> None:
    n_colours = 3 if photometric == "rgb" else 1
    samples = bands(n_colours + len(extra), dtype)
    options = dict(FORMS[form])
    stored = samples.transpose(2, 0, 1) if options.get("planarconfig") == "separate" else samples
    picture = decode_picture(tiff(stored, photometric=photometric, extrasamples=extra, **options))
    alpha = [n_colours + extra.index("unassalpha")] if "unassalpha" in extra else []
    colours = samples[..., :n_colours]
    if alpha:
        colours = np.repeat(colours, 3 // n_colours, axis=2)
    expected = np.dstack([colours, samples[..., alpha]]) if alpha else colours
    assert np.array_equal(picture.array, expected[..., 0] if expected.shape[2] == 1 else expected)
    marked = picture.array.copy()
    marked[5, 7] ^= 3
    data = encode_picture(marked, "TIFF", like=picture)
    again, page = written(data)
    assert again.shape == samples.shape
    assert again.dtype == dtype
    assert [int(kind) for kind in page.extrasamples] == [{"unassalpha": 2}.get(kind, 0) for kind in extra]
    others = [i for i in range(n_colours, samples.shape[2]) if i not in alpha]
    assert np.array_equal(again[..., others], samples[..., others])
    assert (again != samples).any(axis=2).sum() == 1
    assert np.array_equal(decode_picture(data).array, marked)


@pytest.mark.parametrize("n_channels", [4, 5])
def test_marking_leaves_other_channels_alone(tmp_path: Path, n_channels: int) -> None:
    samples = np.dstack([photograph((300, 400, 3)), bands(n_channels - 3, shape=(300, 400))])
    path, out = tmp_path / "infrared.tif", tmp_path / "out.tif"
    path.write_bytes(tiff(samples, photometric="rgb", extrasamples=["unspecified"] * (n_channels - 3)))
    receipt = Marker(key=KEY, psnr=42.0).embed_file(path, out, "Ada")
    again, _ = written(out.read_bytes())
    assert np.array_equal(again[..., 3:], samples[..., 3:])
    assert receipt.psnr is not None
    assert 41.9 <= receipt.psnr <= 42.35
    assert Marker(key=KEY).extract_file(out).text == "Ada"
    for name in ("out.png", "out.jpg", "out.webp", "out.avif", "out.bmp"):
        with pytest.raises(FileFormatError, match=rf"does not hold the {n_channels - 3} channel.*: write TIFF"):
            Marker(key=KEY).embed_file(path, tmp_path / name, "Ada")
    picture = decode_picture(path.read_bytes())
    with pytest.raises(FileFormatError, match="keep size and type"):
        encode_picture(picture.array[1:], "TIFF", like=picture)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_channels_are_turned_together(dtype: str, orientation: int) -> None:
    samples = bands(5, dtype)
    data = tiff(samples, photometric="rgb", extrasamples=[0, 0], extratags=[(274, 3, 1, orientation, True)])
    picture = decode_picture(data)
    assert np.array_equal(picture.array, orient(samples[..., :3], orientation))
    assert picture.extra is not None
    assert np.array_equal(picture.extra, orient(samples[..., 3:], orientation))
    again, _ = written(encode_picture(picture.array, "TIFF", like=picture))
    assert np.array_equal(again, orient(samples, orientation))


def test_channels_that_cannot_be_kept_are_refused() -> None:
    for kinds in ([1, 0], [0, 1]):
        with pytest.raises(FileFormatError, match=r"premultiplied alpha .* more channels"):
            decode_picture(tiff(bands(5), photometric="rgb", extrasamples=kinds))
    two = tiff(bands(2), photometric="minisblack", extrasamples=[0])
    palette = rewritten(two, {262: (SHORT, (3,)), 320: (SHORT, (0,) * 768)})
    assert palette is not None
    with pytest.raises(FileFormatError, match="channels beside a palette"):
        decode_picture(palette)
    reversed_bits = rewritten(tiff(bands(4), photometric="rgb", extrasamples=[0]), {266: (SHORT, (2,))})
    assert reversed_bits is not None
    with pytest.raises(FileFormatError, match="4 channels of 8 bits is not read in this colour space, compression"):
        decode_picture(reversed_bits)
    many = tiff(bands(700, shape=(4, 8)), photometric="minisblack", extrasamples=[0] * 699)
    with pytest.raises(FileFormatError, match="8x4 pixels of 700 channels, the limit is 5000"):
        decode_picture(many, max_pixels=5000)


def packed(samples: Samples, bits: int, order: str = "<", photometric: int = 1) -> bytes:
    """Make a TIFF of samples (H, W) or (H, W, 3) that lie bit by bit behind each other, each row from a new byte."""
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    flags = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    content = np.packbits(flags.reshape(height, -1).astype(np.uint8), axis=1)
    n = rows.shape[1] // width
    data = rewritten(
        tiff(content, photometric="minisblack", byteorder=order),
        {
            256: (LONG, (width,)),
            258: (SHORT, (bits,) * n),
            262: (SHORT, (2 if n == 3 else photometric,)),
            277: (SHORT, (n,)),
        },
    )
    assert data is not None
    return data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_10_12_and_14_bits(bits: int, channels: int, order: str) -> None:
    shape = (31, 45) if channels == 1 else (31, 45, 3)
    samples = np.random.default_rng(bits).integers(0, 2**bits, shape, np.uint16)
    data = packed(samples, bits, order)
    picture = decode_picture(data)
    assert np.array_equal(picture.array, samples)
    assert picture.peak == 2**bits - 1
    if channels == 1 and bits == 12 and order == "<":  # the form that Pillow knows
        assert np.array_equal(PilImage.open(io.BytesIO(data)), samples)
    again = encode_picture(picture.array, "TIFF", like=picture)
    first = first_page(again)
    assert first is not None
    assert set(first.values(281)) == {2**bits - 1}
    assert np.array_equal(decode_picture(again).array, samples)
    assert decode_picture(again).peak == 2**bits - 1
    png = decode_picture(encode_picture(picture.array, "PNG", like=picture))
    assert np.array_equal(png.array, samples)
    assert png.peak == 2**bits - 1


def test_12_bits_are_marked_within_12_bits(tmp_path: Path) -> None:
    samples = np.rint(photograph((300, 400), "float64") * 1500).astype(np.uint16)  # a dark picture
    path, out = tmp_path / "x.tif", tmp_path / "y.tif"
    path.write_bytes(packed(samples, 12))
    receipt = Marker(key=KEY, psnr=42.0).embed_file(path, out, "Ada")
    marked, _ = written(out.read_bytes())
    error = float(np.mean((marked.astype(float) - samples) ** 2))
    assert 41.95 <= 10 * np.log10(4095**2 / error) <= 42.3
    assert receipt.psnr == pytest.approx(10 * np.log10(4095**2 / error))
    assert marked.max() <= 4095
    assert Marker(key=KEY).extract_file(out).text == "Ada"


def shown(data: bytes) -> Samples:
    """Return what a viewer shows, 0 black to 1 white, by an independent reader."""
    samples, page = written(data)
    top = 2.0**page.bitspersample - 1
    return 1 - samples / top if page.photometric == 0 else samples / top


@pytest.mark.parametrize("form", ["plain", "big-endian", "differences", "tiles"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_white_as_zero_stays_the_right_way_round(tmp_path: Path, dtype: str, form: str) -> None:
    path, out = tmp_path / "x.tif", tmp_path / "y.tif"
    path.write_bytes(tiff(photograph((256, 320), dtype), photometric="miniswhite", **FORMS[form]))
    before = shown(path.read_bytes())
    picture = decode_picture(path.read_bytes())
    assert np.allclose(picture.array / np.iinfo(dtype).max, before)
    Marker(key=KEY).embed_file(path, out, "Ada")
    assert np.abs(shown(out.read_bytes()) - before).max() < 0.1
    assert Marker(key=KEY).extract_file(out).text == "Ada"
    for name in ("y.png", "y.jpg")[: 2 if dtype == "uint8" else 1]:
        Marker(key=KEY).embed_file(path, tmp_path / name, "Ada")
        seen = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED) / np.iinfo(dtype).max
        assert np.abs(seen - before).max() < 0.15


def test_white_as_zero_in_1_bit_12_bits_and_with_channels() -> None:
    black = np.zeros((8, 16), np.uint8)
    black[2:4] = 1
    one_bit = packed(black, 1, photometric=0)
    assert np.array_equal(decode_picture(one_bit).array, 255 * (1 - black))
    twelve = np.random.default_rng(0).integers(0, 4096, (9, 14), np.uint16)
    assert np.array_equal(decode_picture(packed(twelve, 12, photometric=0)).array, 4095 - twelve)
    samples = bands(3, "uint16")
    picture = decode_picture(tiff(samples, photometric="miniswhite", extrasamples=[0, 0]))
    assert np.array_equal(picture.array, 65535 - samples[..., 0])
    assert picture.extra is not None
    assert np.array_equal(picture.extra, samples[..., 1:])


def test_a_stated_largest_sample_is_a_range() -> None:
    samples = np.full((6, 8), 900, np.uint16)
    for stated, peak in ((3071, 4095), (4095, 4095), (65535, 65535), (1, None)):
        picture = decode_picture(tiff(samples, photometric="minisblack", extratags=[(281, 3, 1, stated, True)]))
        assert picture.peak == peak
