"""What a folder holds: the pictures, and what is passed over, with the reason.

A picture is a file whose suffix says so; what it really is, its content says when it is read. A picture under another
suffix (``photo.jpg.bak``, ``IMG_0001``) is passed over: the suffix is what the format of a marked copy is taken from.
Hidden files and folders are passed over; links to files are followed, links to folders are not.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from watermarking.errors import FileAccessError, FileFormatError
from watermarking.pictures.files import SUFFIXES
from watermarking.pictures.formats.extras import EXTRA_FORMATS, is_available
from watermarking.pictures.formats.kinds import HEAD, identify, other_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RUN_RECORD", "Listing", "PassedOver", "kind_of", "survey"]

RUN_RECORD: Final = ".watermarking-run.json"
"""Says what the pictures of a folder were marked with; the command line writes it. Neither read nor counted."""

_KINDS: Final = {
    "camera raw": ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 "
    ".rwl .sr2 .srf .srw .x3f",
    "HEIC": ".heic .heics .heif .heifs .hif",
    "JPEG XL": ".jxl",
    "JPEG 2000": ".j2c .j2k .jp2 .jpc .jpf .jpx",
    "GIF": ".gif",
    "SVG": ".svg .svgz",
    "picture of another format": ".apng .cur .dcx .dds .dib .djv .djvu .eps .exr .hdr .icns .ico .pbm .pcx .pfm .pgm "
    ".pnm .ppm .psb .psd .qoi .tga .xbm .xcf .xpm",
    "PDF": ".pdf",
    "film": ".3gp .avi .m4v .mkv .mov .mp4 .mpeg .mpg .mts .webm .wmv",
}
_KIND_OF_SUFFIX: Final = {suffix: kind for kind, suffixes in _KINDS.items() for suffix in suffixes.split()}


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file, or a whole folder, that is no picture to be read, and why: ``"HEIC"``, ``"text"``, ``"hidden"``."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds, both lists sorted by path."""

    pictures: list[Path]
    passed_over: list[PassedOver]


def survey(folder: str | os.PathLike[str]) -> Listing:
    """List the files in and under a folder whose suffix names a picture format, and what else is there.

    Raises
    ------
    FileFormatError
        If there is no such folder.
    FileAccessError
        If the system fails to read it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileFormatError(f"{root} is not a folder")
    pictures: list[Path] = []
    passed_over: list[PassedOver] = []
    for path, is_folder in _walk(root):
        if path.name == RUN_RECORD:
            continue
        if path.name.startswith("."):
            passed_over.append(PassedOver(path, "hidden"))
        elif is_folder:
            passed_over.append(PassedOver(path, "link to a folder"))
        elif (file_format := SUFFIXES.get(path.suffix.lower())) and _is_read(file_format) and not _is_special(path):
            pictures.append(path)
        else:
            passed_over.append(PassedOver(path, kind_of(path)))
    return Listing(sorted(pictures), sorted(passed_over, key=lambda one: one.path))


def _is_read(file_format: str) -> bool:
    return file_format not in EXTRA_FORMATS or is_available(file_format)


def _is_special(path: Path) -> bool:
    """Say whether it is a pipe, a socket or a device, which would be waited for; a link to nothing is none."""
    return not path.is_file() and path.exists()


def _walk(root: Path) -> Iterator[tuple[Path, bool]]:
    """Yield all files, and the folders that are not entered; say which of both it is."""

    def fail(error: OSError) -> NoReturn:
        raise FileAccessError(f"cannot read the folder {error.filename}: {error.strerror or error}") from error

    for place, folders, files in os.walk(root, onerror=fail):
        closed = {name for name in folders if name.startswith(".") or Path(place, name).is_symlink()}
        folders[:] = [name for name in folders if name not in closed]
        yield from ((Path(place, name), True) for name in closed)
        yield from ((Path(place, name), False) for name in files)


def kind_of(path: Path) -> str:
    """Say in a word or two what a file is that does not have the suffix of a picture."""
    try:
        if not path.exists():
            return "broken link"
        if not path.is_file():  # opening a pipe would wait for somebody to write
            return "no regular file"
        if path.suffix.lower() in _KIND_OF_SUFFIX:
            return _KIND_OF_SUFFIX[path.suffix.lower()]
        with path.open("rb") as stream:
            return _kind_of_content(stream.read(HEAD))
    except OSError:
        return "unreadable"


def _kind_of_content(head: bytes) -> str:
    try:
        return f"{identify(head)} under another suffix"
    except FileFormatError:
        pass
    if kind := other_kind(head):
        return kind
    if head[4:8] == b"ftyp":
        return "camera raw" if head[8:12] == b"crx " else "film"
    if not head:
        return "empty"
    return "other" if b"\0" in head or not _is_utf8(head) else "text"


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:  # the last character may have been cut
        return error.end == len(head) and error.start > len(head) - 4
    return True
