"""The curve of what is read against what shows: its points, and who is said to lie above whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import compare
import visible
from harness.grid import read_grid
from harness.visibility import claim_tables, claims, curve, curve_table, equally_visible, points, targets

if TYPE_CHECKING:
    from pathlib import Path

ATTACKS = ("none", "grey", "noise(sigma=9.0)", "blur(sigma=2.0)")


def rows_of(
    scheme: str, fidelity: float | str, score: float, read: int, *, pictures: str = "abcd", refused: str = ""
) -> list[dict[str, Any]]:
    """Return rows of a point: so many attacks survived by each picture, some of which could not be marked."""
    seen = {"SSIMULACRA2": score, "Butteraugli": (100 - score) / 6, "Butteraugli 3-norm": 0.5, "PSNR": score / 2}
    cell = {"scheme": scheme, "key": 0, "fidelity": fidelity, "bytes": 4, "seed": 1}
    return [
        {**cell, "photograph": picture, "attack": attack, **(
            {"status": "impossible", "reason": "too visible"} if picture in refused
            else {"status": "done", "read": n < read, "wrong": False, "ber": 0.25, **seen}
        )}
        for picture in pictures for n, attack in enumerate(ATTACKS)
    ]  # fmt: skip


OURS = [row for score, read in ((80, 4), (88, 3), (90, 2)) for row in rows_of("dwt", float(score), score, read)]


def test_a_point_says_what_shows_and_what_is_read() -> None:
    point = points(rows_of("dwt", 88.0, 87.8, 3, refused="d"))[0]
    assert (point.scheme, point.strength, point.label) == ("dwt", "score 88", "dwt at 87.8")
    assert (point.seen["SSIMULACRA2"], point.share.value) == (87.8, 0.75)
    assert (len(point.pictures), point.refused, point.stands) == (3, 1, False)


def test_what_did_not_meet_every_attack_is_no_point() -> None:
    part = [row for row in rows_of("dct", 88.0, 88, 4) if row["attack"] != "grey"]
    assert {point.scheme for point in points([*OURS, *part])} == {"dwt"}


def test_what_could_never_be_marked_is_no_point() -> None:
    assert points(rows_of("peer:x", 90.0, 0, 0, refused="abcd")) == []


def test_a_package_is_compared_at_the_most_discreet_strength_that_shows_as_much() -> None:
    theirs = [*rows_of("peer:x", "own", 60, 4), *rows_of("peer:x", 80.0, 80.3, 3), *rows_of("peer:x", 88.0, 88, 1)]
    found = points([*OURS, *theirs])
    assert [point.label for point in equally_visible(found, 80)] == ["dwt at 80.0", "x at 80.3"]
    assert [point.label for point in equally_visible(found, 90)] == ["dwt at 90.0", "x at 88.0"]
    refusing = points([*OURS, *rows_of("peer:x", "own", 60, 4), *rows_of("peer:x", 80.0, 80, 3, refused="ab")])
    assert equally_visible(refusing, 88)[1].strength == "own strength"
    discreet = points([*OURS, *rows_of("peer:x", "own", 95, 1)])
    assert equally_visible(discreet, 80)[1].label == "x at 95.0"


@pytest.mark.parametrize(
    ("score", "read", "verdict", "ours"),
    [
        (60, 4, "even", 80),
        (80, 3, "ahead", 80),
        (88.4, 3, "even", 88),
        (88.6, 3, "BEHIND", 90),
        (93, 1, "nothing as unseen", None),
        (93, 0, "it reads nothing", None),
    ],
)
def test_ours_is_held_against_theirs_at_the_same_or_less_visibility(
    score: float, read: int, verdict: str, ours: float | None
) -> None:
    claim = claims(points([*OURS, *rows_of("peer:x", "own", score, read)]), "dwt", "SSIMULACRA2")[0]
    assert claim.verdict == verdict
    assert (claim.ours and claim.ours.seen["SSIMULACRA2"]) == ours


def test_by_butteraugli_less_is_better() -> None:
    claim = claims(points([*OURS, *rows_of("peer:x", "own", 85, 1)]), "dwt", "Butteraugli")[0]
    assert claim.ours is not None
    assert claim.ours.strength == "score 88"


def test_both_are_judged_on_the_same_pictures_and_what_we_refuse_is_not_read() -> None:
    ours = rows_of("dwt", 90.0, 90, 4, refused="ab")
    whole = claims(points([*ours, *rows_of("peer:x", "own", 90, 3)]), "dwt", "SSIMULACRA2")[0]
    assert (whole.share, whole.verdict) == (0.5, "BEHIND")
    theirs = rows_of("peer:x", 90.0, 90, 3, refused="ab")
    assert claims(points([*ours, *theirs]), "dwt", "SSIMULACRA2")[0].share == 1.0
    fewer = rows_of("dwt", 90.0, 90, 4, pictures="ab")
    unpaired = claims(points([*fewer, *rows_of("peer:x", "own", 90, 3)]), "dwt", "SSIMULACRA2")[0]
    assert unpaired.ours is None


def test_tables_count_the_verdicts_and_name_every_point() -> None:
    found = points([*OURS, *rows_of("peer:x", "own", 60, 4), *rows_of("peer:x", 88.0, 88, 2)])
    title, _, lines = claim_tables(found, 4)[0]
    assert "even: 1, ahead: 1" in title
    assert [line[-1] for line in lines] == ["even", "ahead"]
    assert [line[0] for line in curve_table(found)[1]] == ["dwt"] * 3 + ["x"] * 2
    assert claim_tables(points(OURS), 4) == []


def test_scores_are_those_that_both_were_tried_at() -> None:
    assert targets([*OURS, *rows_of("peer:x", "own", 60, 4)]) == [80, 88, 90]
    assert targets([*OURS, *rows_of("peer:x", 90.0, 0, 0, refused="abcd")]) == [90]
    assert targets(rows_of("peer:x", 90.0, 90, 0)) == []


def test_the_report_has_a_table_for_each_score_that_ours_was_marked_at() -> None:
    text = compare.report([*OURS, *rows_of("peer:x", "own", 60, 4)])
    assert re.findall(r"SSIMULACRA2 (\d+), exact message back, by family", text) == ["80", "88", "90"]
    assert "x at 60.0" in text
    assert "BEHIND" in text
    assert "exact message" not in compare.report(rows_of("peer:x", "own", 60, 4))


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    plots = pytest.importorskip("harness.plots", reason="the report needs the extra bench")
    drawn = curve([*OURS, *rows_of("peer:x", "own", 60, 4)])
    assert [point[:2] for point in drawn["SSIMULACRA2"]["dwt"]] == [(80.0, 1.0), (88.0, 0.75), (90.0, 0.5)]
    assert [point[0] for point in drawn["Butteraugli"]["x"]] == [pytest.approx(40 / 6)]
    plots.write(plots.visibility(drawn), tmp_path / "new/curve.png")
    assert np.asarray(Image.open(tmp_path / "new/curve.png")).std() > 5
    plots.write(plots.visibility(drawn), tmp_path / "curve.svg")
    first = (tmp_path / "curve.svg").read_bytes()
    plots.write(plots.visibility(drawn), tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_bytes() == first
    assert b"messages back, %" in first


def test_what_shows_is_told_once_a_picture_and_refusals_are_counted() -> None:
    rows = [*OURS, *rows_of("dct", 88.0, 86, 1, refused="d")]
    lines = visible.seen(rows).splitlines()
    assert lines[3].split()[:6] == ["dwt", "score", "88", "4", "88.0", "88.0"]
    assert lines[-1].split()[0] == "dct"
    assert lines[-1].split()[-1] == "1"


def test_what_is_read_is_told_beside_what_is_promised(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(
        'schemes = ["dwt"]\n[[rows]]\nfidelity = [88.0]\nattacks = ["none", "grey"]\nat_least = 0.98\n', "utf-8"
    )
    lines = visible.read(read_grid(str(path)), rows_of("dwt", 88.0, 88, 1)).splitlines()
    assert re.split(r"  +", lines[0]) == ["attack", "dwt, score 88", "asked of normal"]
    assert lines[2].split()[:2] == ["none", "100.0"]
    assert lines[3].split()[:2] == ["grey", "0.0"]
    assert lines[3].endswith(">= 98")
