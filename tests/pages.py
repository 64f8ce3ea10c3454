"""What pages of the docs show is run: their commands in a shell, then their Python as doctests, in one folder."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "run_page"]

ROOT = Path(__file__).parents[1]


def run_page(name: str, place: Path, flags: int = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE) -> None:
    """Run a page of ``docs/`` in a folder, which must be the working one, and compare what is printed with it.

    Lines of commands' output that the page shows must be printed; ``...`` stands for anything. ``flags`` are doctest's.
    """
    page = (ROOT / "docs" / name).read_text("utf-8")
    shown = [line for block in _blocks(page, "console") for line in block.splitlines()]
    commands = [line[2:] for line in shown if line.startswith("$ ") and "pip install" not in line]
    done = subprocess.run(
        ["bash", "-c", "set -e\n" + "\n".join(commands)], capture_output=True, text=True, check=False,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(place), "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",  # torch's threads wait for each other busily where the cores have other work
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = (done.stdout + done.stderr).splitlines()
    for line in (line for line in shown if line and not line.startswith("$ ")):
        pattern = re.escape(line).replace(re.escape("..."), ".*")
        assert any(re.fullmatch(pattern, one) for one in printed), f"{line!r} was not printed:\n{printed}"
    found = doctest.DocTestParser().get_doctest("\n".join(_blocks(page, "python")), {}, name, name, 0)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(found, out=report.append)
    assert found.examples
    assert not report, "".join(report)


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
