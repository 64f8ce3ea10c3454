"""Parquet files with a column of pictures: each file is a shard, rewritten with its schema, row groups and coding."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from watermarking.datasets.extra import needed
from watermarking.datasets.sample import Shard
from watermarking.datasets.stores.columns import counted, grouped, picture_column, replaced, row_samples
from watermarking.datasets.stores.files import copy_beside, files_of, steady
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from watermarking.datasets.sample import Placed, Sample

__all__ = ["Parquet"]

_SUFFIXES = (".parquet",)
_ROWS = 64
"""Rows that are read together; those of a row group are written together."""


@dataclass(frozen=True)
class Parquet:
    """Parquet files, one or a folder of them.

    Parameters
    ----------
    place : Path
    column : str, optional
        Which one holds the pictures: bytes, or structs of bytes and path as Hugging Face keeps them.
    """

    kind: ClassVar[str] = "parquet"
    numbered: ClassVar[bool] = True
    leaves_out: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    place: Path
    column: str | None = None

    def options(self) -> dict[str, Any]:
        """Return which column holds the pictures."""
        return {} if self.column is None else {"column": self.column}

    def shards(self) -> list[Shard]:
        """Take each file as a shard.

        Raises
        ------
        FileFormatError
            If there is none, one is damaged, or it is not clear which column holds the pictures.
        """
        found: list[Shard] = []
        first = 0
        for name in files_of(self.place, _SUFFIXES):
            path = self._path(name)
            with _opened(path) as file:
                picture_column(file.schema_arrow, self.column, path)
                n, schema = file.metadata.num_rows, str(file.schema_arrow)
            size = path.stat().st_size
            found.append(Shard(name, first, n, size, hashlib.sha256(f"{size} {n} {schema}".encode()).hexdigest()))
            first += n
        return found

    def passed_over(self) -> dict[str, int]:
        """Count nothing: files that are no Parquet go along."""
        return {}

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield a sample a row; its name is its number in the file and the path that it came from."""
        path = self._path(shard.name)
        with steady(path), _opened(path) as file:
            column = picture_column(file.schema_arrow, self.column, path)
            first = 0
            for batch in _batches(file):
                yield from row_samples(batch, column, first, path.parent)
                first += batch.num_rows

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the file under its name, whole."""
        import pyarrow.parquet as pq

        path = self._path(shard.name)
        with _opened(path) as file, whole_file(target / shard.name) as temporary:
            schema, column = file.schema_arrow, picture_column(file.schema_arrow, self.column, path)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            groups = grouped(counted(placed, wrote), sizes)
            with pq.ParquetWriter(temporary, schema, compression=_compression(file)) as writer:
                first = 0
                for number, group in enumerate(groups):
                    rows = replaced(file.read_row_group(number), column, first, group)
                    writer.write_table(rows, row_group_size=max(1, rows.num_rows))
                    first += sizes[number]

    def written(self, _target: Path, _sample: Sample) -> None:
        """Return nothing: a file is written whole."""

    def finish(self, target: Path, _tag: str) -> None:
        """Copy what lies beside the files."""
        copy_beside(self.place, target, _SUFFIXES)

    def _path(self, name: str) -> Path:
        return self.place / name if self.place.is_dir() else self.place


def _opened(path: Path) -> pq.ParquetFile:
    needed("pyarrow", "datasets")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(f"{path} is no whole Parquet file ({error}): leave it out") from error


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for number in range(file.num_row_groups):
        yield from file.iter_batches(_ROWS, row_groups=[number])


def _compression(file: pq.ParquetFile) -> dict[str, str] | str:
    if not file.metadata.num_row_groups:
        return "snappy"
    group = file.metadata.row_group(0)
    columns = (group.column(i) for i in range(group.num_columns))
    return {one.path_in_schema: one.compression.lower().replace("uncompressed", "none") for one in columns}
