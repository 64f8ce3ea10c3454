"""Whole folders: the structure is kept, what is done is skipped, one failure does not stop the rest."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from watermarking.cli.progress import progress
from watermarking.pictures.folders import RUN_RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

NAMES = ["a.png", "b.jpg", "unter/ç.png"]


def names_in(place: Path) -> list[str]:
    """List the files in a folder, but for the one that says what they were marked with."""
    return sorted(
        str(file.relative_to(place)) for file in place.rglob("*") if file.is_file() and file.name != RUN_RECORD
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_is_marked_and_read(run: Run, folder: Path, keyfile: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out"
    result = run("embed", folder, "-o", out, "-m", "hi", "-k", keyfile, "--workers", workers)
    assert (result.exit_code, result.stdout) == (0, f"{out}: 3 marked, 1 passed over (1 text)\n")
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
    assert run(*arguments).stdout == f"{out}: 2 marked, 1 skipped since they exist already, 1 passed over (1 text)\n"
    assert (out / "a.png").read_bytes() == b"mine"
    assert run(*arguments, "--force").stdout == f"{out}: 3 marked, 1 passed over (1 text)\n"
    assert (out / "a.png").read_bytes() != b"mine"


@pytest.mark.parametrize("workers", [1, 2])
def test_one_failure_does_not_stop_the_rest(
    run: Run, folder: Path, keyfile: Path, tmp_path: Path, workers: int
) -> None:
    (folder / "a.png").write_bytes((folder / "a.png").read_bytes()[:1000])
    out = tmp_path / "out"
    result = run("embed", folder, "-o", out, "-m", "hi", "-k", keyfile, "--json", "--workers", workers)
    assert result.exit_code == 2  # as for that file alone
    lines = [line for line in result.stderr.splitlines() if "compiling for this machine" not in line]
    assert len(lines) == 2
    assert lines[0].startswith(f"watermarking: {folder / 'a.png'}: the PNG file")
    assert lines[1] == f"{out}: 2 marked, 1 failed, 1 passed over (1 text)"
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(list(row) == list(rows[0]) for row in rows)
    passed_over, *rows = rows
    assert (passed_over["file"], passed_over["output"]) == (str(folder / "notes.txt"), None)
    assert (passed_over["status"], passed_over["reason"]) == ("passed over", "text")
    assert [(row["file"], row["output"]) for row in rows] == [(str(folder / n), str(out / n)) for n in NAMES]
    assert [row["status"] for row in rows] == ["failed", "marked", "marked"]
    assert "the PNG file" in rows[0]["error"]
    assert all(rows[0][name] is None for name in rows[0].keys() - {"file", "output", "status", "error"})
    assert names_in(out) == NAMES[1:]
    read = run("extract", folder, "-k", keyfile, "--json")
    assert read.exit_code == 2
    found = [json.loads(line) for line in read.stdout.splitlines()]
    assert [(row["found"], row["error"] is None) for row in found] == [(None, False), (False, True), (False, True)]
    assert read.stderr.splitlines()[-1] == f"{folder}: 0 of 3 found, 1 failed"


def test_the_worst_status_of_a_file_is_the_folders(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    """Bad input is 2, a message that cannot be read back 3, whichever comes first."""
    lossy = ("embed", folder, "-m", "hi", "-k", keyfile, "--psnr", 60, "--quality", 1)
    assert run(*lossy, "-o", tmp_path / "one").exit_code == 3
    for damaged in ("a.png", "unter/ç.png"):
        (folder / damaged).write_bytes(b"no picture")
        assert run(*lossy, "-o", tmp_path / damaged.replace("/", "-")).exit_code == 3
    (folder / "b.jpg").unlink()
    assert run(*lossy, "-o", tmp_path / "two").exit_code == 2


def test_what_is_passed_over_is_counted_and_listed(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    for name in ("c.jp2", "d.JP2", ".hidden.png"):
        (folder / name).write_bytes(b"x")
    (folder / "e.jpg.bak").write_bytes((folder / "b.jpg").read_bytes())
    (folder / "loop").symlink_to(folder)
    summary = "6 passed over (2 JPEG 2000, 1 JPEG under another suffix, 1 hidden, 1 link to a folder, 1 text)"
    out = tmp_path / "out"
    quiet = run("embed", folder, "-o", out, "-m", "hi", "-k", keyfile)
    assert (quiet.exit_code, quiet.stdout) == (0, f"{out}: 3 marked, {summary}\n")
    assert "passed over" not in quiet.stderr
    told = run("embed", folder, "-o", out, "-m", "hi", "-k", keyfile, "-v", "--force").stderr.splitlines()
    assert [line for line in told if "passed over" in line] == [
        f"watermarking: {folder / name}: passed over: {reason}"
        for name, reason in (
            (".hidden.png", "hidden"), ("c.jp2", "JPEG 2000"), ("d.JP2", "JPEG 2000"),
            ("e.jpg.bak", "JPEG under another suffix"), ("loop", "link to a folder"), ("notes.txt", "text"),
        )
    ]  # fmt: skip
    for command in (["extract", "-k", keyfile], ["detect", "-m", "hi", "-k", keyfile], ["capacity"]):
        read = run(command[0], folder, *command[1:])
        assert f"{folder}: {summary}" in read.stderr.splitlines()
        assert "passed over" not in read.stdout


def test_a_folder_of_other_things_says_what_they_are(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (folder / name).rename((folder / name).with_suffix(".jp2"))
    for arguments in (["extract"], ["embed", "-o", tmp_path / "out", "-m", "hi"]):
        result = run(arguments[0], folder, *arguments[1:], "-k", keyfile)
        assert result.exit_code == 2
        assert f"{folder} holds no pictures: 4 passed over (3 JPEG 2000, 1 text)" in result.stderr


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
    with progress(2) as advance:
        advance()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress(2) as advance:
        assert advance() is None
