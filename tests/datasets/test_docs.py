"""What docs/datasets.md shows is run: its commands in a shell, then its Python as doctests."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/datasets.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photographs that the page marks, after its commands were run."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "photos").mkdir()
    for i in range(3):
        shutil.copy(ROOT / "benchmarks/photographs/flower.jpg", folder / f"photos/flower-{i}.jpg")
    (folder / "photos/labels.csv").write_text("file,label\n")
    return folder


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the library leaves some open
def test_the_page(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    shown = [line for block in blocks("console") for line in block.splitlines()]
    commands = [line[2:] for line in shown if line.startswith("$ ") and "pip install" not in line]
    done = subprocess.run(
        ["bash", "-c", "set -e\n" + "\n".join(commands)], capture_output=True, text=True, check=False,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(place), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = (done.stdout + done.stderr).splitlines()
    for line in (line for line in shown if line and not line.startswith("$ ")):
        pattern = re.escape(line).replace(re.escape("..."), ".*")
        assert any(re.fullmatch(pattern, one) for one in printed), f"{line!r} was not printed:\n{printed}"
    found = doctest.DocTestParser().get_doctest("\n".join(blocks("python")), {}, "datasets.md", "datasets.md", 0)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(found, out=report.append)
    assert found.examples
    assert not report, "".join(report)
