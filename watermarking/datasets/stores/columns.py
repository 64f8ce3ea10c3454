"""Tables of Arrow whose rows hold pictures: bytes, structs of bytes and path as Hugging Face keeps them, or paths."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from watermarking.datasets.manifest import shown_name
from watermarking.datasets.sample import Sample
from watermarking.datasets.stores.folder import read_steadily
from watermarking.datasets.stores.names import leads_out
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from watermarking.datasets.sample import Placed

__all__ = ["Row", "counted", "grouped", "holds_bytes", "picture_column", "replaced", "row_samples"]

_NAMES: Final = ("image", "img", "picture", "photo", "jpg", "png", "bytes")


@dataclass(frozen=True)
class Row(Mapping[str, object]):
    """The other columns of a row, read when they are asked for."""

    table: pa.RecordBatch
    number: int
    left_out: str

    def __getitem__(self, name: str) -> object:
        if name == self.left_out or name not in self.table.schema.names:
            raise KeyError(name)
        return self.table.column(name)[self.number].as_py()

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.table.schema.names if name != self.left_out)

    def __len__(self) -> int:
        return len(self.table.schema.names) - 1


def picture_column(schema: pa.Schema, wanted: str | None, place: Path) -> str:
    """Return the column that holds pictures.

    Raises
    ------
    FileFormatError
        If the one that is wanted is missing or can hold none, or none is wanted and none or several could be meant.
    """
    fitting = [field.name for field in schema if holds_bytes(field.type)]
    if wanted is not None:
        if wanted not in schema.names:
            raise FileFormatError(f"{place} has no column {wanted!r}: its columns are {', '.join(schema.names)}")
        if wanted not in fitting:
            kind = schema.field(wanted).type
            raise FileFormatError(f"{place}: column {wanted!r} holds {kind}, bytes are needed: name another")
        return wanted
    named = [name for name in fitting if name.lower() in _NAMES]
    found = named if len(fitting) != 1 else fitting
    if len(found) != 1:
        may = f"{', '.join(fitting)} could" if fitting else "none of its columns can"
        raise FileFormatError(f"{place}: {may} hold pictures: name the column with --column")
    return str(found[0])


def row_samples(batch: pa.RecordBatch, column: str, first: int, root: Path) -> Iterator[Sample]:
    """Yield a sample a row of a batch, the first of which has this number.

    A picture that is there by its path alone is read from the file, which must lie below ``root``.
    """
    values = batch.column(column)
    for number in range(batch.num_rows):
        value = values[number].as_py()
        content, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        name, flaw = f"{first + number:09d}", None
        if path:
            name = f"{name}/{shown_name(path).rpartition('/')[2]}"
        if content is None and path:
            content, flaw = _from_path(root, path)
        elif content is None:
            content, flaw = b"", "the row holds no picture"
        yield Sample(name, content, Row(batch, number, column), flaw=flaw, place=first + number)


def _from_path(root: Path, path: str) -> tuple[bytes, str | None]:
    try:
        if leads_out(path) and not (root / path).resolve().is_relative_to(root.resolve()):
            return b"", f"its path {shown_name(path)!r} leads out of the data set"
        return read_steadily(root / path), None
    except (OSError, ValueError) as error:  # ValueError: of a name that no file can have
        return b"", f"its file cannot be read: {error}"


def replaced(rows: Any, column: str, first: int, placed: Sequence[Placed]) -> Any:
    """Return rows with what is written in place of their pictures; those that are left out are gone.

    Parameters
    ----------
    rows : Table or RecordBatch
    first : int
        Number of the first row.
    """
    import pyarrow as pa

    kept = [one for one in placed if one.content is not None]
    index, field = rows.schema.get_field_index(column), rows.schema.field(column)
    if len(kept) < rows.num_rows:
        rows = rows.take(pa.array([one.sample.place - first for one in kept], pa.int64()))
    before = rows.column(column).to_pylist()
    values = [_value(old, one) for old, one in zip(before, kept, strict=True)]
    return rows.set_column(index, field, pa.array(values, field.type))


def _value(old: Any, one: Placed) -> Any:
    if one.sample.flaw is not None:  # as it was, path alone or nothing
        return old
    return {**old, "bytes": one.content} if isinstance(old, dict) else one.content


def counted(placed: Iterable[Placed], wrote: Callable[[], None]) -> Iterator[Placed]:
    """Yield what is written, and tell of each."""
    for one in placed:
        yield one
        wrote()


def grouped(placed: Iterable[Placed], sizes: Iterable[int]) -> Iterator[list[Placed]]:
    """Cut what is written into the groups of rows that it was read in."""
    source = iter(placed)
    for size in sizes:
        yield list(itertools.islice(source, size))
    next(source, None)  # what reads finds out at its end whether the file stayed as it was


def holds_bytes(kind: pa.DataType) -> bool:
    """Say whether a column of this type can hold pictures."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return "bytes" in {kind.field(i).name for i in range(kind.num_fields)}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))
