"""Camera raw in a TIFF shell is refused and keeps its bytes; ordinary TIFF files with smaller copies are read."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage

from watermarking import Key, Marker
from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.pages import LONG, SHORT, first_page, pages, rewritten
from watermarking.pictures.formats.decoding import decode_picture
from watermarking.pictures.formats.raw import refuse_camera_raw

if TYPE_CHECKING:
    from pathlib import Path

tifffile = pytest.importorskip("tifffile")

IMAGE = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
RAW = "develop it to TIFF or JPEG first"
Changes = dict[int, tuple[int, tuple[int, ...]] | None]


def tiff(*, sub_ifd: tuple[int, int] | None = None, **options: Any) -> bytes:
    """Return a TIFF file, with another picture of that size (rows, columns) below its first one."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, **options) as writer:
        writer.write(IMAGE, photometric="rgb", subifds=1 if sub_ifd else 0)
        if sub_ifd:
            writer.write(np.zeros((*sub_ifd, 3), np.uint8), photometric="rgb")
    return buffer.getvalue()


def changed(data: bytes, changes: Changes) -> bytes:
    found = rewritten(data, changes)
    assert found is not None
    return found


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}])
@pytest.mark.parametrize(
    ("changes", "sub_ifd"),
    [
        ({50706: (1, (1, 4, 0, 0))}, None),
        ({254: (LONG, (1,))}, None),
        ({254: (LONG, (1,))}, (96, 128)),
        ({254: (SHORT, (1,))}, None),
        ({262: (SHORT, (32803,))}, None),
        ({262: (SHORT, (34892,))}, None),
        ({}, (96, 128)),
        ({}, (49, 64)),
    ],
    ids=["DNG", "thumbnail", "NEF", "short", "mosaic", "linear", "larger below", "a row more below"],
)
def test_raw_is_refused_and_stays(
    tmp_path: Path, changes: Changes, sub_ifd: tuple[int, int] | None, options: dict[str, Any]
) -> None:
    data = changed(tiff(sub_ifd=sub_ifd, **options), changes) + bytes(5000)
    path = tmp_path / "x.tif"
    path.write_bytes(data)
    marker = Marker(key=Key(bytes(16)))
    for attempt in (
        lambda: decode_picture(data),
        lambda: marker.embed_file(path, path, "Ada", in_place=True),
        lambda: marker.embed_file(path, tmp_path / "y.jpg", "Ada"),
        lambda: marker.extract_file(path),
    ):
        with pytest.raises(FileFormatError, match=RAW) as caught:
            attempt()
        assert "camera raw" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == data
    assert [one.name for one in tmp_path.iterdir()] == ["x.tif"]


def test_a_mosaic_below_a_picture_of_its_size_is_refused() -> None:
    data = tiff(sub_ifd=(48, 64))
    below = next(iter(next(pages(data)).children()))
    _, _, position = below.entries[262]
    with pytest.raises(FileFormatError, match="colour filter array"):
        decode_picture(data[:position] + (32803).to_bytes(2, "little") + data[position + 2 :])


@pytest.mark.parametrize("sub_ifd", [None, (24, 32), (48, 64)])
@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}])
def test_smaller_copies_below_are_no_reason(sub_ifd: tuple[int, int] | None, options: dict[str, Any]) -> None:
    assert np.array_equal(decode_picture(tiff(sub_ifd=sub_ifd, **options)).array, IMAGE)


def test_a_thumbnail_page_is_a_page() -> None:
    buffer = io.BytesIO()
    thumbnail = PilImage.fromarray(IMAGE[::4, ::4])
    PilImage.fromarray(IMAGE).save(buffer, "TIFF", save_all=True, append_images=[thumbnail])
    with pytest.raises(FileFormatError, match="2 pages, 1 is needed"):
        decode_picture(buffer.getvalue())


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"II*\0\x10\0\0\0CR\2\0", "CR2"),
        (b"IIU\0\x18\0\0\0", "RW2"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"IIRS\x08\0\0\0", "ORF"),
        (b"MMOR\0\0\0\x08", "ORF"),
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"FOVb\0\0\2\0", "X3F"),
        (b"\0MRM\0\0\0\0", "MRW"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"),
    ],
)
def test_raw_in_other_shells_is_named(head: bytes, kind: str) -> None:
    with pytest.raises(FileFormatError, match=rf"camera raw \({kind}\) is not read: {RAW}"):
        decode_picture(head + bytes(100))


@given(st.binary(max_size=400), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10"]))
def test_any_bytes_pass_for_directories(content: bytes, head: bytes) -> None:
    data = head + content
    found = list(itertools.islice(pages(data), 1000))
    assert len(found) <= 256
    for page in found:
        for tag in page.entries:
            assert all(isinstance(value, int) for value in page.values(tag))
        assert len(list(page.children())) <= 256
    refuse_camera_raw(data) if not found else None
    again = rewritten(data, {256: (LONG, (7,)), 258: (SHORT, (8, 8, 8)), 259: None})
    assert (again is None) == (not found)
    if again is not None:
        first = first_page(again)
        assert first is not None
        assert first.values(256) == (7,)
        assert first.values(258) == (8, 8, 8)
        assert 259 not in first.entries


def test_a_chain_that_bites_its_tail_ends() -> None:
    data = bytearray(tiff())
    first = first_page(bytes(data))
    assert first is not None
    (start,) = (int.from_bytes(data[4:8], "little"),)
    end = start + 2 + 12 * len(first.entries)
    data[end : end + 4] = start.to_bytes(4, "little")
    assert len(list(pages(bytes(data)))) == 1
