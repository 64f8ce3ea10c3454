"""What README and docs show is run: every block of code, in the order of the page, in one folder.

A fence's language says what is done with it:

``console``
    Lines that begin with ``$`` are run by a shell, the others must be printed; ``...`` stands for anything.
``python``
    Doctests. Later blocks know the names of earlier ones.
any language, with ``title="FILE"``
    A file, which is written for the blocks that follow.
``sh``
    What a test cannot do: make's own targets, what pip fetches. That such targets, extras and scripts exist is checked.
``text``
    No code.

``<!-- slow -->`` before a block leaves it to the tests that are marked so.
"""

from __future__ import annotations

import configparser
import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Block", "blocks_of", "page_path", "run_page"]

ROOT = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^(<!-- slow -->\n+)?```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\s*(\$ |>>> |watermarking |python |pip |make )", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fence of a page: its language, the file that it is, whether it takes long, and what is in it."""

    language: str
    title: str | None
    slow: bool
    code: str

    @property
    def commands(self) -> list[str]:
        return [line[2:] for line in self.code.splitlines() if line.startswith("$ ")]

    @property
    def printed(self) -> list[str]:
        return [line for line in self.code.splitlines() if line and not line.startswith("$ ")]


def page_path(name: str) -> Path:
    return ROOT / name if name == "README.md" else ROOT / "docs" / name


def blocks_of(name: str) -> list[Block]:
    """Return a page's blocks, in its order."""
    found = []
    for slow, info, code in FENCE.findall(page_path(name).read_text("utf-8")):
        language, _, rest = info.partition(" ")
        title = re.search(r'title="(.+?)"', rest)
        found.append(Block(language, title and title[1], bool(slow), code))
    return found


def run_page(name: str, place: Path, flags: int = FLAGS, *, slow: bool = False) -> None:
    """Run a page of ``docs/`` in a folder, which must be the working one, and compare what is printed with it.

    ``flags`` are doctest's. Blocks that take long are left out unless ``slow``.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks_of(name):
        if block.slow and not slow:
            continue
        if block.title is not None:
            (place / block.title).parent.mkdir(parents=True, exist_ok=True)
            (place / block.title).write_text(block.code, "utf-8")
        elif block.language == "console":
            _run_commands(block, place)
        elif block.language == "python":
            _run_python(block, name, names, flags)
        else:
            check_block(block)


def _run_commands(block: Block, place: Path) -> None:
    alone = f"--quiet --no-index --no-build-isolation --no-deps --target '{place}/site'"  # what is here, and no more
    pip = f"'{sys.executable}' -m pip install {alone} ./"
    commands = [re.sub(r"^pip install \./", pip, command) for command in block.commands]
    kept = [command for command in commands if not command.startswith("pip install")]
    done = subprocess.run(
        ["bash", "-c", "set -e\n" + "\n".join(kept)], capture_output=True, text=True, check=False, cwd=place,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(place),
            "PYTHONPATH": os.pathsep.join([str(ROOT), f"{place}/site"]),
            "OMP_NUM_THREADS": "1",  # torch's threads wait for each other busily where the cores have other work
        },
    )  # fmt: skip
    assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
    printed = (done.stdout + done.stderr).splitlines()
    for line in block.printed:
        pattern = re.escape(line).replace(re.escape("..."), ".*")
        assert any(re.fullmatch(pattern, one) for one in printed), f"{line!r} was not printed:\n{printed}"


def _run_python(block: Block, name: str, names: dict[str, Any], flags: int) -> None:
    found = doctest.DocTestParser().get_doctest(block.code, {}, name, name, 0)
    found.globs = names
    assert found.examples, f"no prompts, so that nothing is run:\n{block.code}"
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(found, out=report.append, clear_globs=False)
    assert not report, "".join(report)


def check_block(block: Block) -> None:
    """Check what is not run: that a plain text shows no commands, and that a shell's name what there is."""
    assert block.language in {"sh", "text"}, f"nobody runs a block of {block.language!r}: see tests/pages.py"
    if block.language == "text":
        assert not COMMAND.search(block.code), f"these are commands, which have to be run:\n{block.code}"
        return
    for line in block.code.splitlines():
        program, *rest = line.split()
        if program == "make":
            assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), line
        else:
            assert (program, rest[0]) == ("pip", "install"), f"{line!r}: see tests/pages.py"
            extras = re.findall(r"\[(.+?)\]", line)
            assert all(extra in _extras() for found in extras for extra in found.split(",")), line


def _extras() -> list[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return setup.options("options.extras_require")
