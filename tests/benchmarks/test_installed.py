"""A third party's scheme and attack, installed as packages, appear in the tables with no edit here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

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
        return 255 - pixels if self.times % 2 else pixels
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Lay out a package with a scheme and an attack as an installer does."""
    place = tmp_path / "site"
    shutil.copytree(ROOT / "tests/example_plugin/example_plugin", place / "example_plugin")
    (place / "foreign_attack.py").write_text(ATTACK, "utf-8")
    info = place / "foreign-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(
        "[watermarking.schemes]\nscatter = example_plugin:Scatter\nbroken = example_plugin.missing:Nothing\n"
        "[watermarking.attacks]\ninvert = foreign_attack:Invert\n",
        "utf-8",
    )
    return place


def test_they_appear(site: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text(
        f'schemes = "all"\nphotographs = "{folder}"\nkeys = 1\n'
        '[[rows]]\nattacks = ["none", "installed"]\nbytes = [4]\n',
        "utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    command = [sys.executable, str(ROOT / "benchmarks/robustness.py"), "--grid", str(grid)]
    done = subprocess.run(
        [*command, "--results", str(tmp_path / "results"), "--workers", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heading = done.stdout.splitlines()[2].split()
    assert "scatter" in heading
    assert "invert(2)" in done.stdout
    assert "broken: scheme 'broken' comes from 'example_plugin.missing:Nothing', which cannot be loaded" in done.stdout
