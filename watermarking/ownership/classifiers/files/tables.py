"""Tables of text, .csv or .tsv: a header or none, names of queries or none, a row a query or a row a label."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["SUFFIXES", "Table", "cell_number", "read_table"]

SUFFIXES: Final = (".csv", ".tsv", ".txt")
_QUERIES: Final = frozenset({"query", "file", "filename", "name", "id", "input", "image", "picture", "path", "index"})
_LABELS: Final = frozenset({"label", "class", "prediction", "predicted"})
_VALUES: Final = frozenset({"probability", "prob", "p", "score", "confidence"})
_MOST_BYTES: Final = 1 << 31
_INTEGER: Final = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Table:
    """A table, as text.

    Attributes
    ----------
    path : where it lies, for messages
    header : names of the columns that are left, None if the file has no header
    names : of the queries, one a row, None if the file does not name them
    rows : lists of cells, one a line of the file, without the query's name
    lines : numbers of the rows in the file
    delimiter : what stands between cells
    """

    path: Path
    header: list[str] | None
    names: list[str] | None
    rows: list[list[str]]
    lines: list[int]
    delimiter: str

    @property
    def label_column(self) -> int | None:
        """Which column holds labels, if the header says so."""
        return self._column(_LABELS)

    @property
    def value_column(self) -> int | None:
        """Which column holds their probabilities, if the header says so."""
        return self._column(_VALUES)

    def _column(self, known: frozenset[str]) -> int | None:
        found = [i for i, name in enumerate(self.header or ()) if name.lower() in known]
        return found[0] if len(found) == 1 else None


def read_table(path: Path) -> Table:
    """Read a table; what is between cells, and whether there is a header, it shows itself.

    Raises
    ------
    FileFormatError
        If it is missing, no text, too large or empty.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FileFormatError(f"{path} is larger than 2 GB: give a table of that size as .npy")
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise FileFormatError(f"there is no {path}: name a table, .csv") from None
    except UnicodeDecodeError:
        raise FileFormatError(f"{path} is no table of UTF-8 text") from None
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}") from error
    delimiter = _delimiter(text)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        found = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error as error:
        raise FileFormatError(f"{path}, line {reader.line_num}: {error}") from error
    if not found:
        raise FileFormatError(f"{path} is empty: give a row for each query")
    header = found[0][1] if _is_header([row for _, row in found[:50]]) else None
    rows = found[1:] if header is not None else found
    if not rows:
        raise FileFormatError(f"{path} holds a header and no row: give a row for each query")
    cells, lines = [row for _, row in rows], [line for line, _ in rows]
    names = None
    if (column := _query_column(header)) is not None and header is not None:
        names = [row[column] if column < len(row) else "" for row in cells]
        cells = [[*row[:column], *row[column + 1 :]] for row in cells]
        header = [*header[:column], *header[column + 1 :]]
    return Table(path, header, names, cells, lines, delimiter)


def cell_number(table: Table, place: int, cell: str) -> float:
    """Return a cell as a number, 0 if there is nothing in it: what was not answered.

    Raises
    ------
    FileFormatError
        If it is none; the message names the line.
    """
    if not cell:
        return 0.0
    try:
        return float(cell)
    except ValueError:
        raise FileFormatError(
            f"{table.path}, line {table.lines[place]}: {cell[:40]!r} is no number; labels need a header 'label', or "
            "'query,label,probability' with a line for each"
        ) from None


def is_number(cell: str) -> bool:
    """Say whether a cell is a number, or nothing."""
    try:
        float(cell or "0")
    except ValueError:
        return False
    return True


def _delimiter(text: str) -> str:
    """Return what stands between the cells of the first line: the commonest of the usual ones."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    best = max((first.count(one), one) for one in (",", "\t", ";"))
    return best[1] if best[0] else ","


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether the first of the rows names the columns."""
    first, others = rows[0], rows[1:]
    known = {cell.lower() for cell in first} & (_QUERIES | _LABELS | _VALUES)
    if known and not all(map(is_number, first)):
        return True
    if not all(map(is_number, first)):
        return any(not is_number(a) and is_number(b) and b for row in others for a, b in zip(first, row, strict=False))
    named = list(first[1:]) if first and not first[0] else list(first)
    if named != [str(i) for i in range(len(named))] or len(named) < 2:  # classes by number, as pandas writes them
        return False
    return any(not _INTEGER.fullmatch(cell) and not math.isnan(float(cell)) for row in others for cell in row if cell)


def _query_column(header: Sequence[str] | None) -> int | None:
    """Return which column names the queries: the first one, if its name says so or it has none, as pandas writes it."""
    if header is None or len(header) < 2:
        return None
    return 0 if not header[0] or header[0].lower() in _QUERIES else None
