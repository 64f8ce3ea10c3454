"""Copies of models in the benchmark: no cell is measured twice, and the tables count what rows say."""

from __future__ import annotations

from typing import Any

from harness.cells import DONE, identity
from harness.prints.answering import ATTACKS
from harness.prints.tables import TRIGGERED, answer_cells, model_cells, model_tables


def test_cells_are_different_ones() -> None:
    cells = model_cells(copies=4, tuned=2, trials=2, seeds=2, network="c2")
    asked = answer_cells(network="c2", leaks=3, hard=1, triggers=1, strangers=2)
    assert len({identity(cell) for cell in (*cells, *asked)}) == len(cells) + len(asked)
    assert {cell["kind"] for cell in cells} == {"single", "merged", "cost", "useless", "speed"}
    assert {cell["kind"] for cell in asked} == {"answers", "triggers"}
    assert sum(cell.get("attack") == "fine-tuned" for cell in cells) == 2
    assert sum(cell["attack"] == "hard labels" and cell["customer"] >= 0 for cell in asked) == 2
    assert {cell["customer"] for cell in asked} == {0, 1, 2, -1, -2}
    assert set(TRIGGERED) == {"none", *ATTACKS}


def test_tables_count_who_was_named() -> None:
    cells = model_cells(copies=2, tuned=0, trials=1, seeds=0, network="c2")
    rows = [
        {**cell, "status": DONE, "named": 1, "innocents": 0, "log10_best": -20.0 - cell.get("customer", 0)}
        for cell in cells if cell["kind"] in ("single", "merged")
    ]  # fmt: skip
    singles, merges, answers, costs = (lines for _, _, lines in model_tables(rows))
    assert singles[0] == ["c2", 304, "none", 2, 2, -20.0, 0, 0]
    assert merges[0] == ["c2", "none", "mean", "1.0 of 2, 1 trial", "1.0 of 5, 1 trial", "1.0 of 10, 1 trial"]
    failed = [{**row, "named": 0, "innocents": 2} if row["kind"] == "merged" else row for row in rows]
    assert model_tables(failed)[1][2][0][3] == "0.0 of 2, 1 trial, nobody in 1, 2 INNOCENT"
    assert not answers
    assert not costs


def test_answers_are_counted_by_mark_and_by_whose_they_are() -> None:
    rows = []
    for cell in answer_cells(network="mlp", leaks=2, hard=0, triggers=1, strangers=1):
        row: dict[str, Any] = {**cell, "status": DONE, "right": 1, "innocents": 0, "accused_populations": 1,
                               "accuracies": [0.9, 0.89, 0.88]}  # fmt: skip
        if cell["customer"] >= 0:
            row["log10_best"] = -9.0 - cell["customer"]
        if cell["kind"] == "triggers":
            row |= {"wrong_bits": 2, "n_bits": 306}
        rows.append(row)
    lines = model_tables(rows)[2][2]
    assert ["mlp", "soft labels", "distilled", 2, 2, -9.0, "-", 0, "2 of 40", "90.00, 89.00, 88.00 %"] in lines
    known = ["mlp", "verification pictures", "8 bit", 1, 1, -9.0, "2 of 306", 0, "1 of 20", "90.00, 89.00, 88.00 %"]
    assert known in lines
    assert [line[1] for line in lines if line[4] == "-"] == [
        "unmarked, tested for soft labels", "unmarked, tested for soft labels", "unmarked, tested for pictures",
    ]  # fmt: skip
