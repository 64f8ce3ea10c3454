"""Copies of models in the benchmark: no cell is measured twice, and the tables count what rows say."""

from __future__ import annotations

from harness.cells import DONE, identity
from harness.prints.tables import model_cells, model_tables


def test_cells_are_different_ones() -> None:
    cells = model_cells(copies=4, tuned=2, trials=2, answers=1, seeds=2, network="c2")
    assert len({identity(cell) for cell in cells}) == len(cells)
    kinds = {cell["kind"] for cell in cells}
    assert kinds == {"single", "merged", "cost", "useless", "speed", "answers"}
    assert sum(cell.get("attack") == "fine-tuned" for cell in cells) == 2


def test_tables_count_who_was_named() -> None:
    cells = model_cells(copies=2, tuned=0, trials=1, answers=0, seeds=0, network="c2")
    rows = [
        {**cell, "status": DONE, "named": 1, "innocents": 0, "log10_best": -20.0 - cell.get("customer", 0)}
        for cell in cells if cell["kind"] in ("single", "merged")
    ]  # fmt: skip
    singles, merges, answers, costs = (lines for _, _, lines in model_tables(rows))
    assert singles[0] == [304, "none", 2, 2, -20.0, 0, 0]
    assert merges[0][:5] == [2, "mean", "none", 1, 1]
    assert not answers
    assert not costs
