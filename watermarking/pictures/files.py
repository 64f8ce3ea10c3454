"""Picture files on disk: the one place that opens and writes them.

A file is written under a temporary name in the target's folder, flushed to the disk and then renamed, so that the
target is either the old file or the whole new one. What is wrong with the request (no such file, not a picture, a
format that cannot hold it, a target that is the input) raises :class:`~watermarking.errors.FileFormatError`; what the
system fails to do (permissions, full disk) raises :class:`~watermarking.errors.FileAccessError`.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from watermarking.errors import FileAccessError, FileFormatError, MissingExtraError
from watermarking.pictures.formats.decoding import MAX_PIXELS, decode_picture, identify
from watermarking.pictures.formats.encoding import encode_picture
from watermarking.pictures.formats.kinds import HEAD
from watermarking.pictures.formats.picture import FORMATS, Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "SUFFIXES",
    "Picture",
    "format_of",
    "is_input",
    "read_picture",
    "write_file",
    "write_picture",
]

SUFFIXES: Final = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WebP",
    ".avif": "AVIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".heic": "HEIC",
    ".heif": "HEIC",
    ".hif": "HEIC",
    ".jxl": "JXL",
}
"""Formats by suffix; HEIC and JPEG XL need the extra ``formats``."""


def read_picture(source: str | os.PathLike[str] | bytes | IO[bytes], *, max_pixels: int | None = None) -> Picture:
    """Read a picture with its metadata, samples upright.

    Parameters
    ----------
    source : path, bytes or binary stream
        Bytes are a file's content, not its name.
    max_pixels : int, optional
        Refuse larger pictures; see :func:`watermarking.pictures.formats.decoding.decode_picture`.

    Returns
    -------
    Picture

    Raises
    ------
    FileFormatError
        If there is no such file, or its content is damaged or refused by a rule.
    FileAccessError
        If the system fails to read it.
    MissingExtraError
        If a package is missing that its format needs.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode_picture(bytes(source), max_pixels=max_pixels)
    if not isinstance(source, (str, os.PathLike)):
        return decode_picture(_read_stream(source), max_pixels=max_pixels)
    path = Path(source)
    data = _read_file(path)
    try:
        return decode_picture(data, max_pixels=max_pixels, source=path)
    except (FileFormatError, MissingExtraError) as error:
        raise type(error)(f"{path}: {error}") from error


def write_picture(
    array: Image,
    target: str | os.PathLike[str] | IO[bytes],
    *,
    like: Picture | None = None,
    file_format: str | None = None,
    quality: int | None = None,
    subsampling: str | None = None,
    in_place: bool = False,
    check: Callable[[bytes], None] | None = None,
) -> None:
    """Write samples as a picture file, all or nothing.

    The format is ``file_format``, else the one that the target's suffix names, else (streams) the one of ``like``.
    With ``in_place`` the input is written in the format of its content, whatever its suffix says. An existing target
    is replaced and keeps its permissions; a symbolic link is followed.

    Parameters
    ----------
    array : (H, W), (H, W, 3) or (H, W, 4) ndarray, uint8 or uint16
    target : path or binary stream
    like : Picture, optional
        Where metadata and coding come from; see :func:`watermarking.pictures.formats.encoding.encode_picture`.
    file_format, quality, subsampling : optional
        See there.
    in_place : bool
        Allow that the target is the file that ``like`` was read from.
    check : callable, optional
        Called with the encoded file before it is written; what it raises keeps it from being written.

    Raises
    ------
    FileFormatError
        If the target is the input, a folder, in no folder, of no known format, or of one that cannot hold the samples.
    FileAccessError
        If the system fails to write; nothing is left behind then.
    """
    if not isinstance(target, (str, os.PathLike)):
        file_format = file_format or (like.format if like else "")
        data = encode_picture(array, file_format, like=like, quality=quality, subsampling=subsampling)
        if check is not None:
            check(data)
        _write_stream(data, target)
        return
    path = Path(target)
    _check_target(path)
    if like is not None and is_input(path, like, in_place):
        file_format = file_format or like.format
    file_format = file_format or format_of(path)
    try:
        data = encode_picture(array, file_format, like=like, quality=quality, subsampling=subsampling)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error
    if check is not None:
        check(data)
    _write_atomically(data, path)


