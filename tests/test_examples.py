"""The examples run, and say what they promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = {path.name for path in (ROOT / "examples").glob("*.py")}


def test_every_example_has_a_test() -> None:
    assert {"whose_copy.py", "train_your_own_logo.py"} == EXAMPLES  # the latter's is in deep/test_training.py


def test_whose_copy(tmp_path: Path) -> None:
    photo = ROOT / "benchmarks/photographs/coffee.png"
    command = [sys.executable, ROOT / "examples/whose_copy.py", photo, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "leaked.jpg: 'for Bob'" in done.stdout
    assert "the original: None" in done.stdout
