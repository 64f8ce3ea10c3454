"""Stores whose shards are files: which ones there are, whether one stays as it is, and what lies beside them."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from watermarking.datasets.sample import Shard
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileAccessError, FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from pathlib import Path

    from watermarking.datasets.sample import Placed, Sample

__all__ = ["ShardFiles", "beside", "copy_beside", "files_of", "options_of", "state_of", "steady", "walk"]


def options_of(store: Any) -> dict[str, Any]:
    """Return what, beside its place, opens a store: the fields of it that say something."""
    fields = (field.name for field in dataclasses.fields(store) if field.init and field.name != "place")
    named = ((name, getattr(store, name)) for name in fields)
    return {name: value for name, value in named if value is not None}


@dataclass(frozen=True)
class ShardFiles(abc.ABC):
    """A store each shard of which is a file, read and written whole: one file, or those of a folder.

    Parameters
    ----------
    place : Path
    """

    kind: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    numbered: ClassVar[bool] = True
    leaves_out: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    place: Path

    @abc.abstractmethod
    def count(self, path: Path, state: Hash) -> int:
        """Return how many samples a file holds, and add to its digest what tells it from another.

        Raises
        ------
        FileFormatError
            If it is damaged, or holds no pictures.
        """

    @abc.abstractmethod
    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield the samples of a shard."""

    @abc.abstractmethod
    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the file under its name, whole."""

    def options(self) -> dict[str, Any]:
        """Return what, beside its place, opens the store."""
        return options_of(self)

    def shards(self) -> list[Shard]:
        """Take each file as a shard.

        Raises
        ------
        FileFormatError
            If there is none, or one is damaged or holds no pictures.
        """
        found: list[Shard] = []
        first = 0
        for name in self.names():
            path = self.path_of(name)
            state = hashlib.sha256()
            n = self.count(path, state)
            found.append(Shard(name, first, n, path.stat().st_size, state.hexdigest()))
            first += n
        return found

    def names(self) -> list[str]:
        """Return the names of the shards, sorted."""
        return files_of(self.place, self.suffixes)

    def passed_over(self) -> dict[str, int]:
        """Count nothing: other files, and all else in these, go along."""
        return {}

    def written(self, _target: Path, _sample: Sample) -> bytes | None:
        """Return nothing: a file is written whole."""
        return None

    def finish(self, target: Path, _tag: str) -> None:
        """Copy what lies beside the files of a folder."""
        copy_beside(self.place, target, self.suffixes)

    def path_of(self, name: str) -> Path:
        """Return the file that is the shard of this name."""
        return self.place / name if self.place.is_dir() else self.place


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
        before = state_of(path.stat())
        yield
        after = state_of(path.stat())
    except OSError as error:
        if error.errno is None:
            raise
        raise FileAccessError(f"cannot read {path}: {error.strerror or error}") from error
    if before != after:
        raise FileAccessError(f"{path} changed while it was read: start again when nobody writes to the source")


def state_of(found: os.stat_result) -> tuple[int, int, int]:
    """Return what changes when somebody writes to a file."""
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
