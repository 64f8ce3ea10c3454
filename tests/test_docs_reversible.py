"""What docs/reversible.md shows is run: its commands in a shell, then its Python as doctests."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reversible.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.open(ROOT / "benchmarks/photographs/flower.jpg").save("photo.png")
    shown = [line for block in blocks("console") for line in block.splitlines()]
    commands = [line[2:] for line in shown if line.startswith("$ ")]
    done = subprocess.run(
        ["bash", "-c", "set -e\n" + "\n".join(commands)], capture_output=True, text=True, check=False,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = (done.stdout + done.stderr).splitlines()
    for line in (line for line in shown if line and not line.startswith("$ ")):
        assert line in printed
    found = doctest.DocTestParser().get_doctest("\n".join(blocks("python")), {}, "reversible.md", "reversible.md", 0)
    report: list[str] = []
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    doctest.DocTestRunner(optionflags=flags).run(found, out=report.append)
    assert found.examples
    assert not report, "".join(report)
