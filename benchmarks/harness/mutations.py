"""Small picture files of every format, and what damage, malice and bad programs make of them."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from PIL import Image as PilImage
from PIL import PngImagePlugin

from watermarking.pictures.formats.containers.boxes import boxes
from watermarking.pictures.formats.containers.pages import SHORT, pages, rewritten
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.extras import EXTRA_FORMATS, is_available

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Chooser", "mutated", "seeds"]

_SHAPE: Final = (128, 144)
"""The smallest pictures that hold a message, so that marking is tried as well."""
_EXTREMES: Final = (0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)


class Chooser(Protocol):
    """Where choices come from: a generator of random numbers, or a property-based test that shrinks them."""

    def whole(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        ...


def seeds() -> dict[str, bytes]:
    """Return a file of every kind that a reader has a way of its own for, by name; the format comes first."""
    y, x = np.mgrid[: _SHAPE[0], : _SHAPE[1]]
    waves = [np.sin(x / (7 + c) + c) + np.cos(y / (9 - c)) for c in range(4)]
    image = ((np.dstack(waves) + 2) / 4 * 255).astype(np.uint8)
    rng = np.random.default_rng(6)
    image = np.clip(image.astype(int) + rng.integers(-6, 7, image.shape), 0, 255).astype(np.uint8)
    made = dict(_plain(image))
    colour = image[..., :3]
    deep = colour.astype(np.uint16) * 257
    for name, samples, file_format in (
        ("PNG 16", deep, "PNG"),
        ("PNG 16 grey", deep[..., 0], "PNG"),
        ("PNG 16 alpha", np.dstack([deep, deep[..., 0]]), "PNG"),
        ("TIFF 16", deep, "TIFF"),
        ("TIFF 16 grey", deep[..., 0], "TIFF"),
    ):
        made[name] = encode_picture(samples, file_format)
    made["TIFF white is zero"] = _changed(made["TIFF 16 grey"], {262: (SHORT, (0,))})
    made["TIFF infrared"] = _changed(_saved(image, "TIFF", compression="tiff_lzw"), {338: (SHORT, (0,))})
    made["TIFF 12"] = _twelve_bits(image[..., 0])
    for name in EXTRA_FORMATS:
        if is_available(name):
            like = decode_picture(made["WebP"])  # whose metadata all fit
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the profile is none, which is said
                made[name] = encode_picture(colour, name, like=like)
            made[f"{name} alpha"] = encode_picture(image, name)
            made[f"{name} grey"] = encode_picture(image[..., 0], name)
    return made


def mutated(data: bytes, choose: Chooser) -> bytes:
    """Return a file with one to three changes in it, most often one."""
    for _ in range(max(1, choose.whole(-1, 3))):
        data = _CHANGES[choose.whole(0, len(_CHANGES) - 1)](data, choose)
    return _with_checksums(data) if choose.whole(0, 4) else data


def _plain(image: np.ndarray[Any, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield what Pillow writes, with metadata where it may be."""
    colour, grey = image[..., :3], image[..., 0]
    exif = PilImage.Exif()
    exif[0x010E], exif[0x0112] = "a title", 6
    extras: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": b"p" * 200, "xmp": b"<x:xmpmeta/>"}
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a text", zip=True)
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    yield "JPEG", _saved(colour, "JPEG", dpi=(300, 300), comment=b"a comment", **extras)
    yield "JPEG progressive", _saved(colour, "JPEG", progressive=True, subsampling="4:2:0")
    yield "JPEG grey", _saved(grey, "JPEG")
    yield "JPEG several", _saved(colour, "MPO", save_all=True, append_images=[PilImage.fromarray(grey)])
    yield "PNG", _saved(colour, "PNG", pnginfo=text, dpi=(300, 300), exif=exif.tobytes(), icc_profile=b"p" * 200)
    yield "PNG alpha", _saved(image, "PNG")
    palette = io.BytesIO()
    PilImage.fromarray(colour).quantize(64).save(palette, "PNG", transparency=3)
    yield "PNG palette", palette.getvalue()
    yield "WebP", _saved(colour, "WEBP", quality=80, **extras)
    yield "WebP lossless", _saved(image, "WEBP", lossless=True, exact=True)
    yield "AVIF", _saved(colour, "AVIF", quality=70, speed=10, **extras)
    yield "AVIF alpha", _saved(image, "AVIF", quality=70, speed=10)
    yield "TIFF", _saved(colour, "TIFF", dpi=(300, 300), exif=exif)
    yield "TIFF LZW", _saved(image, "TIFF", compression="tiff_lzw")
    yield "TIFF Deflate", _saved(colour, "TIFF", compression="tiff_adobe_deflate")
    yield "TIFF JPEG", _saved(colour, "TIFF", compression="jpeg")
    yield "TIFF grey", _saved(grey, "TIFF")
    yield "TIFF big", _saved(colour, "TIFF", big_tiff=True)
    yield "BMP", _saved(colour, "BMP", dpi=(300, 300))
    yield "BMP grey", _saved(grey, "BMP")


