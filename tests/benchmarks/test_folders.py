"""The folder figure: every way marks every photograph, and what is promised is held against rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import speed
from harness import folders
from harness.photographs import find

if TYPE_CHECKING:
    from watermarking.cli.tasks import Task


def test_every_way_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "find", lambda _name: find("shipped")[:1])
    monkeypatch.setattr(folders, "_MEGAPIXELS", (0.2,))
    monkeypatch.setattr(folders, "_TURNS", 1)
    cells = [cell for cell in folders.folder_cells(all_ways=True) if cell["workers"] == 2]
    rows = folders.measure_folders(cells)
    assert [row["status"] for row in rows] == ["done"] * 5
    assert {row["pictures"] for row in rows} == {4}
    assert all(0 < row["seconds"][1] <= row["seconds"][0] for row in rows)
    merged = [{**cell, **row} for cell, row in zip(cells, rows, strict=True)]
    heading, lines = folders.folder_table(merged)
    assert len(lines) == 5
    assert len(heading) == 4


@pytest.mark.parametrize(("two", "again", "verdicts"), [(0.05, 0.03, ["pass", "pass"]), (0.08, 0.09, ["FAIL", "FAIL"])])
def test_promises(two: float, again: float, verdicts: list[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"operation": "folder", "way": way, "workers": n, "status": "done", "pictures": 4, "seconds": [t, t]}
        for way, n, t in (("command", 1, 0.1), ("command", 2, two), ("command, marked already", 1, again))
    ]
    assert [line[3] for line in speed.promises_table(rows)[1]] == verdicts
    assert speed.promises_table([])[1] == []


def test_a_way_that_leaves_photographs_out_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "find", lambda _name: find("shipped")[:1])
    monkeypatch.setattr(folders, "_MEGAPIXELS", (0.2,))
    monkeypatch.setattr(folders, "outcomes", lambda _run, tasks, _n: [Image.new("L", (1, 1)).save(written(tasks[0]))])
    with pytest.raises(RuntimeError, match="not all of 4"):
        folders.measure_folders([{"operation": "folder", "way": "processes", "workers": 2}])


def written(task: Task) -> Path:
    Path(task.target).parent.mkdir()
    return Path(task.target)
