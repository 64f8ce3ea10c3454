"""Tar shards as webdataset reads them: a sample is a run of members that share a key, one of which is the picture.

The key of a member is its name up to the first dot after the last slash, its suffix the rest: ``a/b.seg.png`` is the
member ``seg.png`` of ``a/b``. Only members whose suffix names a picture format are pictures: masks (``seg.png``) and
whatever else is there go along unchanged, headers and order included.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, ClassVar, Final, cast

from watermarking.datasets.manifest import shown_name
from watermarking.datasets.sample import Sample
from watermarking.datasets.stores.files import ShardFiles, steady
from watermarking.datasets.stores.names import leads_out
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError
from watermarking.pictures.files import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from pathlib import Path
    from typing import Self

    from watermarking.datasets.sample import Placed, Shard

__all__ = ["Tars"]

_CUT: Final = "the shard is cut short here"
_FIELDS: Final = (".json", ".txt", ".cls")


@dataclass(frozen=True)
class Tars(ShardFiles):
    """Tar files, one or a folder of them; each is a shard.

    Parameters
    ----------
    place : Path
    column : str, optional
        Suffix of the members that are pictures, as ``jpg``; without it, all that names a picture format.
    """

    kind: ClassVar[str] = "webdataset"
    suffixes: ClassVar[tuple[str, ...]] = (".tar", ".tgz", ".tar.gz")
    numbered: ClassVar[bool] = False
    column: str | None = None

    def count(self, path: Path, state: Hash) -> int:
        """Count the members of a tar; what is cut short counts as one more."""
        n = 0
        for info, _ in _members(path, contents=False):
            n += 1
            said = "cut" if info is None else f"{info.name}\0{info.size}\0"
            state.update(said.encode("utf-8", "surrogateescape"))
        return n

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield the members of a tar, in their order, each as a sample of its own."""
        path = self.path_of(shard.name)
        seen: set[str] = set()
        with steady(path):
            group: list[tuple[tarfile.TarInfo | None, bytes]] = []
            key: str | None = None
            for info, content in _members(path):
                own = None if info is None or not info.isfile() else _key(info.name)[0]
                if group and own != key:
                    yield from self._samples(group, seen)
                    group = []
                key = own
                group.append((info, content))
            yield from self._samples(group, seen)

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the tar under its name, whole."""
        path = target / shard.name
        with whole_file(path) as temporary, _new_tar(temporary, shard.name) as tar:
            for one in placed:
                if one.content is not None:
                    assert isinstance(one.content, bytes)
                    info = _header(one.sample.place, len(one.content))
                    tar.addfile(info, io.BytesIO(one.content) if info.isreg() else None)
                wrote()

    def _samples(self, group: list[tuple[tarfile.TarInfo | None, bytes]], seen: set[str]) -> Iterator[Sample]:
        fields: _Fields | None = None
        for info, content in group:
            if info is None:
                yield Sample(_CUT, b"", flaw=_CUT, forbidden=True)
                continue
            if fields is None:
                fields = _Fields({one.name: data for one, data in group if one is not None and one.isfile()})
            twice = info.name in seen
            seen.add(info.name)
            is_picture = info.isfile() and self._is_picture(_key(info.name)[1])
            forbidden = leads_out(info.name) or _links_out(info)
            flaw = "its name or its link leads out of the data set" if forbidden else None
            if flaw is None and twice and is_picture:
                flaw = "the shard has a member of this name already"
            name = shown_name(info.name)
            yield Sample(
                name, content, fields, is_picture=is_picture or flaw is not None, flaw=flaw,
                forbidden=forbidden, place=info,
            )  # fmt: skip

    def _is_picture(self, suffix: str) -> bool:
        return suffix == self.column.lstrip(".") if self.column else f".{suffix.lower()}" in SUFFIXES


class _Fields(Mapping[str, object]):
    """What the members beside a picture say, read when it is asked for: broken JSON spoils no other message."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self._members = members

    def __getitem__(self, name: str) -> object:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> dict[str, object]:
        fields: dict[str, object] = {}
        for name, content in self._members.items():
            key, suffix = _key(name)
            fields["key"] = key
            if suffix == "json":
                try:
                    found = json.loads(content)
                except ValueError as error:
                    raise FileFormatError(f"{shown_name(name)} is broken JSON: {error}") from error
                fields.update(found if isinstance(found, dict) else {"json": found})
            elif f".{suffix}" in _FIELDS:
                fields[suffix] = content.decode("utf-8", "replace").strip()
        return fields


def _links_out(info: tarfile.TarInfo) -> bool:
    """Say whether a member is a link to something outside the tar."""
    if info.issym():
        return leads_out(str(PurePosixPath(info.name).parent / info.linkname))
    return info.islnk() and leads_out(info.linkname)


def _key(name: str) -> tuple[str, str]:
    folder, slash, last = name.rpartition("/")
    stem, _, suffix = last.partition(".")
    return f"{folder}{slash}{stem}", suffix


def _header(found: tarfile.TarInfo, n_bytes: int) -> tarfile.TarInfo:
    """Return a member's header for content of this length; holes become zeros, which they are read as."""
    info = copy.copy(found)
    if info.isreg():
        info.size, info.type = n_bytes, tarfile.REGTYPE
        gone = ("size", "GNU.sparse")
        info.pax_headers = {name: value for name, value in info.pax_headers.items() if not name.startswith(gone)}
    return info


def _members(path: Path, *, contents: bool = True) -> Iterator[tuple[tarfile.TarInfo | None, bytes]]:
    """Yield members and their contents; None as the last one if the tar is cut short."""
    size = path.stat().st_size
    contents = contents or path.name.lower().endswith("gz")  # which is unpacked to be counted anyway
    try:
        tar = tarfile.open(path, "r|*" if contents else "r:", tarinfo=_Header)  # noqa: SIM115  # closed below
    except tarfile.ReadError as error:
        raise FileFormatError(f"{path} is no tar file ({error}): leave it out") from error
    with tar:
        while True:
            try:
                info = tar.next()
                if info is None:
                    return
                stream = tar.extractfile(info) if info.isreg() and contents else None
                content = stream.read() if stream else b""
                whole = len(content) == info.size if stream else info.offset_data + info.size <= size
                if info.isreg() and not whole:
                    raise tarfile.ReadError(_CUT)
            except (tarfile.TarError, EOFError, gzip.BadGzipFile):
                yield None, b""
                return
            tar.members = []  # type: ignore[attr-defined]  # it would keep every header of a shard of millions
            yield info, content


class _Header(tarfile.TarInfo):
    """A header that is refused where it is damaged or missing; ``tarfile`` takes both for the end, which is zeros."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile, /) -> Self:
        """Read the next header."""
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # which the stubs leave out
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(_CUT) from error


@contextmanager
def _new_tar(temporary: Path, name: str) -> Iterator[tarfile.TarFile]:
    """Open a tar for writing: the same content gives the same bytes, compressed or not."""
    with temporary.open("wb") as stream:
        packed: IO[bytes] = stream
        if name.lower().endswith("gz"):
            packed = cast("IO[bytes]", gzip.GzipFile("", "wb", 6, stream, mtime=0))
        with packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            yield tar
