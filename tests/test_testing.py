"""The public suites, used as a third party would: from a test file of one's own, on installed plug-ins."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/conformance.md").read_text("utf-8")
[EXAMPLE] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ATTACK = '''
from dataclasses import dataclass

from watermarking.attacks.attack import Attack, number


@dataclass(frozen=True)
class Invert(Attack):
    """Turn light into dark, as often as asked."""

    id = "invert"
    family = "values"
    times: int = number(2, 0, 10)

    def apply(self, pixels, rng):
        return {answer}
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Lay out a package with a scheme and an attack as an installer does, and a test file that is docs' example."""
    shutil.copytree(ROOT / "tests/example_plugin/example_plugin", tmp_path / "example_plugin")
    info = tmp_path / "foreign-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(
        "[watermarking.schemes]\nscatter = example_plugin:Scatter\n[watermarking.attacks]\ninvert = foreign:Invert\n",
        "utf-8",
    )
    (tmp_path / "test_mine.py").write_text(EXAMPLE, "utf-8")
    return tmp_path


def run_tests(site: Path, answer: str, chosen: str) -> subprocess.CompletedProcess[str]:
    (site / "foreign.py").write_text(ATTACK.replace("{answer}", answer), "utf-8")
    path = os.pathsep.join([str(site), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, "test_mine.py"]
    return subprocess.run(
        command, cwd=site, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def test_what_keeps_the_contract_passes(site: Path) -> None:
    chosen = "TestInvert or configuration or capacity_depends or stated_form or another_process"
    done = run_tests(site, "255 - pixels if self.times % 2 else pixels.copy()", chosen)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^1\d passed", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("answer", "test"),
    [
        ("pixels[::2]", "test_place_foretells_the_size"),
        ("rng.permutation(pixels)", None),
        ("__import__('numpy').random.default_rng().integers(0, 256, pixels.shape).astype('uint8')", "test_the_seed"),
    ],
)
def test_what_breaks_it_is_told(site: Path, answer: str, test: str | None) -> None:
    """A size that nobody foretold, and randomness of one's own; shuffled rows are as good an attack as any."""
    done = run_tests(site, answer, "TestInvert")
    assert done.returncode == (1 if test else 0), done.stdout
    if test:
        assert re.search(rf"^FAILED test_mine.py::TestInvert::{test}", done.stdout, re.MULTILINE)
        assert "assert" in done.stdout.lower()


def test_the_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "hypothesis.py").write_text("raise ImportError")
    done = subprocess.run(
        [sys.executable, "-c", "from watermarking.testing import AttackConformance"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "pip install 'watermarking[testing]'" in done.stderr
