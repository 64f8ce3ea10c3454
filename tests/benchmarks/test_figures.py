"""What the scripts compute from rows: shares, frontiers, ranks, promises, and the null of p-values."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import capacity
import compare
import detection
import rank
import speed
from harness.campaign import carry_out
from harness.cells import identity
from harness.fidelity import measure_loss, measure_quality
from harness.frontier import payloads
from harness.marking import SEEN, mark_attack_read
from harness.nulls import SYNTHETIC, measure_null
from harness.photographs import Photograph
from harness.redraws import measure_redraws, tail_points
from harness.tables import shares
from harness.timing import measure_memory, picture_of
from watermarking.significance import rademacher_p_value

if TYPE_CHECKING:
    from pathlib import Path


def test_impossible_cells_count_in_no_share_and_crashes_as_failures() -> None:
    rows: list[dict[str, Any]] = [
        {"status": "done", "read": True, "wrong": False},
        {"status": "done", "read": False, "wrong": True},
        {"status": "crashed", "reason": "died"},
        {"status": "impossible", "reason": "too small"},
    ]
    share = shares(rows, lambda row: 0)[0]
    assert (share.successes, share.trials, share.impossible, share.wrong) == (1, 3, 1, 1)
    assert share.reason == "died"
    assert str(share) == " 33.3 [0.0, 100.0] (1 wrong)*"  # three photographs, of which nothing else is said
    assert str(shares(rows[3:], lambda row: 0)[0]) == "impossible"


def test_reads_of_one_photograph_count_as_a_cluster() -> None:
    rows = [{"status": "done", "read": n % 2 == 0, "photograph": n % 2} for n in range(40)]
    share = shares(rows, lambda _: 0)[0]
    assert share.by_photograph == ((20, 20), (0, 20))
    assert share.interval == (0.0, 1.0)  # two photographs that differ say nothing of a third
    apart = shares([{**row, "photograph": n} for n, row in enumerate(rows)], lambda _: 0)[0]
    assert apart.interval[0] > 0.3


def test_the_frontier_stops_at_the_first_failure() -> None:
    rows = [
        {"scheme": "dct", "psnr": 42.0, "attack": "none", "photograph": "a", "bytes": n, "read": n != 16}
        for n in (4, 8, 16, 32)
    ]
    assert payloads(rows) == {("dct", ("psnr", False, 42.0), "none"): {"a": 64}}
    assert payloads([*rows, {**rows[1], "read": False}]) == {("dct", ("psnr", False, 42.0), "none"): {"a": 32}}
    at_88 = [{**{name: row[name] for name in row if name != "psnr"}, "fidelity": 88.0} for row in rows]
    assert set(payloads([*rows, *at_88])) == {("dct", (name, False, n), "none") for name, n in
                                              (("psnr", 42.0), ("fidelity", 88.0))}  # fmt: skip


def test_the_frontier_has_a_column_for_each_score_and_a_gap_where_a_scheme_has_none() -> None:
    rows = [
        {"scheme": scheme, "fidelity": score, "attack": "none", "photograph": "a", "key": 0, "bytes": 4, "read": True,
         "status": "done"}
        for scheme, score in (("dct", 90.0), ("dct", 80.0), ("dwt", 90.0))
    ]  # fmt: skip
    first, second = capacity.report(rows, {"a": (100, 320)}).split("\n\ndwt\n\n")
    assert first.splitlines()[2].split() == ["attack", "score", "80", "score", "90"]
    assert first.splitlines()[-1].split() == ["none", "32", "(1.00)", "32", "(1.00)"]
    assert second.splitlines()[-1].rstrip().endswith("32 (1.00)")
    assert second.splitlines()[-1].count("32") == 1


def test_the_price_is_interpolated() -> None:
    curve = [(0.1, 1.0), (0.3, 0.5), (0.4, 0.0)]
    assert rank.price(curve, 0.75) == pytest.approx(0.2)
    assert rank.price(curve, 0.5) == pytest.approx(0.3)
    assert rank.price([(0.1, 1.0)], 0.5) is None


def test_the_cheapest_attack_comes_first() -> None:
    attacks = {"blur(sigma=2.0)": (0.3, False), "noise(sigma=9.0)": (0.1, False), "grey": (0.2, True)}
    rows = [
        {"scheme": "dct", "attack": attack, "status": "done", "read": read} for attack, (_, read) in attacks.items()
    ]
    losses = [
        {"attack": attack, "status": "done", "SSIM": loss, "SSIMULACRA2": 100 - 100 * loss}
        for attack, (loss, _) in attacks.items()
    ]
    _, _, lines = rank.tables(rows, losses)[0]
    assert [line[0] for line in lines] == ["noise", "blur", "grey"]  # by SSIMULACRA2, SSIM says the contrary
    assert lines[0][1:] == ["0.5", "3", "5", "0.450", "0.00"]
    assert lines[2][1] == "never"


def test_losses_of_before_this_measure_are_measured_again_and_rank_nothing() -> None:
    old = {"part": "loss", "photograph": "a", "key": 0, "attack": "grey", "seed": 1}
    assert identity(rank.loss_cell(cell(attack="grey"))) != identity(old)
    rows = [{"scheme": "dct", "attack": "grey", "status": "done", "read": False}]
    assert rank.tables(rows, [{**old, "status": "done", "SSIM": 0.8}]) == []


def test_losses_are_shown() -> None:
    seen = {"SSIMULACRA2": 88.0, "Butteraugli": 1.5, "Butteraugli 3-norm": 0.5, "PSNR": 47.0}
    rows: list[dict[str, Any]] = [
        {"scheme": scheme, "photograph": "a", "key": 0, "fidelity": 88.0, "bytes": 8, "status": "done", "read": read,
         "attack": "jpeg(quality=50, subsampling=420)", **seen}
        for scheme, read in (("dct", False), ("peer:blind-watermark", True))
    ]  # fmt: skip
    assert "BEHIND" in compare.report(rows)
    assert "no peer survives" in compare.report([{**row, "read": False} for row in rows])


def test_promises_are_held_against_rows() -> None:
    rows: list[dict[str, Any]] = [
        {"operation": name, "scheme": scheme, "megapixels": 12.0, "threads": n, "status": "done", "seconds": [t, t]}
        for name, scheme, n, t in (("decode JPEG 95", "", 1, 0.1), ("scheme.embed", "dct", 1, 0.2),
                                   ("scheme.embed", "dct", 2, 0.1))
    ]  # fmt: skip
    verdicts = {what: verdict for what, _, _, verdict in speed.promises_table(rows)[1]}
    assert verdicts == {"dct embed / decode JPEG 95": "FAIL", "dct scheme.embed, one thread / two": "pass"}


def test_the_picture_of_the_timings_has_its_size() -> None:
    assert picture_of(1.0).shape == (866, 1155, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_memory_is_measured_in_a_process_of_its_own() -> None:
    row = measure_memory([{"operation": "memory", "scheme": "dct", "megapixels": 2.0}])[0]
    assert 0 <= row["megabytes"] < 100


def test_the_binomial_bound() -> None:
    assert detection.upper_bound(20_000, 1e-2) == 245
    assert detection.upper_bound(10, 1e-6) == 0


def test_tail_points_are_where_the_p_value_says() -> None:
    for rate, score in tail_points().items():
        assert rademacher_p_value(score) == pytest.approx(float(rate), rel=1e-6)


@pytest.mark.parametrize("statistic", ["pilot", "code word"])
def test_redrawn_signs_stay_below_the_bound(statistic: str) -> None:
    cell = {"scheme": "dct", "photograph": "noise", "statistic": statistic, "redraws": 20_000, "seed": 1, "key": 0}
    passed = measure_redraws([cell], pictures={})[0]["passed"]
    assert 0 < passed["1e-1"] < 2000
    assert passed["1e-6"] == 0


def test_redraws_are_sums_with_fair_signs() -> None:
    """Equal soft values make the score a shifted binomial, whose tail is known."""
    from harness import redraws

    counts = redraws._passed(np.ones(16, np.float32), 40_000, 3)
    exact = sum(math.comb(16, k) for k in range(17) if (2 * k - 16) / 4 >= tail_points()["1e-1"]) / 2**16
    assert counts["1e-1"] / 40_000 == pytest.approx(exact, abs=5 * math.sqrt(exact / 40_000))


@pytest.mark.parametrize("kind", ["unmarked", "wrong key"])
@pytest.mark.parametrize("question", ["read", "known"])
def test_nothing_is_found_where_nothing_is(kind: str, question: str) -> None:
    cells = [
        {"scheme": "dwt", "photograph": name, "kind": kind, "question": question, "search": 0, "block": 0, "keys": 3,
         "seed": 1}
        for name in SYNTHETIC
    ]  # fmt: skip
    for row in measure_null(cells, pictures={}):
        assert row["messages"] == 0
        assert min(row["p"]) > 1e-4


@pytest.fixture
def pictures(folder: Path) -> dict[str, Photograph]:
    return {"a": Photograph("a", folder / "a.png")}


def cell(**more: Any) -> dict[str, Any]:
    usual = {"scheme": "dct", "photograph": "a", "key": 0, "psnr": 40.0, "bytes": 4, "attack": "none", "seed": 1}
    return {**usual, **more}


def test_a_row_says_what_happened(pictures: dict[str, Photograph]) -> None:
    attacks = ["none", "noise(sigma=90.0)", "crop(keep=0.9)"]
    rows = mark_attack_read([cell(attack=attack) for attack in attacks], pictures=pictures)
    assert [row["read"] for row in rows[:2]] == [True, False]
    assert rows[0]["ber"] == 0
    assert 0.1 < rows[1]["ber"] < 0.6
    assert not any(row["wrong"] for row in rows)
    assert rows[0]["p"] < 1e-6
    assert abs(rows[0]["PSNR"] - 40) < 0.3


def test_a_row_at_a_fidelity_says_what_shows(pictures: dict[str, Photograph]) -> None:
    at_85 = {name: value for name, value in cell(scheme="dwt", fidelity=85.0).items() if name != "psnr"}
    rows = mark_attack_read([{**at_85, "attack": attack} for attack in ("none", "grey")], pictures=pictures)
    assert rows[0]["read"]
    assert abs(rows[0]["SSIMULACRA2"] - 85) <= 1.5
    assert rows[0]["Butteraugli"] > rows[0]["Butteraugli 3-norm"] > 0
    assert [rows[0][name] for name in SEEN] == [rows[1][name] for name in SEEN]
    quality = measure_quality([at_85], pictures=pictures)[0]
    assert quality["SSIMULACRA2"] == pytest.approx(rows[0]["SSIMULACRA2"], abs=0.01)


def test_a_picture_that_a_scheme_cannot_take_is_a_row(pictures: dict[str, Photograph]) -> None:
    rows = mark_attack_read([cell(scheme="additive_block", bytes=64)], pictures=pictures)
    assert rows[0]["status"] == "impossible"
    assert "use a larger image" in rows[0]["reason"]


def test_a_picture_cut_too_small_is_not_read_and_no_crash(tmp_path: Path) -> None:
    large = np.random.default_rng(1).integers(0, 256, (700, 800, 3), np.uint8)
    Image.fromarray(large).save(tmp_path / "large.png")
    pictures = {"a": Photograph("a", tmp_path / "large.png")}
    row = mark_attack_read([cell(scheme="additive_block", attack="crop(keep=0.3)", bytes=8)], pictures=pictures)[0]
    assert (row["status"], row["read"], row["ber"]) == ("done", False, None)


def test_quality_is_measured(pictures: dict[str, Photograph]) -> None:
    row = measure_quality([cell()], pictures=pictures)[0]
    assert abs(row["PSNR"] - 40) < 0.3
    assert 0.8 < row["SSIM"] < 1


def test_moving_a_picture_costs_little_quality(pictures: dict[str, Photograph]) -> None:
    turned, blurred = measure_loss(
        [cell(attack="rotate(degrees=2.0)"), cell(attack="blur(sigma=4.0)")], pictures=pictures
    )
    assert turned["SSIM"] > 0.8
    assert blurred["SSIM"] < turned["SSIM"]
    assert blurred["SSIMULACRA2"] < turned["SSIMULACRA2"] < 100


def test_results_may_not_shadow_parameters(tmp_path: Path) -> None:
    options = argparse.Namespace(results=tmp_path, fresh=False, show=False, workers=0)
    with pytest.raises(ValueError, match="psnr"):
        carry_out([cell()], _shadowing, ("photograph",), options, name="x")


def _shadowing(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"status": "done", "psnr": 3.0} for _ in cells]
