"""Photographs: the sets, the size rule, and folders that hold something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.photographs import LONG_SIDE, Photograph, PhotographsError, find, load

if TYPE_CHECKING:
    from pathlib import Path


def test_ten_photographs_are_shipped_and_shrunk_but_never_enlarged() -> None:
    found = find("shipped")
    assert len(found) == 10
    sides = {picture.name: max(load(picture).shape[:2]) for picture in found}
    assert sides["european-honey-bee"] == LONG_SIDE
    assert sides["chelsea"] == 451
    assert load(next(picture for picture in found if picture.name == "camera")).ndim == 2


def test_sets_say_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA", str(tmp_path))
    assert len(find("evaluation")) == 10
    assert "kodim23.png" in capsys.readouterr().err
    with pytest.raises(PhotographsError, match="fetch_data"):
        find("large")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotographsError, match="no photographs"):
        find(str(tmp_path))
    with pytest.raises(PhotographsError, match="shipped"):
        find("no such set")


def test_a_mixed_folder_says_what_it_leaves_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes.txt").write_text("hello", "utf-8")
    names = [picture.name for picture in find(str(folder))]
    assert [name[0] for name in names] == ["a", "b", "c"]
    assert "notes.txt" in capsys.readouterr().err


def test_names_in_a_folder_change_with_the_content(folder: Path) -> None:
    before = find(str(folder))[0].name
    (folder / "a.png").write_bytes((folder / "b.png").read_bytes())
    assert find(str(folder))[0].name != before


def test_a_loaded_photograph_cannot_be_changed(folder: Path) -> None:
    assert not load(Photograph("a", folder / "a.png")).flags.writeable
