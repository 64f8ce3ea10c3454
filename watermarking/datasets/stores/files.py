"""Stores whose shards are files: which ones there are, whether one stays as it is, and what lies beside them."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from watermarking.datasets.writing import whole_file
from watermarking.errors import FileAccessError, FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["beside", "copy_beside", "files_of", "steady", "walk"]


def files_of(place: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the shards, sorted: a file is one, those of a folder are its files with these suffixes.

    Raises
    ------
    FileFormatError
        If there is none.
    FileAccessError
        If the system fails to read the folder.
    """
    if place.is_file():
        return [place.name]
    found = [name for name in walk(place) if name.lower().endswith(suffixes)]
    if not found:
        raise FileFormatError(f"{place} holds no files that end in {', '.join(suffixes)}: name the folder with them")
    return sorted(found)


def beside(place: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of a folder's other files, sorted."""
    return sorted(name for name in walk(place) if not name.lower().endswith(suffixes)) if place.is_dir() else []


def copy_beside(place: Path, target: Path, suffixes: tuple[str, ...]) -> None:
    """Copy a folder's other files as they are.

    Raises
    ------
    FileAccessError
        If the system fails to read or write one.
    """
    for name in beside(place, suffixes):
        if not (target / name).exists():
            with whole_file(target / name) as temporary:
                shutil.copyfile(place / name, temporary)


@contextmanager
def steady(path: Path) -> Iterator[None]:
    """Fail at the end of the block if the file changed in it.

    Raises
    ------
    FileAccessError
    """
    try:
        before = _state(path)
        yield
        after = _state(path)
    except OSError as error:
        if error.errno is None:
            raise
        raise FileAccessError(f"cannot read {path}: {error.strerror or error}") from error
    if before != after:
        raise FileAccessError(f"{path} changed while it was read: start again when nobody writes to the source")


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def walk(place: Path) -> Iterator[str]:
    """Yield the files in and below a folder, hidden ones and links to folders left aside.

    Raises
    ------
    FileAccessError
        If the system fails to read a folder.
    """

    def fail(error: OSError) -> NoReturn:
        raise FileAccessError(f"cannot read the folder {error.filename}: {error.strerror or error}") from error

    for root, folders, files in os.walk(place, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(root, name)  # noqa: PTH118  # many files: a Path takes ten times as long
            if not name.startswith(".") and os.path.isfile(path):  # noqa: PTH113
                yield os.path.relpath(path, place)
