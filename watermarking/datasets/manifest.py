"""The record of a marked data set: what was done to every sample, kept beside the data set.

The folder ``.watermarking`` in the target holds::

    run.json            what was asked for: scheme, key commitment (never the key), source, message
    shards.parquet      the shards that the source was cut into when the run began
    running/*.jsonl     the samples of shards at hand, a line each
    manifest/*.parquet  the samples of finished shards: a shard is done when this file is there
    _stats.json         counts over all of it

Its name begins with a dot, so that no reader of folders takes the manifest for a part of the data set.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError, KeyFileError
from watermarking.extras import needed

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    import pyarrow as pa
    import pyarrow.dataset as pa_dataset

    from watermarking.keys import Key

__all__ = ["BOOK", "FORMAT", "FORMAT_OF_WORDS", "Manifest", "Record", "Status", "shown_name"]

BOOK: Final = ".watermarking"
"""Name of the folder beside the marked data that holds its manifest."""
FORMAT: Final = 1
FORMAT_OF_WORDS: Final = 2
"""Of copies that carry words of a code: those who know format 1 alone would look for messages in them."""

Status = Literal["marked", "already", "copied", "skipped"]


@dataclass(frozen=True, slots=True)
class Record:
    r"""What was done to one sample.

    Attributes
    ----------
    sample : str, its name in the source; bytes that are not UTF-8 stand there as ``\xff``
    shard : str, name of the shard that holds it; with recipients, ``recipient/shard``
    index : int, its place in the whole source, from 0
    status : "marked"; "already", which carried the message before; "copied", as it was; "skipped", left out
    reason : str, why a picture was not marked; None where nothing went wrong
    message : bytes, what it carries, of copies against colluders whose word; None where it is not marked
    recipient : str, whose copy it is; None where there are no recipients
    key_label : str, purpose for which the key was derived, see :meth:`watermarking.Key.derive`; None for the key itself
    psnr : float, dB, of what was written against what was read; None where it was not read back
    fidelity : float, SSIMULACRA2 score; None where none was aimed at
    bit_error_rate : float, share of the channel bits that were read back wrongly; None where it was not read back
    sha256_before, sha256_after : str, of the content in the source and in the target, 64 hex digits; of arrays, of
        their samples. The second is None where the sample was left out
    """

    sample: str
    shard: str
    index: int
    status: Status
    reason: str | None
    message: bytes | None
    recipient: str | None
    key_label: str | None
    psnr: float | None
    fidelity: float | None
    bit_error_rate: float | None
    sha256_before: str
    sha256_after: str | None

    def to_json(self) -> str:
        """Return it as one line of JSON; the message is given as hexadecimal digits."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["message"] = None if self.message is None else self.message.hex()
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            If the line is torn or none of these.
        """
        values = json.loads(line)
        if not isinstance(values, dict) or values.keys() != {field.name for field in dataclasses.fields(cls)}:
            raise ValueError(f"{line[:60]!r} is no record")
        values["message"] = None if values["message"] is None else bytes.fromhex(values["message"])
        return cls(**values)


def shown_name(name: str) -> str:
    r"""Return a sample's name as text that every format holds: bytes that are not UTF-8 become ``\xff``.

    Examples
    --------
    >>> print(shown_name("caf\udce9.png"))
    caf\xe9.png
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Manifest:
    """The manifest of a marked data set.

    Parameters
    ----------
    folder : Path
        The folder :data:`BOOK` of the data set.
    """

    folder: Path

    @classmethod
    def find(cls, place: str | os.PathLike[str]) -> Manifest:
        """Open the manifest of a data set, given as that of the data set or its folder :data:`BOOK`.

        Raises
        ------
        FileFormatError
            If there is none, or a later version wrote it.
        """
        path = Path(place)
        for folder in (path / BOOK, path):
            if (folder / "run.json").is_file():
                found = cls(folder)
                if (written := found.run().get("format")) not in (FORMAT, FORMAT_OF_WORDS):
                    raise FileFormatError(
                        f"{folder} has a manifest of format {written}, 1 and 2 are read: use a later version"
                    )
                return found
        raise FileFormatError(f"{path} has no manifest: name the folder that 'watermarking dataset embed' wrote to")

    @property
    def running(self) -> Path:
        """The folder with the lines of shards at hand."""
        return self.folder / "running"

    @property
    def parts(self) -> Path:
        """The folder with one Parquet file a finished shard."""
        return self.folder / "manifest"

    def run(self) -> dict[str, Any]:
        """Return what the run was asked for.

        Raises
        ------
        FileFormatError
            If the file is damaged.
        """
        return self._json("run.json")

    def run_of(self, key: Key, place: object) -> dict[str, Any]:
        """Return what the run was asked for, if the key is its own; ``place`` is what errors call the data set.

        Raises
        ------
        KeyFileError
            If the data set was marked with another key.
        """
        run = self.run()
        if key.commitment != run["key_commitment"]:
            raise KeyFileError(
                f"{place} was marked with the key {run['key_commitment'][:16]}..., not with {key.commitment[:16]}...: "
                "give that one"
            )
        return run

    def stats(self) -> dict[str, Any]:
        """Return the counts over the whole data set, as they were when a run last ended; empty if none did."""
        return self._json("_stats.json") if (self.folder / "_stats.json").is_file() else {}

    def part(self, number: int) -> Path:
        """Return the file that says that a shard is done, and holds its records."""
        return self.parts / f"{number:06d}.parquet"

    def lines(self, number: int) -> Path:
        """Return the file that a shard's records are written to while it is at hand."""
        return self.running / f"{number:06d}.jsonl"

    def done(self) -> set[int]:
        """Return the numbers of the shards that are done."""
        return {int(path.stem) for path in self.parts.glob("*.parquet") if path.stem.isdecimal()}

    def write_part(self, number: int, records: Sequence[Record]) -> None:
        """Note that a shard is done: after this it is never touched again."""
        write_whole(self.part(number), lambda stream: _parquet().write_table(_table(records), stream))

    def dataset(self) -> pa_dataset.Dataset:
        """Return all records as a data set of pyarrow's, which reads what is asked for and no more."""
        needed("pyarrow", "datasets")
        import pyarrow.dataset as pa_dataset

        files = [str(path) for path in sorted(self.parts.glob("*.parquet"))]
        return pa_dataset.dataset(files, schema=_schema(), format="parquet")

    def n_written(self) -> int:
        """Return how many samples were written, that is all but those that were left out."""
        needed("pyarrow", "datasets")
        import pyarrow.compute as pc

        return int(self.dataset().count_rows(filter=pc.field("sha256_after").is_valid()))

    def look_up(
        self, samples: Iterable[str] | None = None, *, shard: str | None = None, recipient: str | None = None
    ) -> list[Record]:
        """Return records in the order of the manifest: of samples by their names, of a shard, of a recipient's copy.

        What is not given does not matter; at least one of samples and shard is.
        """
        needed("pyarrow", "datasets")
        import pyarrow.compute as pc

        wanted = pc.scalar(True)
        if samples is not None:
            wanted = wanted & pc.field("sample").isin(list(samples))
        for name, value in (("shard", shard), ("recipient", recipient)):
            if value is not None:
                wanted = wanted & (pc.field(name) == value)
        return _records(self.dataset().to_table(filter=wanted))

    def records(self, number: int | None = None) -> Iterable[Record]:
        """Yield the records of a shard, or of all, one part in memory at a time."""
        numbers = sorted(self.done()) if number is None else [number]
        for one in numbers:
            yield from _records(_parquet().read_table(self.part(one), schema=_schema()))

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise FileFormatError(f"{path} cannot be read ({error}): the manifest is damaged") from error
        if not isinstance(found, dict):
            raise FileFormatError(f"{path} holds no object: the manifest is damaged")
        return found


def _parquet() -> Any:
    needed("pyarrow", "datasets")
    import pyarrow.parquet as pq

    return pq


def _schema() -> pa.Schema:
    import pyarrow as pa

    words = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            pa.field("sample", pa.string(), nullable=False),
            pa.field("shard", words, nullable=False),
            pa.field("index", pa.int64(), nullable=False),
            pa.field("status", words, nullable=False),
            pa.field("reason", pa.string()),
            pa.field("message", pa.binary()),
            pa.field("recipient", words),
            pa.field("key_label", pa.string()),
            pa.field("psnr", pa.float64()),
            pa.field("fidelity", pa.float64()),
            pa.field("bit_error_rate", pa.float64()),
            pa.field("sha256_before", pa.string(), nullable=False),
            pa.field("sha256_after", pa.string()),
        ]
    )


def _table(records: Sequence[Record]) -> pa.Table:
    import pyarrow as pa

    schema = _schema()
    return pa.table({name: [getattr(one, name) for one in records] for name in schema.names}, schema=schema)


def _records(table: pa.Table) -> list[Record]:
    return [Record(**row) for row in table.to_pylist()]
