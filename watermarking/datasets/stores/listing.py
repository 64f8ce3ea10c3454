"""A list of picture files beside which they lie: a path a line, or a CSV or Parquet file with a column of paths."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Final

from watermarking.datasets.manifest import shown_name
from watermarking.datasets.stores.columns import holds_bytes
from watermarking.datasets.stores.files import options_of
from watermarking.datasets.stores.folder import Folder, cut
from watermarking.datasets.stores.names import leads_out
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError
from watermarking.extras import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from watermarking.datasets.sample import Placed, Sample, Shard

__all__ = ["Listing", "lists_paths"]

_NAMES: Final = ("file_name", "file", "path", "filename", "image", "image_path", "filepath")


@dataclass(frozen=True)
class Listing:
    """Picture files that a text, CSV or Parquet file names, by paths below the folder that it lies in.

    Parameters
    ----------
    place : Path
    column : str, optional
        Of a CSV or Parquet file, which one holds the paths.
    """

    kind: ClassVar[str] = "listing"
    numbered: ClassVar[bool] = False
    leaves_out: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    place: Path
    column: str | None = None

    def options(self) -> dict[str, Any]:
        """Return which column holds the paths."""
        return options_of(self)

    def shards(self) -> list[Shard]:
        """Cut the files, in the order of the list, into shards.

        Raises
        ------
        FileFormatError
            If the list names none, one twice, one that is not there, or one that does not lie below its folder.
        """
        return cut(self._root, list(self._rows))

    def passed_over(self) -> dict[str, int]:
        """Count nothing: what is on the list is taken."""
        return {}

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield the files of a shard, with the other columns of their rows."""
        for sample in Folder(self._root).read(shard):
            yield replace(sample, fields={**sample.fields, **self._rows.get(sample.place, {})})

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write each file under its name."""
        Folder(self._root).write(target, shard, placed, wrote)

    def written(self, target: Path, sample: Sample) -> bytes | None:
        """Return the file that stands in a sample's place already."""
        return Folder(self._root).written(target, sample)

    def finish(self, target: Path, _tag: str) -> None:
        """Copy the list itself."""
        with whole_file(target / self.place.name) as temporary:
            shutil.copyfile(self.place, temporary)

    @property
    def _root(self) -> Path:
        return self.place.parent

    @property
    def _rows(self) -> dict[str, Mapping[str, object]]:
        return _read(self, self.place.stat().st_mtime_ns)

    def entries(self) -> Iterator[tuple[int, str, dict[str, object]]]:
        """Yield line number, path and other fields of each file that the list names.

        Raises
        ------
        FileFormatError
            If none of its columns is the one with the paths.
        """
        if self.place.suffix.lower() == ".parquet":
            yield from self._of_table()
            return
        with self.place.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            yield from self._of_lines(stream)

    def _of_table(self) -> Iterator[tuple[int, str, dict[str, object]]]:
        import pyarrow.parquet as pq

        table = pq.read_table(self.place)
        column = self._column_among(table.column_names)
        for number, row in enumerate(table.to_pylist(), 1):
            yield number, str(row[column] or ""), row

    def _column_among(self, columns: list[str]) -> str:
        column = self.column or next((name for name in columns if name.lower() in _NAMES), None)
        if column is None or column not in columns:
            said = f"no column {column!r}" if column else "no column that must hold paths"
            raise FileFormatError(f"{self.place} has {said}: name one of {', '.join(columns) or 'none'} with --column")
        return column

    def _of_lines(self, stream: Iterable[str]) -> Iterator[tuple[int, str, dict[str, object]]]:
        if self.place.suffix.lower() == ".txt":
            for line, text in enumerate(stream, 1):
                if text.strip("\r\n"):
                    yield line, text.strip("\r\n"), {}
            return
        reader = csv.DictReader(stream, strict=True, delimiter="\t" if self.place.suffix.lower() == ".tsv" else ",")
        column = self._column_among(list(reader.fieldnames or ()))
        for row in reader:
            fields = {name: value for name, value in row.items() if isinstance(name, str)}
            yield reader.line_num, row[column] or "", dict[str, object](fields)


@lru_cache(2)
def _read(listing: Listing, _stamp: int) -> dict[str, Mapping[str, object]]:
    """Read and check a list once in each process."""
    place = listing.place
    try:
        rows = list(listing.entries())
    except (OSError, csv.Error) as error:
        raise FileFormatError(f"the list {place} cannot be read: {error}") from error
    found: dict[str, Mapping[str, object]] = {}
    lines: dict[str, int] = {}
    for line, name, fields in rows:
        path = str(PurePosixPath(name))
        _check(place, line, path, lines)
        lines[path] = line
        found[path] = fields
    if not found:
        raise FileFormatError(f"{place} names no files: write a path a line")
    return found


def _check(place: Path, line: int, name: str, lines: dict[str, int]) -> None:
    where, root = f"{place}, line {line}", place.parent
    shown = shown_name(name)
    if leads_out(name) or not (root / name).resolve().is_relative_to(root.resolve()):
        raise FileFormatError(f"{where}: {shown!r} leads out of {root}: put the list above its files")
    if name in lines:
        raise FileFormatError(f"{where}: {shown!r} is on line {lines[name]} already: leave one out")
    if not (root / name).is_file():
        raise FileFormatError(f"{where}: there is no file {shown!r}: leave it out")


def lists_paths(place: Path, column: str | None) -> bool:
    """Say whether a Parquet file keeps paths, not pictures: in a column of text that is named for it or asked for.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    needed("pyarrow", "datasets")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(place)
    except (pa.ArrowException, OSError):  # whoever opens it says so
        return False
    texts = {field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)}
    if column is not None:
        return column in texts
    return not any(holds_bytes(field.type) for field in schema) and any(name.lower() in _NAMES for name in texts)
