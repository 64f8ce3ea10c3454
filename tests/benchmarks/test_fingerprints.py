"""Collusion-secure codes in the benchmark: drawn innocents are like real ones, cells are measured and counted right."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import binom

import fingerprints
from harness.cells import DONE
from harness.fingerprints import LEVELS, _Classes, measure_fingerprints
from harness.photographs import Photograph

if TYPE_CHECKING:
    from pathlib import Path


def cell(part: str, **more: Any) -> dict[str, Any]:
    usual = {"customers": 2000, "colluders": 3, "rule": "majority", "ratio": 1.2, "fpr": 1e-6, "trial": 0, "seed": 1}
    return {"part": part, **usual, **more}


@pytest.mark.parametrize("part", ["drawn", "keyed", "length"])
def test_cells_without_pictures(part: str) -> None:
    row = measure_fingerprints([cell(part)], pictures={})[0]
    assert row["status"] == DONE
    assert row["named"] == 3
    assert row["innocents"] == 0
    assert row["length"] == round(1.2 * 18 * math.log(2000 / 1e-6))
    if part != "length":
        assert row["log10_least"] > -6
    if part == "drawn":
        assert all(count <= binom.ppf(0.9999, 1997, level) for count, level in zip(row["below"], LEVELS, strict=True))
        assert row["below"][0] > 0


def test_drawn_words_have_the_ones_that_were_drawn() -> None:
    rng = np.random.default_rng(1)
    biases, shown = rng.choice([0.2, 0.7], 300), rng.random(300) < 0.5
    classes = _Classes(biases, shown)
    counts = classes.draw(500, rng)
    words = classes.words(counts[:20], rng)
    for places, column, p in zip(classes.places, counts.T, classes.biases, strict=True):
        assert len({(biases[i], shown[i]) for i in places}) == 1
        assert words[:, places].sum(axis=1).tolist() == column[:20].tolist()
        assert column.mean() == pytest.approx(p * len(places), rel=0.1)
    assert sorted(np.concatenate(classes.places).tolist()) == list(range(300))


def test_merged_copies(folder: Path) -> None:
    pictures = {"a": Photograph("a", folder / "a.png")}
    cells = [
        {"part": "merged", "customers": 50, "colluders": 2, "photograph": "a", "way": way, "attack": "none",
         "fpr": 1e-6, "trial": 0, "seed": 1}
        for way in ("mean", "blocks")
    ]  # fmt: skip
    rows = measure_fingerprints(cells, pictures=pictures)
    assert [row["status"] for row in rows] == [DONE, DONE]
    assert all(row["innocents"] == 0 for row in rows)


def test_mixed_sets(folder: Path) -> None:
    pictures = {name: Photograph(name, folder / f"{name}.png") for name in ("a", "b")}
    mixed = {"part": "sets", "customers": 50, "colluders": 2, "pictures": 4, "side": 160, "attack": "none",
             "fpr": 1e-6, "trial": 0, "seed": 1}  # fmt: skip
    row = measure_fingerprints([mixed], pictures=pictures)[0]
    assert row["status"] == DONE
    assert row["innocents"] == 0


def test_tables_count(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {**cell("drawn", trial=i), "status": DONE, "named": i, "innocents": 0, "length": 400, "below": [20, 2, 0, 0]}
        for i in range(3)
    ]
    line = fingerprints.found_table(rows)[2][0]
    assert line[-3:] == ["2 of 3", "1.0", 0]
    assert [line[-1] for line in fingerprints.null_table(rows)[2] if line[1]] == ["pass", "pass"]
    rows[0]["innocents"] = 1
    assert fingerprints.null_table(rows)[2][-1][-1] == "FAIL"
    options = argparse.Namespace(small=True, trials=9, twenties=9, lengths=9, keyed=9, models=False, network="c2")
    none = ("copies", "tuned", "merges", "answers", "seeds", "leaks", "hard", "triggers", "strangers")
    vars(options).update(dict.fromkeys(none, 0))
    cells = fingerprints.cells_of(options)
    assert {one["part"] for one in cells} == {"drawn", "keyed", "length", "merged", "sets", "prints"}
    assert len(cells) < 150