def write_file(content: bytes | Path, target: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write a picture file's content as it is, all or nothing.

    Parameters
    ----------
    content : bytes, or the path of the file that holds it
    target : path or binary stream

    Raises
    ------
    FileFormatError, FileAccessError
        As :func:`write_picture`.
    """
    data = _read_file(content) if isinstance(content, Path) else content
    if not isinstance(target, (str, os.PathLike)):
        _write_stream(data, target)
        return
    _check_target(Path(target))
    _write_atomically(data, Path(target))


def is_input(path: Path, like: Picture, in_place: bool) -> bool:
    """Say whether a target is the file that a picture was read from.

    Raises
    ------
    FileFormatError
        If it is, and ``in_place`` does not allow that.
    """
    same = like.source is not None and path.exists() and like.source.exists() and path.samefile(like.source)
    if same and not in_place:
        raise FileFormatError(f"{path} is the input: choose another name, or allow it with in_place")
    return same


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that a file's suffix names.

    Raises
    ------
    FileFormatError
        If it names none.

    Examples
    --------
    >>> format_of("photo.JPG")
    'JPEG'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise FileFormatError(f"{path} ends in {suffix or 'no suffix'}, one of {', '.join(SUFFIXES)} is needed")
    return SUFFIXES[suffix]


def _read_file(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode  # before opening: a pipe without a writer would block
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise FileFormatError(f"{path} is {what}, a picture file is needed")
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            identify(head)  # before the rest, which may be a film of many gigabytes
            return head + stream.read()
    except FileFormatError as error:
        raise error if str(error).startswith(str(path)) else FileFormatError(f"{path}: {error}") from None
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise FileFormatError(f"there is no file {str(path)!r}: check its name") from error
    except OSError as error:
        raise FileAccessError(f"cannot read {path}: {error.strerror or error}") from error


def _read_stream(stream: IO[bytes]) -> bytes:
    try:
        data = stream.read()
    except OSError as error:
        raise FileAccessError(f"cannot read the picture: {error.strerror or error}") from error
    if not isinstance(data, bytes):
        raise FileFormatError(f"the stream gives {type(data).__name__}, bytes are needed: open it in binary mode")
    return data


def _write_stream(data: bytes, stream: IO[bytes]) -> None:
    try:
        stream.write(data)
        stream.flush()
    except OSError as error:
        raise FileAccessError(f"cannot write the picture: {error.strerror or error}") from error


def _check_target(path: Path) -> None:
    if "\0" in str(path):
        raise FileFormatError(f"{str(path)!r} is no file name: leave the zero byte out")
    try:
        if path.is_dir():
            raise FileFormatError(f"{path} is a folder, a file name is needed")
        if path.exists() and not path.is_file():
            raise FileFormatError(f"{path} is not a regular file: write to a file, or to standard output")
        if not path.parent.is_dir():
            raise FileFormatError(f"there is no folder {path.parent}: make it first")
        if path.exists() and not os.access(path, os.W_OK):
            raise FileAccessError(f"{path} is write-protected: choose another name")
    except PermissionError as error:
        raise FileAccessError(f"cannot write {path}: {error.strerror}") from error


def _write_atomically(data: bytes, path: Path) -> None:
    path = path.resolve()
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            _write_new(data, temporary, path)
            temporary.replace(path)
        finally:  # interrupts as well
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise FileAccessError(f"cannot write {path}: {error.strerror or error}") from error


def _write_new(data: bytes, temporary: Path, path: Path) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
