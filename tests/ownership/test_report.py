"""A report can be checked by whoever has nothing but the report, and not be changed unnoticed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.ownership.conftest import KEY, OTHER, tiles
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.marks import BitsMark
from watermarking.ownership.proof import subkey, verify
from watermarking.ownership.report import Checked, check_report, commitment, write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARK = BitsMark(scheme={"id": "dwt", "psnr": 42.0})
OWN = subkey(KEY, "derain v1")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    pictures = tiles(3)
    suspect = {f"{i}<b>": MARK.mark(one, key=OWN) for i, one in enumerate(pictures)}
    own = dict(zip(suspect, pictures, strict=True))
    proof = verify(suspect, own=own, mark=MARK, key=OWN, references=[pictures])
    published = commitment("derain v1", MARK, OWN)
    write_report(tmp_path / "report", proof, OWN, name="derain v1", published=published)
    return tmp_path / "report"


def test_a_report_is_checked_with_nothing_else(report: Path) -> None:
    found = check_report(report)
    assert not found.problems
    assert found.detection is not None
    assert found.is_present
    assert found.detection.p_value == found.report["result"]["p_value_alone"] < 1e-9
    page = (report / "report.html").read_text()
    assert "carry the mark" in page
    assert OWN.commitment in page
    assert "0&lt;b&gt;" in page  # names of files are text, whatever they hold
    assert KEY.reveal() not in (report / "report.json").read_text()


def changed(report: Path, change: Callable[[dict[str, Any]], object]) -> list[str]:
    path = report / "report.json"
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    return check_report(report).problems


def test_what_was_changed_is_found(report: Path) -> None:
    assert any("changed" in line for line in changed(report, lambda found: found["result"].update(p_value=1e-30)))


def test_another_key_is_found(report: Path) -> None:
    problems = changed(report, lambda found: found.update(key=OTHER.reveal()))
    assert any("its commitment binds" in line for line in problems)
    assert any("published before binds to another" in line for line in problems)
    assert any("the pictures lead to p_value =" in line for line in problems)


def test_other_pictures_are_found(report: Path) -> None:
    Image.fromarray(np.zeros((160, 160, 3), np.uint8)).save(report / "pictures/000000-suspect.png")
    (report / "pictures/000001-own.png").unlink()
    problems = check_report(report).problems
    assert problems == ["pictures/000000-suspect.png is not what was written", "pictures/000001-own.png is missing"]


def test_no_file_outside_is_read(report: Path) -> None:
    problems = changed(report, lambda found: found["pictures"][0]["own"].update(file="../../secret.png"))
    assert "../../secret.png is missing" in problems


def test_what_is_no_report(tmp_path: Path, report: Path) -> None:
    with pytest.raises(FileFormatError, match="holds no report"):
        check_report(tmp_path)
    (report / "report.json").write_text("[]")
    with pytest.raises(FileFormatError, match="is no report"):
        check_report(report)


def test_a_report_needs_a_new_folder_and_its_own_commitment(report: Path, tmp_path: Path) -> None:
    proof = verify(tiles(2), own=tiles(2), mark=MARK, key=OWN)
    with pytest.raises(FileFormatError, match="is there already"):
        write_report(report, proof, OWN, name="derain v1")
    for published in (commitment("x", MARK, OTHER), commitment("y", MARK, OWN)):
        with pytest.raises(WatermarkError, match="of another key, mark or name"):
            write_report(tmp_path / "new", proof, OWN, name="x", published=published)
    write_report(tmp_path / "new", proof, OWN, name="x")
    assert "No mark was found" in (tmp_path / "new/report.html").read_text()


def rehashed(report: Path, change: Callable[[dict[str, Any]], object]) -> Checked:
    """Change a report as a forger does, who works its own hash out anew."""
    path = report / "report.json"
    found = json.loads(path.read_text())
    del found["sha256"]
    change(found)
    canonical = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
    path.write_text(json.dumps(found | {"sha256": hashlib.sha256(canonical).hexdigest()}))
    return check_report(report)


@pytest.fixture
def innocent(tmp_path: Path) -> Path:
    proof = verify(blurred(tiles(3)), own=tiles(3), mark=MARK, key=OWN)
    write_report(tmp_path / "innocent", proof, OWN, name="derain v1", published=commitment("derain v1", MARK, OWN))
    return tmp_path / "innocent"


def blurred(pictures: list[Any]) -> list[Any]:
    return [cv2.GaussianBlur(one, (0, 0), 0.7) for one in pictures]


def test_a_verdict_is_not_believed(innocent: Path) -> None:
    found = rehashed(innocent, lambda report: report["result"].update(is_present=True))
    assert not found.is_present
    assert "its verdict is not that of its p-value" in found.problems
    assert not rehashed(innocent, lambda report: report["result"].update(fpr=1.0)).is_present
    assert rehashed(innocent, lambda report: report.update(n_queries=1)).problems


def test_references_that_were_made_to_fit_count_for_nothing(tmp_path: Path) -> None:
    """Whoever has the key can make references that leave of chance what runs along it."""
    own = tiles(3)
    suspect = blurred(own)
    mark = LearnableMark()
    made = [
        np.clip(one.astype(int) - 0.3 * (mark.mark(two, key=OWN).astype(int) - two), 0, 255).astype(np.uint8)
        for one, two in zip(suspect, own, strict=True)
    ]
    proof = verify(suspect, own=own, mark=mark, key=OWN, references=[made])
    assert proof.alone.p_value > 1e-4
    write_report(tmp_path / "made", proof, OWN, name="x")
    assert not check_report(tmp_path / "made").is_present


def test_the_commitment_is_compared_with_the_published_one(report: Path) -> None:
    assert check_report(report, published=commitment("derain v1", MARK, OWN)).is_present
    assert check_report(report, published=commitment("derain v1", MARK, OTHER)).problems


@pytest.mark.parametrize(
    "change",
    [
        {"key": "zz"}, {"result": {}}, {"published": [1]}, {"mark": 3}, {"pictures": []}, {"references": [3]},
        {"result": {"p_value": "0"}}, {"pictures": [{"suspect": {"file": "a"}, "own": {}}]},
    ],
)  # fmt: skip
def test_what_has_no_form_is_no_report(report: Path, change: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError, match="is no report"):
        changed(report, lambda found: found.update(change))


def test_a_stored_file_that_is_no_picture(report: Path) -> None:
    def swap(found: dict[str, Any]) -> None:
        (report / "pictures/000000-own.png").write_bytes(b"no picture")
        found["pictures"][0]["own"]["sha256"] = hashlib.sha256(b"no picture").hexdigest()

    assert rehashed(report, swap).problems == ["pictures/000000-own.png is no picture"]
