"""Parquet files with a column of pictures: each file is a shard, rewritten with its schema, row groups and coding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watermarking.datasets.stores.columns import counted, grouped, picture_column, replaced, row_samples
from watermarking.datasets.stores.files import ShardFiles, steady
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError
from watermarking.extras import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from watermarking.datasets.sample import Placed, Sample, Shard

__all__ = ["Parquet"]

_ROWS = 64
"""Rows that are read together; those of a row group are written together."""


@dataclass(frozen=True)
class Parquet(ShardFiles):
    """Parquet files, one or a folder of them.

    Parameters
    ----------
    place : Path
    column : str, optional
        Which one holds the pictures: bytes, or structs of bytes and path as Hugging Face keeps them.
    """

    kind: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)
    column: str | None = None

    def count(self, path: Path, state: Hash) -> int:
        """Count the rows of a file."""
        with _opened(path) as file:
            picture_column(file.schema_arrow, self.column, path)
            n: int = file.metadata.num_rows
            state.update(f"{path.stat().st_size} {n} {file.schema_arrow}".encode())
        return n

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield a sample a row; its name is its number in the file and the path that it came from."""
        path = self.path_of(shard.name)
        with steady(path), _opened(path) as file:
            column = picture_column(file.schema_arrow, self.column, path)
            first = 0
            for batch in _batches(file):
                yield from row_samples(batch, column, first, path.parent)
                first += batch.num_rows

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the file under its name, whole."""
        import pyarrow.parquet as pq

        path = self.path_of(shard.name)
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
