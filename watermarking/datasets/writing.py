"""Files that appear whole or not at all: a temporary name, flushed to the disk, renamed."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

from watermarking.errors import FileAccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["PART", "remove_parts", "whole_file", "write_whole"]

PART: Final = ".part"
"""Suffix of files that are being written; after a kill some may be left, which the next run removes."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the temporary name of a file; rename it at the end of the block, remove it if the block fails.

    Raises
    ------
    FileAccessError
        If the system fails to write.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}{PART}")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _flush(temporary)
            temporary.replace(path)
        finally:  # interrupts as well
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, FileAccessError) or error.errno is None:
            raise
        raise FileAccessError(f"cannot write {path}: {error.strerror or error}") from error


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file by a function that is given a stream, all or nothing.

    Raises
    ------
    FileAccessError
        If the system fails to write.
    """
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        write(stream)


def remove_parts(folder: Path) -> int:
    """Remove what a run that was killed left half written; return how many files that were."""
    left = [path for path in folder.rglob(f".*{PART}") if len(path.name) == 1 + 16 + len(PART)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
