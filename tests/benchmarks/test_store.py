"""Rows are never lost and never doubled, whatever happens to the process that writes them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from harness.cells import identity
from harness.store import ResultsError, Store, cell_of, read_rows, read_runs

if TYPE_CHECKING:
    from pathlib import Path


def row(n: int, status: str = "done", **more: Any) -> dict[str, Any]:
    return {"n": n, "seed": 1, "status": status, **more, "run": "0"}


def test_rows_come_back_sorted_by_their_cells(tmp_path: Path) -> None:
    with Store(tmp_path / "one") as store:
        store.add([row(2), row(1)])
    with Store(tmp_path / "two") as store:
        store.add([row(1)])
        store.add([row(2)])
    assert read_rows(tmp_path / "one") == [row(1), row(2)]
    assert (tmp_path / "one/rows.jsonl.xz").read_bytes() == (tmp_path / "two/rows.jsonl.xz").read_bytes()


def test_a_finished_cell_is_known_and_a_crashed_one_is_tried_again(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add([row(1), row(2, "crashed", reason="x")])
    with Store(tmp_path) as store:
        assert {"seed": 1, "n": 1} in store
        assert {"n": 2, "seed": 1} not in store
        store.add([row(2, value=7)])
    assert read_rows(tmp_path) == [row(1), row(2, value=7)]


def test_a_killed_run_leaves_its_rows_and_a_torn_line_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"n":1,"seed":1,"status":"done","run":"0"}\n{"n":2,"se', "utf-8")
    assert read_rows(tmp_path) == [row(1)]
    with Store(tmp_path) as store:
        store.add([row(2)])
    assert read_rows(tmp_path) == [row(1), row(2)]
    assert not (tmp_path / "journal.jsonl").exists()


def test_two_runs_on_one_folder_refuse_at_once(tmp_path: Path) -> None:
    with Store(tmp_path), pytest.raises(ResultsError, match="another run"), Store(tmp_path):
        pass
    with Store(tmp_path):
        pass


def test_a_full_disk_loses_nothing_and_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path) as store:
        store.add([row(1)])
        write = os.write

        def full(descriptor: int, data: bytes) -> int:
            write(descriptor, data[:9])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(ResultsError, match=r"No space left on device\. 1 rows are safe"):
            store.add([row(2)])
        monkeypatch.undo()
        assert {"n": 2, "seed": 1} not in store
    assert read_rows(tmp_path) == [row(1)]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(ResultsError, match="cannot use"), Store(tmp_path / "file" / "results"):
        pass


def test_damaged_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.xz").write_bytes(b"not xz")
    with pytest.raises(ResultsError, match="damaged"):
        read_rows(tmp_path)


def test_fresh_forgets(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.remember_run("0", {"commit": "abc"})
        store.add([row(1)])
    assert read_runs(tmp_path) == {"0": {"commit": "abc"}}
    with Store(tmp_path, fresh=True) as store:
        assert not store.rows
    assert not read_rows(tmp_path)


def test_identity_sees_parameters_alone() -> None:
    assert identity(cell_of(row(1, value=3))) == identity({"seed": 1, "n": 1})
    assert identity({"n": 1.0}) != identity({"n": 1.5})
