"""What docs/where.md says that levels of ``search`` cost and find is what is stored."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.pages import ROOT

if TYPE_CHECKING:
    import pytest


def test_the_table_is_that_of_the_stored_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import levels
    from harness.store import RESULTS, read_rows

    rows = read_rows(RESULTS / levels.NAME)
    page = levels.PAGE.read_text("utf-8")
    assert levels.with_table(page, rows) == page
    lines = [line.split("|") for line in levels.markdown(rows).splitlines()]
    assert len(lines) == 2 + len(levels.SIZES) + len(levels.ATTACKS)
    assert all(cell.strip() for line in lines[2:] for cell in line[1:-1])  # every cell was measured


def test_a_table_is_put_between_its_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import levels

    rows = [
        {"part": "cost", "rows": 512, "cols": 512, "level": 0, "ratio": 12.34},
        {"part": "finds", "photograph": "a", "attack": "none", "level": 0, "read": True},
        {"part": "finds", "photograph": "b", "attack": "none", "level": 0, "read": False},
    ]
    once = levels.with_table(f"before\n\n{levels.BEGIN}\nold\n\n{levels.END}\nafter\n", rows)
    assert once.startswith("before\n\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert "| refuses 512x512, times its decoding | 12.3 |" in once
    assert "| reads as it was written | 1 of 2 |" in once
    assert levels.with_table(once, rows) == once
