"""Rows on disk: one JSON line a cell, appended whole, never lost, never doubled.

A folder of results holds ``rows.jsonl.xz`` (sorted, the lasting form), while a run lasts also ``journal.jsonl`` (in the
order in which cells finish), ``runs.json`` (seed, commit, versions and machine of each run that rows refer to) and
``lock``. A killed run leaves its journal; the next one takes it over.
"""

from __future__ import annotations

import fcntl
import json
import lzma
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from harness.cells import CRASHED, Cell, Row, canonical, identity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

__all__ = ["RESULTS", "ResultsError", "Store", "read_rows", "read_runs"]

RESULTS = Path(__file__).parents[1] / "results"
_ROWS, _JOURNAL, _RUNS, _LOCK = "rows.jsonl.xz", "journal.jsonl", "runs.json", "lock"


class ResultsError(Exception):
    """A folder of results cannot be used or written; the message says why."""


class Store:
    """The rows of one folder, held by one run at a time.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    fresh : bool
        Forget the rows there.

    Raises
    ------
    ResultsError
        On entering, if another run holds the folder or it cannot be written.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.rows: dict[str, Row] = {}
        self._fresh = fresh
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / _LOCK).open("ab")
        except OSError as error:
            raise ResultsError(f"cannot use {self.folder} for results: {error.strerror or error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise ResultsError(f"another run is writing to {self.folder}: wait for it, or choose --results") from None
        if self._fresh:
            for name in (_ROWS, _JOURNAL, _RUNS):
                (self.folder / name).unlink(missing_ok=True)
        self.rows = {identity(cell_of(row)): row for row in read_rows(self.folder)}
        self._journal = os.open(self.folder / _JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._drop_torn_line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._journal)
        try:
            self._compact()
        finally:
            if self._lock is not None:
                self._lock.close()  # the file stays: removing it would let two runs lock different files

    def __contains__(self, cell: Cell) -> bool:
        """Say whether the cell is finished; one that crashed is not, it is tried again."""
        row = self.rows.get(identity(cell))
        return row is not None and row["status"] != CRASHED

    def of(self, cells: Iterable[Cell]) -> list[Row]:
        """Return the rows of the cells that have one, in the order of the cells."""
        names = map(identity, cells)
        return [self.rows[name] for name in names if name in self.rows]

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows: all of them, or on a full disk none, and then ResultsError."""
        new = {identity(cell_of(row)): row for row in rows}
        data = "".join(_line(row) for row in new.values()).encode()
        size = os.fstat(self._journal).st_size
        try:
            if os.write(self._journal, data) != len(data):
                raise OSError("only a part could be written")
        except OSError as error:
            os.ftruncate(self._journal, size)
            raise ResultsError(
                f"cannot write to {self.folder}: {error.strerror or error}. {len(self.rows)} rows are safe there; "
                "make room and run the same command again"
            ) from error
        self.rows.update(new)

    def remember_run(self, run_id: str, provenance: dict[str, Any]) -> None:
        """Note what a run's id stands for."""
        runs = {**read_runs(self.folder), run_id: provenance}
        self._replace(_RUNS, (json.dumps(runs, indent=1, sort_keys=True) + "\n").encode())

    def _compact(self) -> None:
        """Write all rows sorted by their cell, so that equal rows make equal files, then drop the journal."""
        if self.rows:
            ordered = sorted(self.rows.values(), key=lambda row: canonical(cell_of(row)))
            self._replace(_ROWS, lzma.compress("".join(map(_line, ordered)).encode(), preset=9))
        (self.folder / _JOURNAL).unlink()

    def _replace(self, name: str, data: bytes) -> None:
        part = self.folder / f".{name}.part"
        try:
            part.write_bytes(data)
            part.replace(self.folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ResultsError(f"cannot write {self.folder / name}: {error.strerror or error}") from error

    def _drop_torn_line(self) -> None:
        content = (self.folder / _JOURNAL).read_bytes()
        os.ftruncate(self._journal, content.rfind(b"\n") + 1)


def read_rows(folder: Path, *, lasting: bool = False) -> list[Row]:
    """Read the rows of a folder; none if there is none.

    Those of a run that was killed or still goes on are among them, unless only what lasts is asked for: what is in the
    file that is committed.
    """
    texts = []
    if (folder / _ROWS).exists():
        texts.append(_unpack(folder / _ROWS))
    if not lasting and (folder / _JOURNAL).exists():
        content = (folder / _JOURNAL).read_text("utf-8", errors="replace")
        texts.append(content[: content.rfind("\n") + 1])  # a torn last line is no row
    rows: dict[str, Row] = {}
    for text in texts:
        for line in text.splitlines():
            row = json.loads(line)
            rows[identity(cell_of(row))] = row  # the journal's word is the later one
    return list(rows.values())


def read_runs(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what the ids of runs stand for."""
    path = folder / _RUNS
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def cell_of(row: Row) -> Cell:
    """Return the parameters of a row: what stands before its status."""
    cell: Cell = {}
    for name, value in row.items():
        if name == "status":
            break
        cell[name] = value
    return cell


def _line(row: Row) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n"


def _unpack(path: Path) -> str:
    try:
        return lzma.decompress(path.read_bytes()).decode()
    except lzma.LZMAError as error:
        raise ResultsError(f"{path} is damaged ({error}): restore it, or measure again with --fresh") from error


if sys.platform == "win32":
    raise ImportError("the benchmarks lock their results with fcntl, which Windows does not have")
