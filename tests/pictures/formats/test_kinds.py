"""Files that are not read are named, with the way out, and never called damaged."""

from __future__ import annotations

import io
import re
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.pages import SHORT, rewritten
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.extras import EXTRA_FORMATS
from watermarking.pictures.formats.kinds import HEAD, identify
from watermarking.pictures.formats.picture import FORMATS

IMAGE = PilImage.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))


def saved(image: PilImage.Image, name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


OTHERS = {
    "GIF": saved(IMAGE.convert("P"), "GIF"),
    "JPEG 2000": saved(IMAGE, "JPEG2000"),
    "JPEG 2000 stream": saved(IMAGE, "JPEG2000", no_jp2=True),
    "PPM": saved(IMAGE, "PPM"),
    "PGM": saved(IMAGE.convert("L"), "PPM"),
    "PBM": saved(IMAGE.convert("1"), "PPM"),
    "PAM": b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n\0",
    "PFM": saved(IMAGE.convert("F"), "PPM"),
    "ICO": saved(IMAGE, "ICO"),
    "ICNS": b"icns\0\0\0\x08",
    "PDF": saved(IMAGE, "PDF"),
    "EPS": saved(IMAGE, "EPS"),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "SVG with a head": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by hand -->\n<!DOCTYPE svg>\n<svg width="1"/>',
    "web page": b"<!DOCTYPE html>\n<html><body>404</body></html>",
    "PSD": b"8BPS\0\1" + bytes(20),
    "OpenEXR": b"\x76\x2f\x31\x01\2\0\0\0",
    "Radiance": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n",
    "DDS": saved(IMAGE, "DDS"),
    "SGI": saved(IMAGE, "SGI"),
    "QOI": saved(IMAGE, "QOI"),
    "FITS": b"SIMPLE  =                    T",
    "DICOM": bytes(128) + b"DICM",
    "film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "AVI": b"RIFF\0\0\0\0AVI LIST",
    "archive": b"PK\3\4\x14\0",
    "LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "text": b"not a picture at all",
    "iOS PNG": b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\2",
    "other HEIF": b"\0\0\0\x14ftypj2ki\0\0\0\0j2ki",
    "empty": b"",
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_kind_is_named_with_a_way_out(name: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        decode_picture(OTHERS[name])
    said = str(caught.value)
    assert "damaged" not in said
    assert len(said.splitlines()) == 1
    if name not in ("text", "empty"):
        assert re.search(r" is not read(, one of .*)?: \w", said)
        word = {"PPM": "PPM", "PGM": "PPM", "PBM": "PPM", "iOS PNG": "iOS", "other HEIF": "j2ki", "AVI": "film"}
        known = word.get(name, name.partition(" with")[0].partition(" stream")[0].partition(" (")[0])
        assert known in said


@given(st.binary(max_size=80), st.sampled_from([b"", b"\0\0\0\x18ftyp", b"<", b"II*\0", b"RIFF", b"P6", b"\0\0\1\0"]))
def test_any_bytes_are_one_of_the_formats_or_named(content: bytes, head: bytes) -> None:
    with suppress(FileFormatError):
        assert identify(head + content) in (*FORMATS, *EXTRA_FORMATS)


def test_markup_that_never_becomes_a_picture_takes_no_time() -> None:
    with pytest.raises(FileFormatError, match="not a picture file"):
        identify(b"<!--a-->" * (HEAD // 8))


def test_heif_goes_by_its_brands() -> None:
    for brands, kind in [
        (b"heic\0\0\0\0mif1heic", "HEIC"),
        (b"heix\0\0\0\0mif1heix", "HEIC"),
        (b"mif1\0\0\0\0mif1heic", "HEIC"),
        (b"avif\0\0\0\0avifmif1", "AVIF"),
        (b"mif1\0\0\0\0avifmif1", "AVIF"),
    ]:
        assert identify(struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands) == kind
    assert identify(b"\xff\x0a\x0b\x12") == identify(b"\0\0\0\x0cJXL \r\n\x87\n") == "JXL"


TIFF = saved(IMAGE, "TIFF")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {258: (SHORT, (32,) * 3), 339: (SHORT, (3,) * 3)},
            "floating-point samples of 32 bits .*: scale them to unsigned 16",
        ),
        ({258: (SHORT, (16,) * 3), 339: (SHORT, (3,) * 3)}, "floating-point samples of 16 bits"),
        ({258: (SHORT, (64,) * 3), 339: (SHORT, (6,) * 3)}, "complex samples of 64 bits"),
        ({258: (SHORT, (16,) * 3), 339: (SHORT, (2,) * 3)}, "signed samples of 16 bits .* shift and scale"),
        ({258: (SHORT, (32,) * 3)}, "samples of 32 bits is not read: scale them to 16 bits"),
        ({258: (SHORT, (5, 6, 5))}, "number, depth and colour space is not read"),
        ({259: (SHORT, (34712,))}, "compression 34712 is not read: save it with LZW"),
        ({262: (SHORT, (32845,)), 259: (SHORT, (34676,))}, "LogLuv TIFF .high dynamic range. is not read"),
        ({262: (SHORT, (8,))}, "PIL mode LAB"),
        ({262: (SHORT, (9,))}, "number, depth and colour space is not read"),
    ],
)
def test_kinds_of_tiff(changes: dict[int, tuple[int, tuple[int, ...]]], said: str) -> None:
    data = rewritten(TIFF, changes)
    assert data is not None
    with pytest.raises(FileFormatError, match=said) as caught:
        decode_picture(data)
    assert "damaged" not in str(caught.value)


def test_floats_of_opencv_and_pillow() -> None:
    import cv2

    done, encoded = cv2.imencode(".tif", np.zeros((8, 8, 3), np.float32))
    assert done
    for data in (encoded.tobytes(), saved(IMAGE.convert("F"), "TIFF")):
        with pytest.raises(FileFormatError, match="TIFF with floating-point samples of 32 bits"):
            decode_picture(data)


def test_what_a_decoder_cannot_do_is_not_called_damage_alone() -> None:
    png = bytearray(saved(IMAGE, "PNG"))
    png[27] = 7  # a filter method that does not exist
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    for data in (bytes(png), saved(IMAGE, "PNG")[:-200], saved(IMAGE, "JPEG")[:300]):
        with pytest.raises(FileFormatError, match="damaged or of a rare kind: if another program shows it"):
            decode_picture(data)
