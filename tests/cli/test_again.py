"""Marking what is marked already: skipped and counted, or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from watermarking.pictures.folders import RUN_RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

NAMES = ["a.png", "b.jpg", "unter/ç.png"]


def contents(place: Path) -> dict[str, bytes]:
    files = [file for file in place.rglob("*") if file.is_file() and file.name != RUN_RECORD]
    return {str(file.relative_to(place)): file.read_bytes() for file in files}


@pytest.mark.parametrize("workers", [1, 2])
def test_five_runs_leave_what_one_leaves(run: Run, folder: Path, keyfile: Path, workers: int) -> None:
    arguments = ("embed", folder, "--in-place", "-m", "hi", "-k", keyfile, "--workers", workers)
    assert run(*arguments).stdout == f"{folder}: 3 marked, 1 passed over (1 text)\n"
    once = contents(folder)
    for _ in range(4):
        again = run(*arguments)
        assert (again.exit_code, again.stdout) == (0, f"{folder}: 0 marked, 3 marked already, 1 passed over (1 text)\n")
        assert again.stderr == ""
    assert contents(folder) == once


def test_a_run_that_was_cut_short_marks_the_rest(run: Run, folder: Path, keyfile: Path) -> None:
    assert run("embed", folder / "b.jpg", "--in-place", "-m", "hi", "-k", keyfile).exit_code == 0
    half = contents(folder)
    result = run("embed", folder, "--in-place", "-m", "hi", "-k", keyfile, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()][1:]  # the first is of notes.txt
    assert [(row["already_marked"], row["verified"], row["psnr"] is None) for row in rows] == [
        (False, True, False), (True, True, True), (False, True, False),
    ]  # fmt: skip
    assert {name for name, content in contents(folder).items() if half[name] != content} == {"a.png", "unter/ç.png"}


def test_one_file(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    file, copy = folder / "a.png", tmp_path / "copy.png"
    options = ("-m", "hi", "-k", keyfile)
    assert not json.loads(run("embed", file, "--in-place", *options, "--json").stdout)["already_marked"]
    content = file.read_bytes()
    again = run("embed", file, "--in-place", *options)
    assert (again.exit_code, file.read_bytes()) == (0, content)
    assert again.stdout.startswith(f"{file}: marked already, ")
    assert json.loads(run("embed", file, "-o", copy, *options, "--json").stdout)["already_marked"]
    assert copy.read_bytes() == content
    piped = run("embed", "-", "-o", "-", *options, stdin=content)
    assert (piped.exit_code, piped.stdout_bytes) == (0, content)
    assert "marked already" in piped.stderr


def test_elsewhere_the_set_becomes_whole(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    run("embed", folder / "b.jpg", "--in-place", "-m", "hi", "-k", keyfile)
    out = tmp_path / "out"
    result = run("embed", folder, "-o", out, "-m", "hi", "-k", keyfile)
    assert result.stdout == f"{out}: 2 marked, 1 marked already, 1 passed over (1 text)\n"
    assert sorted(contents(out)) == NAMES
    assert (out / "b.jpg").read_bytes() == (folder / "b.jpg").read_bytes()
    assert run("extract", out, "-k", keyfile).exit_code == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_another_message_is_refused_in_a_line_each(run: Run, folder: Path, keyfile: Path, workers: int) -> None:
    arguments = ("embed", folder, "--in-place", "-k", keyfile, "--workers", workers)
    run(*arguments, "-m", "hi")
    before = contents(folder)
    refused = run(*arguments, "-m", "bye")
    assert (refused.exit_code, refused.stdout) == (2, f"{folder}: 0 marked, 3 failed, 1 passed over (1 text)\n")
    lines = refused.stderr.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, NAMES, strict=True):
        assert line.startswith(
            f"watermarking: {folder / name}: the picture carries another message of this key already"
        )
        assert "'hi'" in line
        assert "--again" in line
    assert contents(folder) == before
    allowed = run(*arguments, "-m", "bye", "--again")
    assert (allowed.exit_code, allowed.stdout) == (0, f"{folder}: 3 marked, 1 passed over (1 text)\n")
    read = run("extract", folder, "-k", keyfile, "--json").stdout.splitlines()
    assert [json.loads(line)["message"] for line in read] == ["bye"] * 3


def test_another_message_of_one_file(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    run("embed", picture, "--in-place", "-m", "hi", "-k", keyfile)
    refused = run("embed", picture, "-o", tmp_path / "out.png", "-m", "bye", "-k", keyfile)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "another message of this key already, 'hi'" in refused.stderr
    assert not (tmp_path / "out.png").exists()
    assert run("embed", picture, "-o", tmp_path / "out.png", "-m", "bye", "-k", keyfile, "--again").exit_code == 0
