"""Data sets as the Hugging Face library ``datasets`` saves them to disk: Arrow streams, one shard each.

They are read and written as Arrow, without the library: pictures stay the bytes that they are. What the library saved
beside them (features, splits, captions, the order of rows) goes along; only the fingerprint is a new one, made from the
old one and the run, since caches would take a marked data set for the one that it was made of.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from watermarking.datasets.stores.columns import counted, grouped, picture_column, replaced, row_samples
from watermarking.datasets.stores.files import ShardFiles, beside, files_of, steady
from watermarking.datasets.writing import whole_file, write_whole
from watermarking.errors import FileFormatError
from watermarking.extras import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash

    import pyarrow as pa

    from watermarking.datasets.sample import Placed, Sample, Shard

__all__ = ["Saved"]

_STATE = "state.json"


@dataclass(frozen=True)
class Saved(ShardFiles):
    """A folder that ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote.

    Parameters
    ----------
    place : Path
    column : str, optional
        Which one holds the pictures.
    """

    kind: ClassVar[str] = "arrow"
    suffixes: ClassVar[tuple[str, ...]] = (".arrow",)
    column: str | None = None

    def names(self) -> list[str]:
        """Leave out what the library put beside them since: whatever ``map`` made of a data set is cached there."""
        found = super().names()
        own = [name for name in found if self._is_own(name)]
        return own or found

    def passed_over(self) -> dict[str, int]:
        """Count the library's caches."""
        n = len(files_of(self.place, self.suffixes)) - len(self.names())
        return {"cache of 'datasets'": n} if n else {}

    def _is_own(self, name: str) -> bool:
        """Say whether what the library saved beside a file names it; taken for granted where that says nothing."""
        try:
            files = json.loads(self.path_of(name).with_name(_STATE).read_text("utf-8"))["_data_files"]
            return Path(name).name in {one["filename"] for one in files}
        except (OSError, ValueError, KeyError, TypeError):
            return True

    def count(self, path: Path, state: Hash) -> int:
        """Count the rows of a file."""
        n = 0
        for batch in _batches(path):
            picture_column(batch.schema, self.column, path)
            n += batch.num_rows
            state.update(f"{batch.num_rows} {batch.nbytes} ".encode())
        return n

    def read(self, shard: Shard) -> Iterator[Sample]:
        """Yield a sample a row; its name is its number in the file and the path that it came from."""
        path = self.path_of(shard.name)
        with steady(path):
            first = 0
            for batch in _batches(path):
                yield from row_samples(batch, picture_column(batch.schema, self.column, path), first, path.parent)
                first += batch.num_rows

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the file under its name, whole, with the batches that it had."""
        import pyarrow as pa

        path = self.path_of(shard.name)
        sizes = [batch.num_rows for batch in _batches(path)]
        groups = grouped(counted(placed, wrote), sizes)
        with whole_file(target / shard.name) as temporary, pa.OSFile(str(temporary), "wb") as sink:
            with pa.ipc.new_stream(sink, _schema(path)) as writer:
                first = 0
                for batch, group in zip(_batches(path), groups, strict=True):
                    column = picture_column(batch.schema, self.column, path)
                    writer.write_batch(replaced(batch, column, first, group))
                    first += batch.num_rows
            for _ in groups:
                pass

    def finish(self, target: Path, tag: str) -> None:
        """Copy what lies beside the Arrow files, with new fingerprints."""
        for name in beside(self.place, self.suffixes):
            if Path(name).name == _STATE:
                state = json.loads((self.place / name).read_text("utf-8"))
                state["_fingerprint"] = hashlib.sha256(f"{state.get('_fingerprint')} {tag}".encode()).hexdigest()[:16]
                text = json.dumps(state, indent=2, sort_keys=True)
                write_whole(target / name, lambda stream, text=text: stream.write(text.encode()))  # type: ignore[misc]
        super().finish(target, tag)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of an Arrow stream, or file, one in memory at a time."""
    pa = needed("pyarrow", "datasets")
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
            yield from reader
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(f"{path} is no whole Arrow stream ({error}): leave it out") from error


def _schema(path: Path) -> pa.Schema:
    import pyarrow as pa

    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        return reader.schema
