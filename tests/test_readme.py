"""What the README shows is run: its Python as doctests, its commands in a shell."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the photograph that the README marks."""
    shutil.copy(ROOT / "benchmarks/photographs/flower.jpg", tmp_path / "photo.jpg")
    (tmp_path / "photos").mkdir()
    shutil.copy(ROOT / "benchmarks/photographs/flower.jpg", tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_blocks(place: Path) -> None:
    """Run them one after the other, as a reader would: later ones use the names of earlier ones."""
    parser, flags = doctest.DocTestParser(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = parser.get_doctest("\n".join(blocks("python")), {}, "README.md", "README.md", 0)
    assert found.examples
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(found, out=report.append)
    assert not report, "".join(report)


def test_command_blocks(place: Path) -> None:
    script = "set -e\n" + "\n".join(blocks("console"))
    commands = re.sub(r"^(?!\$ |set -e).*\n?", "", script, flags=re.MULTILINE)
    commands = re.sub(r"^\$ ", "", commands, flags=re.MULTILINE)
    assert "watermarking embed" in commands
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", commands],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path, "HOME": str(place), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    shown = [line for block in blocks("console") for line in block.splitlines() if not line.startswith("$ ")]
    printed = (done.stdout + done.stderr).splitlines()
    for line in filter(None, shown):
        pattern = re.escape(line).replace(re.escape("..."), ".*")
        assert any(re.fullmatch(pattern, one) for one in printed), (
            f"{line!r} was not printed:\n{done.stdout}{done.stderr}"
        )
