"""What of a picture's metadata goes into its copy, in which form, and what is said about the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.jpeg import SEGMENT_LIMIT
from watermarking.pictures.formats.metadata.colour import described_profile
from watermarking.pictures.formats.metadata.companions import ISO_GAIN_MAP
from watermarking.pictures.formats.metadata.exif import resolution_of, same_resolution, with_size, without_orientation
from watermarking.pictures.formats.metadata.following import following, none_following
from watermarking.pictures.formats.metadata.jpeg import EXIF_LIMIT, name_of, write_jpeg
from watermarking.pictures.formats.metadata.photoshop import names_of, with_own_thumbnail
from watermarking.pictures.formats.metadata.png import comments_of, names_of_chunks, write_png
from watermarking.pictures.formats.metadata.thumbnail import with_thumbnail
from watermarking.pictures.formats.metadata.tiff import write_tiff
from watermarking.pictures.formats.metadata.xmp.extended import in_segments
from watermarking.pictures.formats.metadata.xmp.frame import xmp_with_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image
    from watermarking.pictures.formats.containers.jpeg import Segment
    from watermarking.pictures.formats.metadata.following import Following
    from watermarking.pictures.formats.metadata.model import Metadata

__all__ = ["Carried", "carry"]

_EVERYWHERE: Final = frozenset({"exif", "icc", "xmp"})
_HOLDS: Final = {
    "JPEG": _EVERYWHERE | {"dpi", "aspect", "photoshop", "comments"},
    "PNG": _EVERYWHERE | {"dpi", "aspect", "photoshop", "comments"},
    "TIFF": _EVERYWHERE | {"dpi", "aspect", "photoshop"},
    "BMP": frozenset({"dpi"}),
}
"""Fields of :class:`Metadata` by format; those not named here hold :data:`_EVERYWHERE`."""
_NAMES: Final = {
    "exif": "EXIF", "icc": "ICC profile", "xmp": "XMP", "comments": "comment", "dpi": "resolution",
    "aspect": "ratio of the dots",
}  # fmt: skip
_TURNING: Final = ("AVIF", "HEIC")
"""Formats that hold a transformation of the picture; their encoders write EXIF anew if it states an orientation."""
_CREDENTIALS: Final = "Content Credentials were removed: they no longer hold once a pixel changes"


@dataclass(frozen=True, slots=True)
class Carried:
    """Metadata on its way into a file.

    Attributes
    ----------
    options : dict
        Keyword arguments for Pillow's encoder.
    finish : callable
        Takes the file that the encoder made, and returns it with the rest of the metadata.
    warnings : tuple of str
        What a person should know.
    """

    options: dict[str, Any] = field(default_factory=dict)
    finish: Callable[[bytes], bytes] = bytes
    warnings: tuple[str, ...] = ()


def carry(metadata: Metadata, array: Image, file_format: str, colour_space: bytes) -> Carried:
    """Fit metadata to a picture and to a format.

    Sizes and thumbnails become those of ``array``, the marked picture.

    Parameters
    ----------
    metadata : Metadata
    array : (H, W), (H, W, 3) or (H, W, 4) ndarray, uint8 or uint16
    file_format : str
        One of :data:`watermarking.pictures.formats.picture.FORMATS`.
    colour_space : bytes
        ``b"RGB "`` or ``b"GRAY"``: what an ICC profile has to be for.

    Raises
    ------
    FileFormatError
        If the format cannot say what colours the samples stand for.
    """
    fitted, left_out = _with_profile(metadata, file_format, colour_space)
    follows = following(metadata, array) if file_format == "JPEG" else none_following(metadata)
    fitted = _fitted(replace(fitted, xmp=follows.xmp, segments=_segments(metadata, follows)), array, file_format)
    fitted, unheld = _held(fitted, file_format)
    left_out += unheld
    options: dict[str, Any] = {}
    finish: Callable[[bytes], bytes] = bytes
    if file_format == "JPEG":
        finish, unheld = _into_jpeg(fitted, follows)
        left_out += unheld
    elif file_format in ("PNG", "TIFF"):
        finish = partial(write_png if file_format == "PNG" else write_tiff, metadata=fitted)
    elif file_format != "BMP":
        exif = without_orientation(fitted.exif) if file_format in _TURNING else fitted.exif
        found = {"icc_profile": fitted.icc, "exif": exif, "xmp": fitted.xmp}
        options = {name: content for name, content in found.items() if content}
    if fitted.dpi and file_format in ("JPEG", "BMP"):
        options["dpi"] = fitted.dpi
    orphans = list(metadata.orphans)
    (orphans if file_format == "JPEG" else left_out).extend(follows.left_out)
    warnings = _losses(file_format, left_out, orphans)
    if metadata.credentials:
        warnings.append(_CREDENTIALS)
    if follows.n_unmarked:
        warnings.append(
            f"the file holds other pictures ({follows.n_unmarked}), which are kept as they are, without a mark"
        )
    return Carried(options, finish, tuple(warnings))


def _segments(metadata: Metadata, follows: Following) -> tuple[Segment, ...]:
    """Take out the segment that announces a gain map, where there is none any more."""
    if any(one.role == "gain map" for one in follows.companions):
        return metadata.segments
    return tuple(one for one in metadata.segments if not one.content.startswith(ISO_GAIN_MAP))


def _with_profile(metadata: Metadata, file_format: str, colour_space: bytes) -> tuple[Metadata, list[str]]:
    """Keep the profile that is for these samples, or make one of what PNG's chunks say about colours."""
    icc = metadata.icc if metadata.icc[16:20] == colour_space else b""
    left_out = [] if icc == metadata.icc else ["ICC profile, which is for samples of another kind"]
    if file_format == "PNG":
        return replace(metadata, icc=icc), left_out
    described = dict(metadata.chunks)
    if metadata.icc:
        return replace(metadata, icc=icc), left_out + (["code of the colours (cICP)"] if b"cICP" in described else [])
    icc = described_profile(described, colour_space == b"GRAY", file_format)
    if icc and "icc" not in _HOLDS.get(file_format, _EVERYWHERE):
        if b"cICP" in described:
            raise FileFormatError(
                f"{file_format} cannot say what the colours are (cICP), and without that others would be shown: write "
                f"PNG, JPEG, TIFF, WebP or AVIF, or convert the picture to sRGB first"
            )
        return metadata, ["gamma and primaries (gAMA, cHRM)"]
    return replace(metadata, icc=icc), left_out


