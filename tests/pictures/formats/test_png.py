"""PNG chunks beyond Pillow's limits are read and kept; the bits that a file says it uses are its samples' range."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from covers import photograph
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage
from PIL import ImageCms, PngImagePlugin

from watermarking import Key, Marker
from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.png import png_chunks
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.png import significant_bits, significant_bits_chunk, without_large_chunks

if TYPE_CHECKING:
    from pathlib import Path

KEY = Key(bytes(16))
IMAGE = photograph((256, 320, 3))
MB = 2**20
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
Samples = np.ndarray[Any, Any]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks: tuple[bytes, bytes], image: Samples = IMAGE, behind: bool = False) -> bytes:
    """Return a PNG file with chunks put in before its samples, or behind them."""
    buffer = io.BytesIO()
    PilImage.fromarray(image).save(buffer, "PNG")
    data, added = buffer.getvalue(), b"".join(chunk(*one) for one in chunks)
    return data[:-12] + added + data[-12:] if behind else data[:33] + added + data[33:]


def kinds(data: bytes) -> list[bytes]:
    return [kind for kind, _, _ in png_chunks(data)]


def compressed(text: bytes) -> bytes:
    return zlib.compress(text, 9)


LARGE = {
    "zTXt": (b"zTXt", b"workflow\0\0" + compressed(b"x" * (2 * MB))),
    "iTXt": (b"iTXt", b"workflow\0\1\0en\0\0" + compressed(b"x" * (2 * MB))),
    "iTXt, plain": (b"iTXt", b"workflow\0\0\0en\0\0" + b"x" * (2 * MB)),
    "tEXt": (b"tEXt", b"workflow\0" + b"x" * (2 * MB)),
    "bomb": (b"zTXt", b"bomb\0\0" + compressed(bytes(80 * MB))),
}


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("name", LARGE)
def test_large_texts_are_kept(tmp_path: Path, name: str, behind: bool) -> None:
    limits = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    path, out = tmp_path / "x.png", tmp_path / "y.png"
    path.write_bytes(png(LARGE[name], behind=behind))
    Marker(key=KEY).embed_file(path, out, "Ada")
    assert Marker(key=KEY).extract_file(out).text == "Ada"
    assert chunk(*LARGE[name]) in out.read_bytes()
    assert limits == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)


def test_many_texts_are_kept() -> None:
    texts = [(b"tEXt", b"%d\0" % n + bytes([65 + n]) * MB) for n in range(25)]
    many = [*texts, (b"zTXt", b"z\0\0" + compressed(b"z" * MB)), *((kind, b"a" + text) for kind, text in texts * 2)]
    data = png(*many)
    with pytest.raises(ValueError, match="MAX_TEXT_MEMORY"):
        PilImage.open(io.BytesIO(data))
    again = encode_picture(IMAGE, "PNG", like=decode_picture(data))
    assert kinds(again).count(b"tEXt") == 75
    assert kinds(again).count(b"zTXt") == 1


def test_a_large_profile_and_large_xmp_are_read() -> None:
    profile = ICC[:-4] + bytes(3 * MB)
    profile = struct.pack(">I", len(profile)) + profile[4:]
    xmp = b"<x:xmpmeta>" + b" " * (3 * MB) + b"</x:xmpmeta>"
    for compress in (False, True):
        text = b"XML:com.adobe.xmp\0" + (b"\1\0\0\0" + compressed(xmp) if compress else b"\0\0\0\0" + xmp)
        data = png((b"iCCP", b"a name\0\0" + compressed(profile)), (b"iTXt", text))
        metadata = decode_picture(data).metadata
        assert metadata.icc == profile
        assert metadata.xmp == xmp
        assert sum(kind == b"iTXt" for kind, _ in metadata.chunks) == 0  # it has a field of its own


def test_a_profile_that_fills_the_memory_is_refused() -> None:
    data = png((b"iCCP", b"a name\0\0" + compressed(bytes(80 * MB))))
    with pytest.raises(
        FileFormatError, match="colour profile of the PNG file is larger than 67108864 bytes: remove it"
    ):
        decode_picture(data)


def test_small_chunks_are_left_to_pillow() -> None:
    data = png((b"tEXt", b"a\0b"), (b"zTXt", b"c\0\0" + compressed(b"d")), (b"iTXt", b"e\0\1\0\0\0" + b"no zlib"))
    assert without_large_chunks(data) == data


@given(st.lists(st.tuples(st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"sBIT"]), st.binary(max_size=40))))
def test_any_chunks_pass(chunks: list[tuple[bytes, bytes]]) -> None:
    data = png(*chunks, image=IMAGE[:8, :8])
    assert without_large_chunks(data) == data
    bits = significant_bits(data)
    assert bits is None or 1 <= bits <= 8


def sixteen(bits: int, shape: tuple[int, ...] = (256, 320)) -> Samples:
    return np.rint(photograph(shape, "float64") * (2**bits - 1)).astype(np.uint16)


@pytest.mark.parametrize(
    ("channels", "chunk_content"),
    [(1, b"\x0c"), (3, b"\x0c\x0b\x0c"), (4, b"\x0c\x0c\x0c\x10")],
    ids=["grey", "RGB", "RGBA"],
)
def test_the_bits_that_are_said_are_the_range(tmp_path: Path, channels: int, chunk_content: bytes) -> None:
    cover = sixteen(12, (256, 320) if channels == 1 else (256, 320, channels)) // 5  # dark: only sBIT tells the range
    plain = encode_picture(cover, "PNG")
    path, out = tmp_path / "x.png", tmp_path / "y.png"
    path.write_bytes(plain[:33] + chunk(b"sBIT", chunk_content) + plain[33:])
    receipt = Marker(key=KEY, psnr=42.0).embed_file(path, out, "Ada")
    picture = decode_picture(out.read_bytes())
    assert picture.peak == 4095
    colours = slice(None) if channels == 1 else (..., slice(3))
    error = float(np.mean((picture.array[colours].astype(float) - cover[colours]) ** 2))
    assert 41.95 <= 10 * np.log10(4095**2 / error) <= 42.3
    assert receipt.psnr == pytest.approx(10 * np.log10(4095**2 / error))
    assert picture.array.max() <= 4095
    assert Marker(key=KEY).extract_file(out).text == "Ada"
    assert significant_bits(out.read_bytes()) == 12
    found = [out.read_bytes()[a + 8 : b - 4] for kind, a, b in png_chunks(out.read_bytes()) if kind == b"sBIT"]
    assert found == [chunk_content.replace(b"\x0b", b"\x0c")]
    assert kinds(out.read_bytes()).index(b"sBIT") < kinds(out.read_bytes()).index(b"IDAT")


def test_12_bits_that_are_spread_over_16_are_full_range() -> None:
    low = sixteen(12).astype(np.uint32)
    spread = ((low << 4) | (low >> 8)).astype(np.uint16)
    plain = encode_picture(spread, "PNG")
    picture = decode_picture(plain[:33] + chunk(b"sBIT", b"\x0c") + plain[33:])
    assert picture.peak is None
    assert significant_bits(encode_picture(spread, "PNG", like=picture)) == 12


def test_bits_that_a_mark_would_not_show_in_are_not_claimed() -> None:
    for depth, content in ((8, b"\5\6\5"), (8, b"\0\0\0"), (8, b"\x09\x09\x09"), (8, b"")):
        assert depth == 8
        picture = decode_picture(png((b"sBIT", content)))
        assert picture.peak is None
        assert b"sBIT" not in kinds(encode_picture(IMAGE, "PNG", like=picture))
    picture = decode_picture(png((b"sBIT", b"\x08\x08\x08")))
    grey = encode_picture(IMAGE[..., 0], "PNG", like=picture)
    assert b"sBIT\x08" in grey
    assert significant_bits_chunk(8, "LA", 8) == b"\x08\x08"


def test_a_field_case_of_12_bits_in_16() -> None:
    """As a public bug report has it: no sBIT, samples up to 4080."""
    cover = photograph((300, 451)).astype(np.uint16) * 16
    marker = Marker(key=KEY, psnr=42.0)
    data = marker.embed_bytes(encode_picture(cover, "PNG"), "Ada")
    marked = decode_picture(data).array
    assert marked.max() <= 4095
    for peak in (4080, 4095):
        assert 41.95 <= 10 * np.log10(peak**2 / np.mean((marked.astype(float) - cover) ** 2)) <= 42.3
    assert marker.extract_bytes(data).text == "Ada"


ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row and column of each pass, and its steps."""


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (70, 131)])
@pytest.mark.parametrize(("channels", "colour_type"), [(2, 4), (3, 2), (4, 6)])
def test_16_bits_in_passes(channels: int, colour_type: int, size: tuple[int, int]) -> None:
    samples = np.random.default_rng(7).integers(0, 2**16, (*size, channels), np.uint16)
    parts = [samples[row::down, column::across] for row, column, down, across in ADAM7]
    rows = [b"\0" + row.astype(">u2").tobytes() for part in parts if part.size for row in part]
    head = struct.pack(">IIBBBBB", size[1], size[0], 16, colour_type, 0, 0, 1)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")
    picture = decode_picture(b"\x89PNG\r\n\x1a\n" + content)
    assert np.array_equal(picture.array, samples[..., [0, 0, 0, 1]] if channels == 2 else samples)


def test_nothing_is_printed_about_a_damaged_file(capfd: pytest.CaptureFixture[str]) -> None:
    data = encode_picture(sixteen(16, (40, 50, 3)), "PNG")
    for end in (60, len(data) // 2, len(data) - 400):
        with pytest.raises(FileFormatError):
            decode_picture(data[:end])
    odd = data[:33] + chunk(b"tIME", b"?") + chunk(b"iCCP", b"x\0\0no zlib") + chunk(b"gAMA", bytes(4)) + data[33:]
    assert decode_picture(odd).array.shape == (40, 50, 3)
    assert capfd.readouterr() == ("", "")
