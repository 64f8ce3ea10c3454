"""Several pictures in one call, and where each of them goes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.cli.conftest import texture
from watermarking.pictures.folders import RUN_RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def names_in(place: Path) -> list[str]:
    return sorted(
        str(file.relative_to(place)) for file in place.rglob("*") if file.is_file() and file.name != RUN_RECORD
    )


@pytest.fixture
def options(keyfile: Path) -> tuple[object, ...]:
    return "-m", "hi", "-k", keyfile, "--no-verify", "--workers", 1


def test_pictures_and_folders_into_one(
    run: Run, folder: Path, picture: Path, keyfile: Path, tmp_path: Path, options: tuple[object, ...]
) -> None:
    out = tmp_path / "out"
    result = run("embed", picture, folder / "b.jpg", folder / "unter", picture, "-o", out, *options)
    assert (result.exit_code, result.stdout) == (0, f"{out}: 3 marked\n")
    assert names_in(out) == ["b.jpg", "picture.png", "ç.png"]
    assert run("extract", out, "-k", keyfile).stdout.count("hi") == 3


def test_one_picture_into_a_folder(run: Run, picture: Path, tmp_path: Path, options: tuple[object, ...]) -> None:
    (tmp_path / "there").mkdir()
    assert run("embed", picture, "-o", tmp_path / "there", *options).exit_code == 0
    assert run("embed", picture, "-o", f"{tmp_path / 'new'}{os.sep}", *options).exit_code == 0
    assert names_in(tmp_path / "there") == names_in(tmp_path / "new") == ["picture.png"]


def test_one_that_fails_does_not_stop_the_others(
    run: Run, picture: Path, tmp_path: Path, options: tuple[object, ...]
) -> None:
    result = run("embed", tmp_path / "nowhere.png", picture, "-o", tmp_path / "out", *options, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, [row["status"] for row in rows]) == (2, ["failed", "marked"])
    assert "nowhere.png" in rows[0]["error"]


def test_a_single_failure_has_a_record(run: Run, picture: Path, tmp_path: Path, options: tuple[object, ...]) -> None:
    (tmp_path / "taken.png").write_bytes(b"mine")
    for source, target, why in (
        (tmp_path / "nowhere.png", "out.png", "nowhere.png"),
        (picture, "taken.png", "exists already"),
    ):
        result = run("embed", source, "-o", tmp_path / target, *options, "--json")
        record = json.loads(result.stdout)
        assert (result.exit_code, record["status"], record["file"]) == (2, "failed", str(source))
        assert why in record["error"]
        assert why in result.stderr
    assert (tmp_path / "taken.png").read_bytes() == b"mine"


def test_several_in_place(run: Run, folder: Path, picture: Path, keyfile: Path, options: tuple[object, ...]) -> None:
    result = run("embed", picture, folder, "--in-place", *options)
    assert result.stdout == f"{picture}, {folder}: 4 marked, 1 passed over (1 text)\n"
    assert not list(folder.rglob(RUN_RECORD))
    assert run("extract", picture, folder, "-k", keyfile).exit_code == 0


def test_nothing_is_lost_to_a_name(
    run: Run, folder: Path, picture: Path, tmp_path: Path, options: tuple[object, ...]
) -> None:
    """Two that would become one, sources that would be written over, a file where a folder is needed."""
    other = tmp_path / "other"
    (other / "unter").mkdir(parents=True)
    for name in ("a.png", "unter/ç.png"):
        Image.fromarray(texture(64, 64)).save(other / name)
    os.link(picture, other / "alias.png")
    alias = folder / "alias.png"
    os.link(picture, alias)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    for arguments, hint in (
        ([folder / "a.png", other / "a.png", "-o", tmp_path / "out"], "would both become"),
        ([folder / "a.png", other / "a.png", "-o", other], "would both become"),
        ([folder / "a.png", folder / "b.jpg", "-o", folder, "--force"], "is the input"),
        ([folder, other / "unter" / "ç.png", "-o", other, "--force"], "is the input"),
        ([alias, folder / "b.jpg", "-o", other, "--force"], "is the input"),
        ([folder, "-o", folder], "is the input"),
        ([folder / "a.png", picture, "-o", folder / "b.jpg"], "is a file, there are several pictures"),
        (["-", picture, "-o", tmp_path / "out"], "'-' is one picture"),
        ([picture, folder, "-o", "-"], "Standard output takes one picture"),
    ):
        result = run("embed", *arguments, *options)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert hint in result.stderr
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