def _fitted(metadata: Metadata, array: Image, file_format: str) -> Metadata:
    """Let metadata speak of this picture."""
    height, width = array.shape[:2]
    exif, limit = metadata.exif, EXIF_LIMIT if file_format == "JPEG" else None
    if exif:
        exif = with_thumbnail(with_size(exif, width, height), array, limit)
    return replace(
        metadata,
        exif=exif,
        xmp=xmp_with_size(metadata.xmp, width, height),
        photoshop=with_own_thumbnail(metadata.photoshop, array),
    )


def _held(metadata: Metadata, file_format: str) -> tuple[Metadata, list[str]]:
    """Take out what a format has no place for, and name it."""
    holds = _HOLDS.get(file_format, _EVERYWHERE)
    kept: dict[str, Any] = {}
    left_out = list(names_of(metadata.photoshop)) if "photoshop" not in holds else []
    if file_format != "PNG":
        comments = comments_of(metadata.chunks)
        left_out += names_of_chunks(metadata.chunks)
        kept |= {"comments": (*metadata.comments, *comments), "chunks": ()}
        metadata = replace(metadata, **kept)
    for name, label in _NAMES.items():
        if name in holds or not getattr(metadata, name):
            continue
        if name == "dpi" and "exif" in holds and same_resolution(metadata.dpi, resolution_of(metadata.exif)):
            continue
        left_out.append(label)
    if file_format != "JPEG":
        left_out += dict.fromkeys(name_of(one) for one in metadata.segments)
    return metadata, left_out


def _into_jpeg(metadata: Metadata, follows: Following) -> tuple[Callable[[bytes], bytes], list[str]]:
    """Take out what is too large for a segment, and name it."""
    left_out = []
    if len(metadata.exif) > EXIF_LIMIT:
        metadata = replace(metadata, exif=b"")
        left_out.append("EXIF above 64 KB")
    packets, bare = in_segments(metadata.xmp) if metadata.xmp else ([], False)
    if bare:
        left_out.append("comments in the XMP packet")
    if metadata.xmp and not packets:
        left_out.append("XMP above 64 KB that is not well formed")
    if any(len(comment) > SEGMENT_LIMIT for comment in metadata.comments):
        metadata = replace(metadata, comments=tuple(one for one in metadata.comments if len(one) <= SEGMENT_LIMIT))
        left_out.append("comment above 64 KB")
    return partial(write_jpeg, metadata=metadata, follows=follows, packets=packets), left_out


def _losses(file_format: str, left_out: list[str], orphans: list[str]) -> list[str]:
    """Say in one line what was left out."""
    reasons = f"the {file_format} file cannot hold {{}}: left out", "{} cannot be carried over: left out"
    named = (", ".join(dict.fromkeys(names)) for names in (left_out, orphans))
    parts = [reason.format(names) for reason, names in zip(reasons, named, strict=True) if names]
    return ["; ".join(parts)] if parts else []
