"""What a store does, and which there are."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from watermarking.datasets.stores.files import walk
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from watermarking.datasets.sample import Placed, Sample, Shard

__all__ = ["KINDS", "Store", "open_store"]


class Store(Protocol):
    """A data set on disk; it can be pickled.

    Attributes
    ----------
    kind : str, key of :data:`KINDS`
    numbered : bool, samples are named by their numbers, which change where one is left out
    leaves_out : bool, samples can be left out; of stacks of arrays they cannot, labels would not fit
    exact : bool, what is read from the target is what was written; of films it is what their coding left
    """

    kind: ClassVar[str]
    numbered: ClassVar[bool]
    leaves_out: ClassVar[bool]
    exact: ClassVar[bool]

    def options(self) -> dict[str, Any]:
        """Return what, beside its place, opens the store: fields that survive JSON."""
        ...

    def shards(self) -> list[Shard]:
        """Cut the data set into shards: the same ones for the same data set, in the order of its samples."""
        ...

    def passed_over(self) -> dict[str, int]:
        """Count by reason what :meth:`shards` left aside."""
        ...

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield the samples of a shard.

        Raises
        ------
        FileAccessError
            If the shard changed while it was read, or the system fails to read it.
        """
        ...

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None], /) -> None:
        """Write a shard under the same name below ``target``: a file whole or not at all.

        Calls ``wrote`` after each sample that is in its final place, or on its way there.
        """
        ...

    def written(self, target: Path, sample: Sample, /) -> bytes | None:
        """Return what stands in a sample's place already, if samples have places that are written one by one."""
        ...

    def finish(self, target: Path, tag: str, /) -> None:
        """Write what belongs to no shard, when all are done; ``tag`` names the run."""
        ...


KINDS: Final = {
    "folder": "watermarking.datasets.stores.folder:Folder",
    "listing": "watermarking.datasets.stores.listing:Listing",
    "webdataset": "watermarking.datasets.stores.tars:Tars",
    "parquet": "watermarking.datasets.stores.parquet:Parquet",
    "arrow": "watermarking.datasets.stores.saved:Saved",
    "npy": "watermarking.datasets.stores.stacks:Npy",
    "npz": "watermarking.datasets.stores.stacks:Npz",
    "hdf5": "watermarking.datasets.stores.hdf5:Hdf5",
    "film": "watermarking.datasets.stores.films:Films",
}
"""Kinds of stores and the classes that are them."""

_SUFFIXES: Final = {
    ".txt": "listing",
    ".csv": "listing",
    ".tsv": "listing",
    ".tar": "webdataset",
    ".tgz": "webdataset",
    ".tar.gz": "webdataset",
    ".parquet": "parquet",
    ".npy": "npy",
    ".npz": "npz",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".mp4": "film",
    ".mov": "film",
    ".mkv": "film",
    ".webm": "film",
}
_MANY: Final = ("webdataset", "parquet", "film")
"""Kinds that are taken for a folder's when it holds nothing else."""


def open_store(place: Path, kind: str | None = None, **options: Any) -> Store:
    """Open a data set; what kind it is its name and its files say, if nobody does.

    Raises
    ------
    FileFormatError
        If there is nothing, or no kind fits.
    """
    if not place.exists():
        raise FileFormatError(f"there is no data set {str(place)!r}: check its name")
    if kind is None:
        kind = _kind_of(place)
        if kind == "parquet" and place.is_file() and _lists_paths(place, options.get("column")):
            kind = "listing"
    if kind not in KINDS:
        raise FileFormatError(f"no kind of data set is called {kind!r}: one of {', '.join(KINDS)} is needed")
    module, _, name = KINDS[kind].partition(":")
    store: Store = getattr(importlib.import_module(module), name)(place, **options)
    return store


def _lists_paths(place: Path, column: str | None) -> bool:
    from watermarking.datasets.stores.listing import lists_paths

    return lists_paths(place, column)


def _kind_of(place: Path) -> str:
    if place.is_file():
        name = place.name.lower()
        for suffix, kind in _SUFFIXES.items():
            if name.endswith(suffix):
                return kind
        known = ", ".join(_SUFFIXES)
        raise FileFormatError(f"{place} ends in none of {known}: name a folder, or say what it is with --kind")
    if any((place / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return "arrow"
    found: set[str] = set()
    for name in walk(place):
        if (what := _many_of(name.lower())) is not None:
            found.add(what)
        if what == "picture" or len(found) > 1:
            return "folder"
    return found.pop() if found else "folder"


def _many_of(name: str) -> str | None:
    """Return the kind of store that a file of a folder is a shard of, "picture", or None for what lies beside."""
    from watermarking.pictures.files import SUFFIXES

    if Path(name).suffix in SUFFIXES:
        return "picture"
    return next((kind for suffix, kind in _SUFFIXES.items() if kind in _MANY and name.endswith(suffix)), None)
