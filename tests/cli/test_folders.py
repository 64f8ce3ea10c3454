"""Whole folders: the structure is kept, what is done is skipped, one failure does not stop the rest."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

NAMES = ["a.png", "b.jpg", "unter/ç.png"]


def names_in(place: Path) -> list[str]:
    return sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_is_marked_and_read(run: Run, folder: Path, keyfile: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out"
    result = run("embed", folder, "-o", out, "-m", "hi", "-k", keyfile, "--workers", workers)
    assert (result.exit_code, result.stdout) == (0, f"{out}: 3 marked\n")
    assert names_in(out) == NAMES
    read = run("extract", out, "-k", keyfile, "--json")
    rows = [json.loads(line) for line in read.stdout.splitlines()]
    assert read.exit_code == 0
    assert [(row["file"], row["message"]) for row in rows] == [(str(out / name), "hi") for name in NAMES]


def test_what_exists_is_skipped(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    arguments = ("embed", folder, "-o", out, "-m", "hi", "-k", keyfile)
    assert run(*arguments).stdout == f"{out}: 2 marked, 1 skipped since they exist already\n"
    assert (out / "a.png").read_bytes() == b"mine"
    assert run(*arguments, "--force").stdout == f"{out}: 3 marked\n"
    assert (out / "a.png").read_bytes() != b"mine"


def test_one_failure_does_not_stop_the_rest(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    (folder / "a.png").write_bytes((folder / "a.png").read_bytes()[:1000])
    out = tmp_path / "out"
    result = run("embed", folder, "-o", out, "-m", "hi", "-k", keyfile, "--json")
    assert result.exit_code == 3
    assert len([line for line in result.stderr.splitlines() if "compiling for this machine" not in line]) == 1
    assert str(folder / "a.png") in result.stderr
    assert [json.loads(line)["output"] for line in result.stdout.splitlines()] == [
        str(out / name) for name in NAMES[1:]
    ]
    assert names_in(out) == NAMES[1:]
    read = run("extract", folder, "-k", keyfile, "--json")
    assert read.exit_code == 2
    assert len(read.stdout.splitlines()) == 2


def test_in_place(run: Run, folder: Path, keyfile: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in NAMES}
    result = run("embed", folder, "--in-place", "-m", "hi", "-k", keyfile)
    assert result.exit_code == 0
    assert all((folder / name).read_bytes() != content for name, content in before.items())
    assert names_in(folder) == [*NAMES[:2], "notes.txt", NAMES[2]]
    assert run("extract", folder, "-k", keyfile).exit_code == 0


@pytest.mark.parametrize("target", ["bilder", "bilder/out", "my.key"])
def test_targets_that_would_do_harm(run: Run, folder: Path, keyfile: Path, tmp_path: Path, target: str) -> None:
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    result = run("embed", folder, "-o", tmp_path / target, "-m", "hi", "-k", keyfile)
    assert result.exit_code in (2, 3)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_bar_is_for_terminals(
    run: Run, folder: Path, keyfile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watermarking.cli import batch

    with batch._progress(2) as advance:
        advance()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with batch._progress(2) as advance:
        assert advance() is None
