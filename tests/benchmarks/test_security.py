"""Adversaries: each cell says what was achieved, and the tables count it right."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest
from numpy.testing import assert_array_less

import security
from harness.adversaries import SHARED, measure_adversary, smallest_shape
from harness.campaign import carry_out
from harness.cells import grouped, identity
from harness.photographs import Photograph
from harness.store import read_rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pictures(folder: Path) -> dict[str, Photograph]:
    return {name: Photograph(name, folder / f"{name}.png") for name in ("a", "b", "c")}


def cell(part: str, **more: Any) -> dict[str, Any]:
    usual = {"scheme": "dct", "photograph": "a", "key": 0, "psnr": 40.0, "bytes": 4, "seed": 1, "search": 0}
    return {"part": part, **usual, **more}


def measured(pictures: dict[str, Photograph], *cells: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for group in grouped(cells, SHARED) for row in measure_adversary(group, pictures=pictures)]


def test_wrong_keys_read_nothing(pictures: dict[str, Photograph]) -> None:
    row = measured(pictures, cell("wrong key", readers=10))[0]
    assert row["read"]
    assert row["messages"] == 0
    assert len(row["p"]) == 10
    assert min(row["p"]) > 1e-4


def test_averaging_costs_quality_and_needs_pictures(pictures: dict[str, Photograph]) -> None:
    shape = smallest_shape(pictures)
    assert shape == [192, 256]
    for part in ("copy", "removal"):
        common = {"differ": "nothing", "shape": shape}
        weak, strong, many = measured(
            pictures, *(cell(part, n=n, strength=s, **common) for n, s in ((2, 0.0), (2, 4.0), (40, 1.0)))
        )
        assert weak["read"] is (part == "removal")
        assert (weak["known"] < 1e-6) is (part == "removal")
        assert weak["attacked_psnr"] == (100 if part == "copy" else pytest.approx(40, abs=0.3))
        assert strong["attacked_psnr"] < weak["attacked_psnr"] - 5
        assert many["status"] == "impossible"
        assert "40 marked pictures are to be averaged, there are 2" in many["reason"]  # three, each in eight ways


def test_who_knows_the_scheme_learns_its_signs(pictures: dict[str, Photograph]) -> None:
    common = {"scheme": "bound", "differ": "nothing", "shape": smallest_shape(pictures), "strength": 2.0, "n": 20}
    blind, learnt = measured(pictures, cell("copy", **common), cell("learnt copy", **common))
    assert learnt["known"] < 1e-12
    assert learnt["known"] < blind["known"]
    assert learnt["attacked_psnr"] == pytest.approx(36, abs=0.5)


def test_who_holds_originals_forges_with_one_pair(pictures: dict[str, Photograph]) -> None:
    common = {"differ": "nothing", "shape": smallest_shape(pictures), "template": "flat"}
    forged, removed, many = measured(
        pictures,
        cell("known copy", n=1, strength=1.0, **common),
        cell("known removal", n=2, strength=0.0, **common),
        cell("known removal", n=30, strength=1.0, **common),
    )
    assert forged["read"]
    assert removed["read"]
    assert removed["attacked_psnr"] == pytest.approx(40, abs=0.3)
    assert many["status"] == "impossible"
    row = {**cell("known copy", n=1, strength=1.0, **common), **forged}
    [(title, heading, [line])] = security.tables([row])
    assert "pairs with originals on an unmarked picture" in title
    assert len(heading) == len(line)


@pytest.mark.parametrize("differ", ["messages", "keys"])
def test_two_who_average_are_both_traced_and_nobody_else(pictures: dict[str, Photograph], differ: str) -> None:
    merged, picked = measured(
        pictures, *(cell("collusion", differ=differ, rule=rule, n=2, innocents=4) for rule in ("mean", "blocks"))
    )
    for row in (merged, picked):
        assert not row["wrong"]
        assert_array_less(row["p_colluders"], 1e-6)
        assert len(row["p_innocents"]) == 4
        assert min(row["p_innocents"]) > 1e-4
    assert merged["attacked_psnr"] > picked["attacked_psnr"] + 1


def test_marking_again_leaves_the_first_mark(pictures: dict[str, Photograph]) -> None:
    rows = measured(pictures, *(cell("remark", second=second, times=1) for second in ("dct", "dwt")))
    assert all(row["read"] and row["last_read"] for row in rows)
    assert all(row["attacked_psnr"] < 39 for row in rows)


def test_the_oracle_answers_a_bounded_number_of_times(pictures: dict[str, Photograph]) -> None:
    few, more = measured(pictures, cell("oracle", calls=1), cell("oracle", calls=40))
    assert (few["removed"], few["read"], few["asked"], few["marked_psnr"]) == (False, True, 1, 100)
    assert more["removed"] is not more["read"]
    assert more["asked"] <= 40


def test_a_scheme_that_cannot_take_the_picture_is_a_row(pictures: dict[str, Photograph]) -> None:
    row = measured(pictures, cell("remark", scheme="additive_block", bytes=64, second="dct", times=1))[0]
    assert row["status"] == "impossible"


def test_one_cell_that_breaks_is_its_own_row(pictures: dict[str, Photograph]) -> None:
    broken, fine = measured(pictures, cell("remark", second="dct", times="x"), cell("remark", second="dct", times=1))
    assert (broken["status"], fine["status"]) == ("crashed", "done")
    assert broken["reason"].startswith("TypeError")


def test_an_interrupted_run_goes_on(
    pictures: dict[str, Photograph], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [cell("remark", second=second, times=n) for second in ("dct", "dwt") for n in (1, 2)]

    def run(some: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
        options = argparse.Namespace(results=tmp_path / where, fresh=False, show=False, workers=0)
        return carry_out(some, measure_adversary, SHARED, options, name="x", pictures=pictures)

    run(cells[1:3], "halves")
    resumed = run(cells, "halves")
    assert "2 of 4 cells are there already" in capsys.readouterr().err
    assert resumed == run(cells, "whole")
    assert len(read_rows(tmp_path / "halves")) == 4


def test_every_cell_is_another_and_few_ask_the_oracle() -> None:
    marked = [cell("", attack="none", photograph=name) for name in "abc"]
    for one in marked:
        del one["part"]
    cells = security.cells_of(marked, [192, 256], ["b"])
    assert len(set(map(identity, cells))) == len(cells)
    assert [one["photograph"] for one in cells if one["part"] == "oracle"] == ["b", "b"]
    assert not any("attack" in one for one in cells)


def test_tables_count_who_was_traced() -> None:
    def row(n: int, p_colluders: list[float], p_innocents: list[float], **more: Any) -> dict[str, Any]:
        found = {"read": False, "wrong": False, "attacked_psnr": 40.0 + n, **more}
        return {**cell("collusion", differ="keys", rule="mean", n=n), "status": "done",
                "p_colluders": p_colluders, "p_innocents": p_innocents, **found}  # fmt: skip

    rows = [
        row(2, [1e-9, 1e-5], [0.5], read=True), row(2, [0.1, 0.2], [1e-7], wrong=True),
        row(3, [1e-9, 1e-9, 1.0], [0.5]),
        {**cell("collusion", differ="keys", rule="mean", n=3), "status": "crashed", "reason": "died"},
    ]  # fmt: skip
    traced, details = security.tables(rows)
    assert [str(share).split("[")[0].strip() for share in traced[2][0][3:]] == ["50.0", "50.0"]
    assert details[2][0][3:] == ["25 / 50", "67 / 0", "1 of 3", 1, "42.0", "43.0"]


def test_tables_hold_p_values_against_one_rate() -> None:
    usual = {"status": "done", "read": False, "wrong": False, "attacked_psnr": 39.0}
    rows = [{**cell("copy", n=4, differ="nothing", strength=1.0), **usual, "p": p, "known": 1e-7} for p in (1e-7, 0.5)]
    line = security.tables(rows)[0][2][0]
    assert line[:4] == ["dct", 4, "one", "1"]
    assert [share.successes for share in line[4:7]] == [0, 1, 2]  # type: ignore[attr-defined]
    assert line[7] == "39.0"


def test_the_order_of_rows_plays_no_part() -> None:
    usual = {"status": "done", "read": True, "wrong": False, "attacked_psnr": 39.0, "p": 0.5, "known": 0.5}
    rows = [
        {**cell("copy", scheme=scheme, n=n, differ=differ, strength=1.0), **usual}
        for scheme in ("mine", "dct", "dwt") for n, differ in ((15, "messages"), (15, "nothing"), (4, "nothing"))
    ]  # fmt: skip
    lines = [line[:3] for line in security.tables(rows)[0][2]]
    assert lines[:3] == [["dwt", 4, "one"], ["dwt", 15, "one"], ["dwt", 15, "each its own"]]
    assert [line[0] for line in lines[::3]] == ["dwt", "dct", "mine"]
