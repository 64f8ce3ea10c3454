"""What becomes of the files behind the end of a JPEG picture when the picture is written."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from PIL import Image as PilImage

from watermarking.pictures.formats.containers.jpeg import Segment, frame_of_jpeg, split_jpeg, with_segments
from watermarking.pictures.formats.containers.mpf import HEADER, with_entries
from watermarking.pictures.formats.metadata.exif import EXIF_HEADER, reset_orientation, with_size
from watermarking.pictures.formats.metadata.model import BEHIND
from watermarking.pictures.formats.metadata.orientation import turn_image
from watermarking.pictures.formats.metadata.thumbnail import small_copy, with_thumbnail
from watermarking.pictures.formats.metadata.xmp.claims import with_items, without_companions, without_depth

if TYPE_CHECKING:
    from watermarking.interface import Image
    from watermarking.pictures.formats.metadata.model import Companion, Metadata

__all__ = ["Following", "following", "none_following"]

_APP1, _ADOBE, _JFIF = 0xE1, 0xEE, 0xE0
_ALIGNED: Final = ("gain map", "depth map")
"""Roles of what lies on the picture sample by sample."""


@dataclass(frozen=True, slots=True)
class Following:
    """What follows a picture, the XMP packet that speaks of it, and what was left out.

    Attributes
    ----------
    companions : tuple of Companion
    xmp : bytes
    left_out : tuple of str
    n_unmarked : int
        How many other pictures are kept as they are.
    """

    companions: tuple[Companion, ...]
    xmp: bytes
    left_out: tuple[str, ...] = ()
    n_unmarked: int = 0

    def index(self, content: bytes, position: int, length: int) -> bytes:
        """Return the Multi-Picture Format's list for a picture of this length, with its segment's content at a place.

        It has the length of the one that was read. Empty where nothing in it is left.
        """
        entries, start = {0: (0, length)}, length
        for one in self.companions:
            if one.entry is not None:
                entries[one.entry] = start - position - len(HEADER), len(one.content)
            start += len(one.content)
        return with_entries(content, entries) if len(entries) > 1 else b""


def none_following(metadata: Metadata) -> Following:
    """Leave all of it out, for a format that holds none."""
    roles = [one.role for one in metadata.companions if any(one.content)]
    xmp = without_companions(metadata.xmp) if metadata.companions else metadata.xmp
    kept = _aligned_depth(metadata, xmp)
    return replace(kept, left_out=(*_names(roles), *kept.left_out))


def following(metadata: Metadata, array: Image) -> Following:
    """Say what follows a JPEG picture.

    Gain maps are ratios at a low resolution, which a mark does not touch: they are kept, turned where the picture was.
    Previews are made anew from ``array``. Depth maps of turned pictures, and all that lies on a picture that has
    another size now, are left out; other pictures, films and makers' own data are kept as they are.
    """
    same_size = metadata.size == (array.shape[1], array.shape[0])
    kept, lengths, left_out = [], {}, []
    for one in metadata.companions:
        content = _written(one, metadata.turned, array) if same_size or one.role not in _ALIGNED else None
        if content is None:
            left_out.append(one.role)
        else:
            kept.append(replace(one, content=content))
        if one.item is not None and content != one.content:
            lengths[one.item] = None if content is None else len(content)
    xmp = with_items(metadata.xmp, lengths)
    if "gain map" in left_out:
        xmp = without_companions(xmp, films=False, others=False)
    found = _aligned_depth(metadata, xmp, same_size)
    n_unmarked = sum(one.role == "picture" for one in kept)
    return Following(tuple(kept), found.xmp, (*_names(left_out), *found.left_out), n_unmarked)


def _aligned_depth(metadata: Metadata, xmp: bytes, same_size: bool = True) -> Following:
    """Take a depth map out of XMP that no longer lies on the picture."""
    if metadata.turned == 1 and same_size:
        return Following((), xmp)
    without = without_depth(xmp)
    return Following((), without, () if without == xmp else ("depth map",))


def _written(one: Companion, orientation: int, array: Image) -> bytes | None:
    if one.role == "preview":
        return _previewed(one.content, array)
    if one.role not in _ALIGNED or orientation == 1:
        return one.content
    return _turned(one.content, orientation) if one.role == "gain map" else None


def _names(roles: list[str]) -> tuple[str, ...]:
    """Name what was left out; previews are made from the picture, and no loss."""
    names = {"gain map": "gain map", "depth map": "depth map", "film": "film of a motion photo",
             "picture": "other pictures in the file", "data": BEHIND}  # fmt: skip
    return tuple(name for role, name in names.items() if role in roles)


def _turned(content: bytes, orientation: int) -> bytes | None:
    """Turn a JPEG picture, coded with its own tables, so that little changes beside the places of its samples."""
    try:
        with PilImage.open(io.BytesIO(content), formats=["JPEG"]) as image:
            image.load()
            tables = getattr(image, "quantization", None)
            return _coded_as(turn_image(image, orientation), tables, list(split_jpeg(content)[0]))
    except Exception:  # noqa: BLE001 - Pillow answers damaged files with nearly every class of exception
        return None


def _previewed(content: bytes, array: Image) -> bytes | None:
    """Return a preview of ``array`` in the place of another one; None where that one is damaged."""
    frame = frame_of_jpeg(content)
    if frame is None or not frame.width or not frame.height:
        return None
    side = max(frame.width, frame.height)  # it may lie sideways
    small = small_copy(array, side, side)
    segments = []
    for one in split_jpeg(content)[0]:
        if one.marker == _APP1 and one.content.startswith(EXIF_HEADER):
            exif = with_size(reset_orientation(one.content.removeprefix(EXIF_HEADER))[0], *small.size)
            one = Segment(_APP1, EXIF_HEADER + with_thumbnail(exif, array, 2**16 - 10))
        segments.append(one)
    return _coded_as(small, None, segments)


def _coded_as(image: PilImage.Image, tables: dict[int, list[int]] | None, segments: list[Segment]) -> bytes:
    buffer = io.BytesIO()
    image.info.clear()
    if tables is None:
        image.save(buffer, "JPEG", quality=90)
    else:
        image.save(buffer, "JPEG", qtables=tables, subsampling="4:4:4")
    return with_segments(buffer.getvalue(), (one for one in segments if one.marker not in (_JFIF, _ADOBE)))
