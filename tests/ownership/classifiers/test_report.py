"""A report on a classifier can be checked by whoever has nothing else, and not be changed unnoticed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.ownership.classifiers.world import KEY, OTHER, world
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.report import answers_digest, write_classifier_report
from watermarking.ownership.report import check_report
from watermarking.ownership.sealing import canonical, commitment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watermarking.ownership.classifiers.proof import ClassifierProof


def proof(**more: Any) -> ClassifierProof:
    there = world(10)
    chosen = {"suspect": list(there.student()), "references": there.references, **more}
    chosen["suspect"][4] = None
    return verify_classifier(inputs=there.pictures, own=there.own, mark=there.mark, key=KEY, **chosen)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    published = commitment("digits <v1>", world(10).mark, KEY)
    write_classifier_report(
        tmp_path / "report", proof(), KEY, name="digits <v1>", published=published, inputs=world(10).pictures
    )
    return tmp_path / "report"


def test_it_is_checked_with_nothing_else(report: Path) -> None:
    found = check_report(report)
    assert not found.problems
    assert found.is_present
    assert found.detection is not None
    assert found.detection.p_value == found.report["result"]["p_value_alone"] < 1e-12
    assert not found.report["result"]["with_references"]
    page = (report / "report.html").read_text()
    assert "carry the mark" in page
    assert "digits &lt;v1&gt;" in page
    assert "were not committed to" in page
    assert "399 of 400" in page
    assert "4: no answer" in page
    assert "leans\naway from it" in page  # what the number does not say


def test_committed_references_count(tmp_path: Path) -> None:
    there, found = world(10), proof()
    digest = answers_digest(
        np.stack([there.own, *there.references]), there.mark.coarse.numbers(there.pictures)
    )  # before the suspect was asked
    published = commitment("digits", there.mark, KEY, answers=digest)
    write_classifier_report(tmp_path / "report", found, KEY, name="digits", published=published)
    with_commitment, without = check_report(tmp_path / "report", published=published), check_report(tmp_path / "report")
    assert not with_commitment.problems
    assert with_commitment.detection == found.detection
    assert without.detection == found.alone  # who has not seen it published trusts no references
    other = commitment("digits", there.mark, KEY, answers=digest[::-1])
    assert any("binds to another" in one for one in check_report(tmp_path / "report", published=other).problems)
    assert "so they were fixed" in (tmp_path / "report/report.html").read_text()


def changed(report: Path, change: Callable[[dict[str, Any]], object], *, sealed: bool = False) -> list[str]:
    path = report / "report.json"
    found = json.loads(path.read_text())
    change(found)
    if sealed:
        found["sha256"] = hashlib.sha256(canonical({k: v for k, v in found.items() if k != "sha256"})).hexdigest()
    path.write_text(json.dumps(found))
    checked = check_report(report)
    assert not checked.is_present
    return checked.problems


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["result"].update(p_value=1e-90), "p_value ="),
        (lambda r: r["result"].update(p_value_alone=1e-90), "p_value_alone"),
        (lambda r: r.update(key=OTHER.reveal()), "commitment binds"),
        (lambda r: r.update(name="another"), "another key, mark or name"),
        (lambda r: r["mark"].update(tau=0.03), "another key, mark or name"),
        (lambda r: r.update(n_compared=500), "counts other queries"),
        (lambda r: r.update(n_references=2), "p_value ="),
        (lambda r: r.update(n_references=9), "do not fit together"),
        (lambda r: r.update(n_smoothed=1), "other references or failures"),
        (lambda r: r["failures"].clear(), "other references or failures"),
        (lambda r: r.update(n_queries=500), "other references or failures"),
        (lambda r: r["result"].update(is_present=False), "its verdict"),
        (lambda r: r["result"].update(with_references=True), "its verdict"),
        (lambda r: r["result"].update(p_value_that_counts=1e-99), "its verdict"),
        (lambda r: r["result"].update(statistic="certain"), "its verdict"),
        (lambda r: r.update(notes=["All is well."]), "report.html does not say"),
    ],
)
def test_changes_are_found(report: Path, change: Callable[[dict[str, Any]], object], message: str) -> None:
    assert any(message in one for one in changed(report, change, sealed=True))


def test_an_unsealed_change_is_found(report: Path) -> None:
    assert "report.json was changed after it was written" in changed(report, lambda r: r.update(notes=["fine"]))


@pytest.mark.parametrize("name", ["answers.npz", "inputs.npy"])
def test_changed_and_missing_files_are_found(report: Path, name: str) -> None:
    content = (report / name).read_bytes()
    (report / name).write_bytes(content + b"0")
    assert check_report(report).problems == [f"{name} is not what was written"]
    (report / name).unlink()
    assert check_report(report).problems == [f"{name} is missing"]


def test_a_changed_or_missing_page_is_found(report: Path) -> None:
    content = (report / "report.html").read_text()
    (report / "report.html").write_text(content.replace("399 of 400", "400 of 400"))
    assert check_report(report).problems == ["report.html is not what was written"]
    (report / "report.html").unlink()
    assert check_report(report).problems == ["report.html is missing"]


def test_other_answers_are_found(report: Path) -> None:
    """Whoever packs the answers anew, with hashes that fit, has to keep to what answers are."""
    with np.load(report / "answers.npz") as found:
        whole = dict(found)
    n = len(whole["rows"])
    for what in (
        {"rows": np.sort(whole["rows"] % 7)},
        {"rows": whole["rows"] - n},
        {"suspect": -whole["suspect"]},
        {"sides": whole["sides"] * 2},
        {"sides": whole["sides"][0]},
        {"asked": whole["asked"] * np.nan},
        {"rows": whole["rows"][:0], "suspect": whole["suspect"][:0]},
    ):
        np.savez_compressed(report / "answers.npz", **whole | what)
        digest = hashlib.sha256((report / "answers.npz").read_bytes()).hexdigest()
        problems = changed(report, lambda r, d=digest: r["files"].update({"answers.npz": d}), sealed=True)
        assert any("do not fit together" in one or "cannot be read" in one for one in problems), what.keys()
    np.savez_compressed(report / "answers.npz", **whole)
    good = (report / "answers.npz").read_bytes()
    middle = len(good) // 2
    torn = good[:middle] + bytes(100) + good[middle + 100 :]
    for content in (good[:-30], torn, (report / "inputs.npy").read_bytes()):
        (report / "answers.npz").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        problems = changed(report, lambda r, d=digest: r["files"].update({"answers.npz": d}), sealed=True)
        assert any("cannot be read" in one for one in problems)


def test_other_inputs_are_found(report: Path) -> None:
    np.save(report / "inputs.npy", world(10).pictures[::-1])
    digest = hashlib.sha256((report / "inputs.npy").read_bytes()).hexdigest()
    problems = changed(report, lambda r: r["files"].update({"inputs.npy": digest}), sealed=True)
    assert any("other inputs" in one for one in problems)


def test_answers_that_cannot_be_read_are_found(report: Path) -> None:
    (report / "answers.npz").write_bytes(b"no archive")
    digest = hashlib.sha256(b"no archive").hexdigest()
    problems = changed(report, lambda r: r["files"].update({"answers.npz": digest}), sealed=True)
    assert any("cannot be read" in one for one in problems)


@pytest.mark.parametrize(
    "change", [lambda r: r.pop("result"), lambda r: r.update(mark={"id": "bits"}), lambda r: r.update(key="?")]
)
def test_what_is_no_report(report: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(FileFormatError):
        changed(report, change)


def test_reports_that_cannot_be_written(report: Path, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="there already"):
        write_classifier_report(report, proof(), KEY, name="digits")
    with pytest.raises(WatermarkError, match="another key"):
        write_classifier_report(
            tmp_path / "new", proof(), KEY, name="digits", published=commitment("x", world(10).mark, KEY)
        )
    with pytest.raises(WatermarkError, match="inputs are"):
        write_classifier_report(tmp_path / "new", proof(), KEY, name="digits", inputs=["a", "b"])
    assert not (tmp_path / "new").exists()
