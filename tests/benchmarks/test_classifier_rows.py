"""Rows of thieves who get labels alone and of small measurements: each cell once, and tables of what is there."""

from __future__ import annotations

from typing import Any

from harness.cells import identity
from harness.classifiers.labels import label_cells, label_table
from harness.classifiers.small import measure_small, small_cells, small_table


def test_cells_differ() -> None:
    cells = [*label_cells(), *small_cells()]
    assert len({identity(cell) for cell in cells}) == len(cells)
    assert {cell["network"] for cell in label_cells()} == {"mlp", "c2"}
    assert {cell["queries"] for cell in label_cells()} == {10_000, 30_000, 50_000}
    assert sum(cell["measured"] == "evidence" for cell in small_cells()) * 50 == 1000


def test_labels_are_told_by_what_was_asked() -> None:
    shared = {"status": "done", "measured": "labels", "network": "mlp", "queries": 30_000, "start": "wrapper"}
    own = [{"1500": 1e-9, "5000": 1e-7, "wrong keys": [0.5, 0.004]}, {"1500": 1e-11, "5000": 2e-8, "wrong keys": [0.9]}]
    rows: list[dict[str, Any]] = [
        {**shared, "accuracy": 0.87, "cost": 0.001, "swapped": 0.015, "p": {"own queries": p}} for p in own
    ]
    _, (line,) = label_table(rows)
    assert line[:8] == ["wrapper", "mlp", 30_000, 2, "87.00", "+0.10", "1.50", "own queries"]
    assert line[8:] == ["5e-10", "6e-08", "1e-07", "0.3333", "4e-03"]
    control = {**shared, "start": "unmarked", "accuracy": 0.88, "cost": 0.0, "swapped": 0.0}
    _, (line,) = label_table([{**control, "p": {"unseen": {"wrong keys": [0.2, 0.6]}}}])
    assert line[7:] == ["unseen", "", "", "", "0.0000", "2e-01"]


def test_small_rows_are_told() -> None:
    rows: list[dict[str, Any]] = [
        {"measured": "embedding", "right": 9000, "right_embedded": 8990, "of": 10_000},
        {"measured": "embedding", "right": 9000, "right_embedded": 9010, "of": 10_000},
        {"measured": "clients", "clients": 9, "suspect": "clean", "queries": 5, "p_right": 1.0, "p_wrong": [0.4, 0.5]},
        {"measured": "evidence", "largest": [0.0, 3.5]},
        {"measured": "null", "null": [0.05, 0.5, 0.6, 0.7]},
    ]
    _, lines = small_table(rows)
    assert lines[0][2] == "the right one 1e+00, the least of the others 4.0e-01"
    assert lines[1] == ["a mark in the weights, cost", "2 keys", "+0.00 +- 1.27, at most +0.10 points"]
    assert small_table(rows[:1])[1][0][2] == "+0.10 points"
    assert lines[2] == ["e-values of clean models", "2 runs", "largest 3.5"]
    assert lines[3][2] == "0.2500 below 0.1, 0.0000 below 0.01, 0.0000 below 0.001"


def test_the_wrapper_is_timed_beside_a_network() -> None:
    (row,) = measure_small([{"task": "none", "measured": "time", "classes": 10, "side": 64}], kept=None)
    assert len(row["network"]) == len(row["wrapper"]) == 3
    assert row["share"] > 0
    (line,) = small_table([{**row, "measured": "time", "classes": 10}])[1]
    assert "% of ResNet-18" in line[2]
