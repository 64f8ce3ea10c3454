"""Files changed at random: what their metadata says is read, fitted and written, or left out; nothing is raised."""

from __future__ import annotations

import struct
import warnings
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import TiffImagePlugin
from specimens import FILM, blocks, exif_block, iptc, jpeg, png, resource, saved, segment, ultra_hdr, with_pictures, xmp

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.picture import FORMATS

THUMBNAIL = saved(blocks(), "JPEG")
EXIF = exif_block(">", 6, THUMBNAIL, (64, 32), (1, 2, 3))
PACKET = xmp("<dc:rights>(c) Ada</dc:rights>", 'tiff:Orientation="6" tiff:ImageWidth="64"')


def tiff() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[33723], tags.tagtype[33723] = iptc(), 7
    tags[700], tags.tagtype[700] = PACKET, 1
    return saved(blocks(), "TIFF", tiffinfo=tags, dpi=(30, 40))


def pictures() -> bytes:
    head = segment(0xE1, b"Exif\0\0" + EXIF)
    others = [(0x010002, jpeg(None, head)), (0, jpeg())]
    return with_pictures(
        lambda index: jpeg(None, head, segment(0xED, b"Photoshop 3.0\0" + PHOTOSHOP), index), others, FILM
    )


PHOTOSHOP = resource(0x0404, iptc()) + resource(0x040C, struct.pack(">IIIIIIHH", 1, 9, 9, 9, 9, 9, 24, 1) + THUMBNAIL)
CHUNKS = (b"cICP", b"\x0c\x0d\0\1"), (b"pHYs", bytes(9)), (b"bKGD", bytes(6)), (b"tEXt", b"Comment\0a")
FILES = {
    "Ultra HDR": ultra_hdr(exif=EXIF, film=FILM),
    "MPF": pictures(),
    "PNG": png(
        (b"cICP", b"\x0c\x0d\0\1"), (b"pHYs", bytes(9)), (b"bKGD", bytes(6)), (b"eXIf", EXIF), (b"tEXt", b"Comment\0a")
    ),
    "TIFF": tiff(),
    "WebP": saved(blocks(), "WEBP", exif=EXIF, xmp=PACKET, lossless=True),
    "AVIF": saved(blocks(), "AVIF", exif=EXIF, xmp=PACKET),
}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_file_is_written_or_refused(data: st.DataObject) -> None:
    content = bytearray(FILES[data.draw(st.sampled_from(sorted(FILES)))])
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, min(1200, len(content) - 5)) | st.integers(0, len(content) - 5))
        number = data.draw(st.sampled_from([0, 1, 8, 2**31, 2**32 - 1]) | st.integers(0, len(content)))
        width, order = data.draw(st.sampled_from([1, 2, 4])), data.draw(st.sampled_from(["big", "little"]))
        content[place : place + width] = (number % 256**width).to_bytes(width, order)
    with warnings.catch_warnings(), suppress(FileFormatError):
        warnings.simplefilter("ignore")
        picture = decode_picture(bytes(content), max_pixels=10**5)
        for target in FORMATS:
            try:
                again = decode_picture(encode_picture(picture.array, target, like=picture))
                assert again.array.shape[:2] == picture.array.shape[:2]
            except FileFormatError as error:  # of colours that the format cannot say
                assert "cannot write" not in str(error)  # noqa: PT017 - both outcomes are right
