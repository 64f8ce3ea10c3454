"""The examples run, and say what they promise."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = {path.name for path in (ROOT / "examples").glob("*.py")}


def test_every_example_has_a_test() -> None:
    # The second one's is in deep/test_training.py.
    tested = {"whose_copy.py", "train_your_own_logo.py", "protect_my_model.py", "protect_my_classifier.py"}
    assert tested | {"mark_a_folder.py", "my_own_scheme.py", "my_own_attack.py", "trace_the_leak.py"} == EXAMPLES


def test_whose_copy(tmp_path: Path) -> None:
    photo = ROOT / "benchmarks/photographs/coffee.png"
    command = [sys.executable, ROOT / "examples/whose_copy.py", photo, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "leaked.jpg: 'for Bob'" in done.stdout
    assert "the original: None" in done.stdout


def test_mark_a_folder(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("coffee.png", "flower.jpg"):
        shutil.copy(ROOT / "benchmarks/photographs" / name, tmp_path / "photos")
    (tmp_path / "photos/broken.jpg").write_bytes(b"no picture")
    command = [sys.executable, ROOT / "examples/mark_a_folder.py", tmp_path / "photos", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "broken.jpg: not marked" in done.stdout
    assert "posted.png: marked by this key, says '(c) Ada 2026'" in done.stdout
    assert "unmarked.png: no mark of this key, says nothing" in done.stdout


@pytest.mark.parametrize(
    ("name", "read", "lost"),
    [
        ("my_own_scheme.py", ["brightness(0.9)", "noise(5)"], ["blur(2)"]),
        ("my_own_attack.py", ["vignette 0.0", "vignette 0.5"], []),
    ],
)
def test_my_own(name: str, read: list[str], lost: list[str]) -> None:
    command = [sys.executable, ROOT / "examples" / name, ROOT / "benchmarks/photographs/coffee.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = dict(line.split(": ") for line in done.stdout.splitlines())
    assert all(said[attack].startswith("'mine'") for attack in read)
    assert all(said[attack].startswith("None") for attack in lost)


def test_protect_my_model(tmp_path: Path) -> None:
    """Twenty steps teach a thief nothing; what they show is that all of it runs, and that nobody is accused."""
    command = [sys.executable, ROOT / "examples/protect_my_model.py", ROOT / "tests/data/tiles", tmp_path / "report"]
    done = subprocess.run([*command, "--steps", "20"], capture_output=True, text=True, check=True)
    assert "thief: p = " in done.stdout
    assert "honest: p = " in done.stdout
    assert "No mark was found" in (tmp_path / "report/report.html").read_text("utf-8")


def test_protect_my_classifier(tmp_path: Path) -> None:
    """One epoch teaches a thief too little; what it shows is that all of it runs, and that nobody is accused."""
    command = [sys.executable, ROOT / "examples/protect_my_classifier.py", tmp_path, "--epochs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    who, p_values = zip(*(line.split(": ") for line in done.stdout.splitlines()), strict=True)
    assert who == ("thief", "innocent")
    assert float(p_values[1].split()[2]) > 1e-6
    assert "No mark was found" in (tmp_path / "report-innocent/report.html").read_text("utf-8")
    assert {path.stem for path in tmp_path.glob("*.npy")} == {
        "inputs", "labels", "answers", "asked", "asked-labels", "own",
    }  # fmt: skip


def test_trace_the_leak(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "examples/trace_the_leak.py", tmp_path / "copies"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *named, innocent = done.stdout.splitlines()
    assert {line.split(",")[0] for line in named} == {f"leaked: customer {i}" for i in (3, 8, 15)}
    assert innocent == "innocent: []"
