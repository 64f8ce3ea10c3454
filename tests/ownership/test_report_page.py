"""The page of a report says what the report says; evidence, controls and blind readings are in it and checked."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from learnt import colourful, leaky
from PIL import Image

from tests.ownership.conftest import KEY, tiles
from tests.ownership.patterned import Patterned
from watermarking.errors import FileFormatError
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.marks import MARKS, BitsMark
from watermarking.ownership.metered import gather
from watermarking.ownership.page import page
from watermarking.ownership.proof import subkey, verify
from watermarking.ownership.report import Checked, check_report, write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARK = BitsMark(scheme={"id": "dwt", "psnr": 42.0})
OWN = subkey(KEY, "derain v1")


def honest(picture: Any) -> Any:
    return picture


def forged(report: Path, change: Callable[[dict[str, Any]], object], *, render: bool = False) -> Checked:
    """Change a report as a forger does, who works its hashes, and if asked its page, out anew."""
    path = report / "report.json"
    found = json.loads(path.read_text())
    change(found)
    if render:
        (report / "report.html").write_text(page(found))
    found["page_sha256"] = hashlib.sha256((report / "report.html").read_bytes()).hexdigest()
    del found["sha256"]
    said = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
    path.write_text(json.dumps(found | {"sha256": hashlib.sha256(said).hexdigest()}))
    return check_report(report)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """One on an innocent suspect."""
    suspect = [np.roll(one, 1, 1) for one in tiles(3)]
    proof = verify(suspect, own=tiles(3), mark=MARK, key=OWN)
    return write_report(tmp_path / "report", proof, OWN, name="derain v1").parent


def test_a_page_that_was_changed_is_found(report: Path) -> None:
    assert not check_report(report).problems
    path = report / "report.html"
    text = path.read_text()
    path.write_text(text.replace("No mark was found", "The suspect's answers carry the mark"))
    assert check_report(report).problems == ["report.html is not what was written"]
    assert forged(report, lambda _: None).problems == ["report.html does not say what report.json says"]
    path.write_text(text)
    assert not forged(report, lambda _: None).problems
    path.unlink()
    assert check_report(report).problems == ["report.html is missing"]


def test_the_page_of_another_version_is_told_by_its_hash(report: Path) -> None:
    assert not forged(report, lambda found: found.update(watermarking="0.0.1")).problems
    (report / "report.html").write_text("nothing")
    assert check_report(report).problems == ["report.html is not what was written"]


def test_a_difference_that_is_none_is_found(report: Path) -> None:
    path = report / "pictures/000001-difference.png"
    Image.fromarray(np.zeros((160, 160, 3), np.uint8)).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert "pictures/000001-difference.png is not what was written" in check_report(report).problems
    found = forged(report, lambda said: said["shown"][1]["difference"].update(sha256=digest))
    assert found.problems == ["pictures/000001-difference.png does not show how the answers differ"]


@pytest.mark.parametrize(
    "change",
    [
        {"shown": [{"name": "x"}]}, {"shown": [{"name": "x", "difference": None}] * 4}, {"control": {}},
        {"controls": [3]},
        {"metering": {"level": "1", "e_values": [1]}}, {"metering": {"level": 1, "e_values": []}}, {"command": 3},
        {"failures": []}, {"format": 1},
        {"control": {"p_value": 1, "level": 1, "scores": [True]}},
    ],
)  # fmt: skip
def test_what_has_no_form_is_no_report(report: Path, change: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError, match="is no report"):
        forged(report, lambda found: found.update(change))


def test_a_page_that_cannot_be_made(report: Path) -> None:
    metering = {"level": 0.0, "e_values": [1.0], "stopped": ""}
    assert any("does not say" in line for line in forged(report, lambda f: f.update(metering=metering)).problems)


def test_evidence_of_a_metered_suspect(tmp_path: Path) -> None:
    mark = LearnableMark()
    proof = gather(leaky(mark, OWN), colourful(6), own=honest, mark=mark, key=OWN, level=1e-4)
    place = write_report(tmp_path / "metered", proof, OWN, name="x", fpr=1e-4).parent
    found = check_report(place, fpr=1e-4)
    assert not found.problems
    assert found.is_present
    assert found.detection is not None
    assert found.detection.p_value == pytest.approx(proof.detection.p_value)
    assert "enough evidence" in (place / "report.html").read_text()
    lied = forged(place, lambda said: said["metering"]["e_values"].__setitem__(0, 99.0), render=True)
    assert lied.problems == ["the pictures lead to other e-values than the report says"]


def test_controls_are_scored_again(tmp_path: Path) -> None:
    suspect = [MARK.mark(one, key=OWN) for one in tiles(3)]
    controls = [[np.roll(one, shift, 1) for one in tiles(3)] for shift in (1, 2, 3)]
    proof = verify(suspect, own=tiles(3), mark=MARK, key=OWN, controls=controls, control_level=0.25)
    place = write_report(tmp_path / "controls", proof, OWN, name="x").parent
    assert not check_report(place).problems
    assert "3 models that never saw the mark" in (place / "report.html").read_text()
    lied = forged(place, lambda said: said["control"].update(p_value=0.01), render=True)
    assert lied.problems == ["the controls lead to a p-value of 0.25, the report says 0.01"]
    (place / "pictures/000002-control-1.png").unlink()
    assert "pictures/000002-control-1.png is missing" in check_report(place).problems


def test_what_was_read_blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARKS, "patterned", "tests.ownership.patterned:Patterned")
    mark = Patterned()
    proof = verify([mark.mark(one, key=OWN) for one in tiles(3)], own=None, mark=mark, key=OWN)
    place = write_report(tmp_path / "blind", proof, OWN, name="x").parent
    found = check_report(place)
    assert not found.problems
    assert found.is_present
    text = (place / "report.html").read_text()
    assert "read in them alone" in text
    assert "the owner's" not in text
    monkeypatch.setitem(MARKS, "patterned", MARKS["bits"])  # which cannot be read blind
    lied = forged(place, lambda said: said.update(mark={"id": "bits"}), render=True)
    assert any("cannot be read blind" in line for line in lied.problems)
