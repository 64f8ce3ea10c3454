"""Training in parts, and copies against colluders: cells, tables, and the measurements themselves, with little data."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pytest
import torch
from covers import photograph

import copies
import split
from harness import copies as copying
from harness import split as splitting

SOME = argparse.Namespace(seeds=2, small=True, part=None)


def accuracy(way: str, seed: int, correct: int) -> dict[str, Any]:
    return {"part": "accuracy", "status": "done", "way": way, "noise": 0.0, "seed": seed, "correct": correct,
            "tested": 10_000}  # fmt: skip


def test_the_difference_is_paired_by_seed() -> None:
    rows = [accuracy("in parts", 0, 8500), accuracy("central", 0, 8510), accuracy("in parts", 1, 8600)]
    assert split.difference(rows) is None
    found = split.difference([*rows, accuracy("central", 1, 8590), accuracy("central", 2, 1)])
    assert found is not None
    mean, half, n = found
    assert (mean, n) == (pytest.approx(0.0), 2)
    assert half == pytest.approx(12.706 * 0.1414 / 2**0.5, rel=1e-3)


def test_cells_are_one_of_each() -> None:
    cells = split.cells_of(SOME)
    assert len({tuple(sorted(cell.items())) for cell in cells}) == len(cells) == 15 + 4 + 2
    assert len(copies.cells_of(1, 2, 5)) == 4 + 10


@pytest.mark.parametrize("cut", sorted(splitting.CUTS))
def test_every_cut_has_the_shape_that_the_job_says(cut: int) -> None:
    job = splitting.job(f"{cut},3")
    with torch.no_grad():
        activations = job.front()(torch.zeros(2, 1, 28, 28))
        assert activations.shape == (2, *job.cut)
        assert job.back()(activations).shape == (2, 10)


def test_inversions_of_little_data(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    few = torch.from_numpy(rng.integers(0, 256, (400, 1, 28, 28)).astype(np.uint8)), torch.arange(400) % 10
    monkeypatch.setattr(splitting, "pictures_of", lambda which: few)
    splitting._whole.cache_clear()
    cells = [{"part": "inversion", "group": "cut 2", "cut": 2, "noise": noise, "rounds": 2, "steps": 2, "width": 4,
              "seed": 0} for noise in (0.0, 1.0)]  # fmt: skip
    rows = splitting.measure_split(cells)
    splitting._whole.cache_clear()
    assert [row["status"] for row in rows] == ["done", "done"]
    assert all(5 < row["psnr"] < 20 for row in rows)


def test_a_mixed_set_is_judged_against_populations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "load", lambda picture: photograph((300, 300, 3), seed=picture))
    cell = {"part": "sets", "trial": 0, "colluders": 2, "pictures": 4, "side": 256, "attack": "none", "customers": 20,
            "populations": 3, "fpr": 1e-6, "seed": 1}  # fmt: skip
    (row,) = copying.measure_copies([cell], {"one": 1, "two": 2})  # type: ignore[dict-item]  # what load is told here
    assert row["named"] == [2, 2, 2]
    assert row["trials_with_innocents"] == 0
    assert copies.table([{**cell, **row}])[1][0][5:] == [3, "2 to 2", "3 of 3", 0]