def _saved(image: np.ndarray[Any, Any], name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(image).save(buffer, name, **options)
    return buffer.getvalue()


def _twelve_bits(grey: np.ndarray[Any, Any]) -> bytes:
    """Return a TIFF whose samples take 12 bits each."""
    bits = (grey.astype(np.uint16)[..., None] * 16 >> np.arange(11, -1, -1)) & 1
    packed = np.packbits(bits.reshape(grey.shape[0], -1).astype(np.uint8), axis=1)
    return _changed(_saved(packed, "TIFF"), {258: (SHORT, (12,)), 256: (SHORT, (grey.shape[1],))})


def _changed(data: bytes, changes: dict[int, tuple[int, tuple[int, ...]] | None]) -> bytes:
    found = rewritten(data, changes)
    assert found is not None, "what Pillow writes has a directory"
    return found


def _place(data: bytes | bytearray, choose: Chooser) -> int:
    """Return a place in a file, half of the time among its first bytes, where formats keep what they say."""
    last = max(0, len(data) - 1)
    return choose.whole(0, min(last, 600)) if choose.whole(0, 1) else choose.whole(0, last)


def _flip(data: bytes, choose: Chooser) -> bytes:
    out = bytearray(data or b"\0")
    for _ in range(choose.whole(1, 8)):
        out[_place(out, choose)] = choose.whole(0, 255)
    return bytes(out)


def _set_number(data: bytes, choose: Chooser) -> bytes:
    """Write an extreme number, of 1, 2 or 4 bytes in either order: lengths, counts, offsets, sizes."""
    code = ("B", ">H", "<H", ">I", "<I")[choose.whole(0, 4)]
    value = _EXTREMES[choose.whole(0, len(_EXTREMES) - 1)] % 256 ** struct.calcsize(code)
    place, content = _place(data, choose), struct.pack(code, value)
    return data[:place] + content + data[place + len(content) :]


def _cut(data: bytes, choose: Chooser) -> bytes:
    return data[: _place(data, choose)]


def _append(data: bytes, choose: Chooser) -> bytes:
    return data + bytes([choose.whole(0, 255)]) * choose.whole(1, 5000)


def _move_block(data: bytes, choose: Chooser) -> bytes:
    """Repeat, remove or move some bytes, whatever they are."""
    start = _place(data, choose)
    block = data[start : start + choose.whole(1, 400)]
    without = data[:start] + data[start + len(block) :]
    what, place = choose.whole(0, 2), _place(data, choose)
    return without if what == 0 else (without, data)[what - 1][:place] + block + (without, data)[what - 1][place:]


def _change_part(data: bytes, choose: Chooser) -> bytes:
    """Repeat, remove, move or spoil a chunk, segment, box or directory entry."""
    parts = list(_parts(data))
    if not parts:
        return _flip(data, choose)
    start, end = parts[choose.whole(0, len(parts) - 1)]
    other = parts[choose.whole(0, len(parts) - 1)][0]
    part, what = data[start:end], choose.whole(0, 4)
    if what == 0:
        return data[:start] + data[end:]
    if what == 1:
        return data[:other] + part + data[other:]
    if what == 2:
        return data[:end] + part * choose.whole(1, 20) + data[end:]
    changed = (_set_number, _flip)[what - 3](part, choose)
    return data[:start] + changed + data[end:]


_CHANGES: Final[tuple[Callable[[bytes, Chooser], bytes], ...]] = (
    _flip, _flip, _set_number, _set_number, _cut, _append, _move_block, _change_part, _change_part, _change_part,
)  # fmt: skip


def _parts(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a file begin and end, by its format."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        start = 8
        while start + 12 <= len(data):
            end = start + 12 + struct.unpack_from(">I", data, start)[0]
            yield start, min(end, len(data))
            start = end
    elif data[:2] == b"\xff\xd8":
        start = 2
        while start + 4 <= len(data) and data[start] == 0xFF and data[start + 1] != 0xDA:
            end = start + 2 + struct.unpack_from(">H", data, start + 2)[0]
            yield start, min(end, len(data))
            start = end
    elif data[:4] == b"RIFF":
        start = 12
        while start + 8 <= len(data):
            end = start + 8 + (struct.unpack_from("<I", data, start + 4)[0] + 1) // 2 * 2
            yield start, min(end, len(data))
            start = end
    elif data[:2] in (b"II", b"MM"):
        for page in pages(data):
            yield from ((place - 4, place + 4) for _, _, place in page.entries.values())
    else:
        yield from _boxes(data, 0, len(data), 0)


def _boxes(data: bytes, start: int, stop: int, depth: int) -> Iterator[tuple[int, int]]:
    for box in boxes(data, start, stop):
        yield box.start - 8, box.stop
        if box.kind in (b"meta", b"iprp", b"ipco") and depth < 4:
            yield from _boxes(data, box.start + 4 * (box.kind == b"meta"), box.stop, depth + 1)


def _with_checksums(data: bytes) -> bytes:
    """Put the checksums of a PNG file right, so that a change is not only found by them."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return data
    out = bytearray(data)
    for start, end in _parts(data):
        if end - start >= 12:
            out[end - 4 : end] = struct.pack(">I", zlib.crc32(bytes(out[start + 4 : end - 4])))
    return bytes(out)
