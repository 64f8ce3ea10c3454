"""A folder of picture files, nested or not, of any mix of formats."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from watermarking.datasets.manifest import shown_name
from watermarking.datasets.sample import Sample, Shard
from watermarking.datasets.stores.files import options_of, state_of
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileAccessError, FileFormatError
from watermarking.pictures.files import SUFFIXES
from watermarking.pictures.folders import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from watermarking.datasets.sample import Placed

__all__ = ["Folder", "cut", "read_steadily"]

_SHARDS: Final = 64
_BEHIND: Final = 8
_SMALLEST, _LARGEST = 16, 1000
_LEFT: Final = ("hidden", "link to a folder", "broken link", "no regular file")
"""What is no file of the data set: it is counted and stays where it is."""
_SETS: Final = (".tar", ".tar.gz", ".tgz", ".parquet", ".npy", ".npz", ".h5", ".hdf5")
"""What are data sets themselves, and not marked as files of a folder."""
_BESIDE: Final = ("text", "empty", "other", "PDF")
"""What lies beside the pictures, labels and captions: it goes along unchanged."""


@dataclass(frozen=True)
class Folder:
    """A folder of pictures; files that are none go along unchanged.

    Parameters
    ----------
    place : Path
    """

    kind: ClassVar[str] = "folder"
    numbered: ClassVar[bool] = False
    leaves_out: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    place: Path
    _left: dict[str, int] | None = field(init=False, repr=False, compare=False, default=None)

    def options(self) -> dict[str, Any]:
        """Return nothing: a folder says all by itself."""
        return options_of(self)

    def shards(self) -> list[Shard]:
        """Cut the files, sorted by name, into shards of 16 to 1000.

        Raises
        ------
        FileFormatError
            If there is no picture.
        FileAccessError
            If the system fails to read the folder.
        """
        pictures, beside = self._look()
        if not pictures:
            raise FileFormatError(f"{self.place} holds no pictures: name a folder with pictures in it or below")
        return cut(self.place, [str(path.relative_to(self.place)) for path in sorted([*pictures, *beside])])

    def passed_over(self) -> dict[str, int]:
        """Count links to folders, hidden files and whatever else is no file of the data set."""
        if self._left is None:
            self._look()
        return dict(self._left or {})

    def _look(self) -> tuple[list[Path], list[Path]]:
        """Return pictures and what goes along with them, and keep what does not: a large folder is walked once."""
        found = survey(self.place)
        pictures = [path for path in found.pictures if not _is_broken(path)]
        reasons = [one.reason for one in found.passed_over if one.reason in _LEFT]
        broken = ["broken link"] * (len(found.pictures) - len(pictures))
        object.__setattr__(self, "_left", dict(Counter([*reasons, *broken])))
        return pictures, [one.path for one in found.passed_over if one.reason not in _LEFT]

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield the files of a shard, each with its content."""
        from watermarking.pictures.folders import kind_of

        for name in shard.members:
            path = self.place / name
            try:
                content = read_steadily(path)
            except PermissionError as error:
                yield Sample(shown_name(name), b"", flaw=f"it cannot be read: {error.strerror}", forbidden=True)
                continue
            is_picture, flaw = path.suffix.lower() in SUFFIXES, None
            if path.name.lower().endswith(_SETS):
                is_picture, flaw = True, "it may hold pictures of its own: mark it by itself"
            if not is_picture and (kind := kind_of(path)) not in _BESIDE:
                is_picture, flaw = True, f"{kind} is not marked: convert it to JPEG or PNG first"
            fields = {"name": Path(name).name, "stem": Path(name).stem, "folder": str(Path(name).parent)}
            yield Sample(shown_name(name), content, fields, is_picture=is_picture, flaw=flaw, place=name)

    def write(self, target: Path, _shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write each file under its name; waiting for the disk is left to a thread, some files behind."""
        waiting: deque[Future[None]] = deque()
        with ThreadPoolExecutor(1) as disk:
            for one in placed:
                waiting.append(disk.submit(self._write, target, one))
                while len(waiting) > _BEHIND:
                    waiting.popleft().result()
                    wrote()
            for done in waiting:
                done.result()
                wrote()

    def _write(self, target: Path, one: Placed) -> None:
        if one.content is not None:
            assert isinstance(one.content, bytes)
            with whole_file(target / one.sample.place) as temporary:
                temporary.write_bytes(one.content)
                temporary.chmod(stat.S_IMODE((self.place / one.sample.place).stat().st_mode) | stat.S_IWUSR)

    def written(self, target: Path, sample: Sample) -> bytes | None:
        """Return the file that stands in a sample's place already."""
        path = target / sample.place
        try:
            return path.read_bytes() if path.is_file() else None
        except OSError:
            return None

    def finish(self, _target: Path, _tag: str) -> None:
        """Do nothing: every file is in a shard."""


def _is_broken(path: Path) -> bool:
    """Say whether it is a link to nothing, or to itself."""
    return path.is_symlink() and not path.exists()


def cut(place: Path, names: Sequence[str]) -> list[Shard]:
    """Cut files into shards, as many as make 64, of 16 to 1000 each.

    Raises
    ------
    FileAccessError
        If a file cannot be looked at.
    """
    size = min(max(-(-len(names) // _SHARDS), _SMALLEST), _LARGEST)
    shards = []
    for number, first in enumerate(range(0, len(names), size)):
        members = tuple(names[first : first + size])
        state, n_bytes = hashlib.sha256(), 0
        for name in members:
            try:
                length = (place / name).stat().st_size
            except OSError as error:
                raise FileAccessError(f"cannot read {place / name}: {error.strerror or error}") from error
            n_bytes += length
            state.update(os.fsencode(name) + b"\0%d\0" % length)
        shards.append(Shard(f"{number:05d}", first, len(members), n_bytes, state.hexdigest(), members))
    return shards


def read_steadily(path: Path) -> bytes:
    """Read a file that nobody writes to meanwhile.

    Raises
    ------
    PermissionError
        If it may not be read.
    FileAccessError
        If the system fails to read it, or it changed.
    """
    try:
        with path.open("rb") as stream:
            before = os.fstat(stream.fileno())
            content = stream.read()
            after = os.stat(path)  # noqa: PTH116  # beside the other one
    except PermissionError:
        raise
    except OSError as error:
        raise FileAccessError(f"cannot read {path}: {error.strerror or error}") from error
    if state_of(before) != state_of(after) or len(content) != before.st_size:
        raise FileAccessError(f"{path} changed while it was read: start again when nobody writes to the source")
    return content
