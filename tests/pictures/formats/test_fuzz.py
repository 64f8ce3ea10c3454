"""Damaged files of every format: one clear error or a picture, in bounded time, and the user's file is never harmed."""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FOLDER = str(Path(__file__).parents[3] / "benchmarks")
if FOLDER not in sys.path:
    sys.path.insert(0, FOLDER)

from harness.fuzzing import BrokenPromiseError, RandomChooser, exercise  # noqa: E402 - the folder is known only now
from harness.mutations import mutated, seeds  # noqa: E402

FILES = seeds()
N_FILES = 300


@dataclass(frozen=True)
class Drawn:
    """Choices of hypothesis, which it shrinks."""

    data: st.DataObject

    def whole(self, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high))


@pytest.mark.parametrize("name", FILES)
def test_no_damage_harms_anybody(name: str) -> None:
    @settings(max_examples=-(-N_FILES // len(FILES)), deadline=None)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        changed = mutated(FILES[name], Drawn(data))
        with tempfile.TemporaryDirectory() as folder:
            exercise(changed, Path(folder, "x"))

    run()


@pytest.mark.parametrize("name", FILES)
def test_undamaged_files_are_marked(tmp_path: Path, name: str) -> None:
    assert exercise(FILES[name], tmp_path / "x") == "marked"


def test_a_number_says_what_becomes_of_a_file() -> None:
    one, two = (mutated(FILES["PNG"], RandomChooser(random.Random(5))) for _ in range(2))
    assert one == two != FILES["PNG"]


def test_promises_that_are_broken_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import harness.fuzzing as fuzzing

    def break_it(data: bytes, path: Path) -> str:
        path.write_bytes(b"")
        return "reading: FileFormatError"

    monkeypatch.setattr(fuzzing, "_outcome", break_it)
    with pytest.raises(BrokenPromiseError, match="and yet the file has changed"):
        exercise(b"x", tmp_path / "x")

    def leave_something(data: bytes, path: Path) -> str:
        (path.parent / "y").touch()
        return "marked"

    monkeypatch.setattr(fuzzing, "_outcome", leave_something)
    with pytest.raises(BrokenPromiseError, match="beside the file lies"):
        exercise(b"x", tmp_path / "x")

    def lose_it(data: bytes, path: Path) -> str:
        path.unlink()
        raise ZeroDivisionError

    monkeypatch.setattr(fuzzing, "_outcome", lose_it)
    (tmp_path / "y").unlink()
    with pytest.raises(BrokenPromiseError, match="the file is gone"):
        exercise(b"x", tmp_path / "x")
