"""A copy of the data set for each recipient, each with a mark of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.datasets.conftest import KEY, Run, contents
from watermarking.datasets.manifest import Manifest
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text("customer,country\nAda,UK\nBob,US\n", encoding="utf-8")
    return file


def test_each_gets_a_copy_with_a_message_of_their_own(folder: Path, tmp_path: Path, run: Run, people: Path) -> None:
    target = tmp_path / "out"
    done = run.embed(folder, target, "--recipients", people, message=())
    assert done.exit_code == 0, done.output
    assert done.output == f"{target}: 8 marked, 2 copied\n"
    marker, said = Marker(key=KEY, search=0), {}
    for name in ("Ada", "Bob"):
        copy = contents(target / name)
        assert copy.keys() == contents(folder).keys()
        said[name] = {marker.extract_bytes(data).message for file, data in copy.items() if file != "labels.csv"}
        assert len(said[name]) == 1
    assert said["Ada"] != said["Bob"]
    records = [one for one in Manifest.find(target).records() if one.status == "marked"]
    assert {one.recipient: one.message for one in records} == {name: next(iter(said[name])) for name in said}
    assert {one.shard for one in records} == {"Ada/00000", "Bob/00000"}
    assert [one.index for one in records] == [0, 1, 2, 3] * 2
    assert run("verify", target, "--workers", 1).output == f"{target}: 10 samples read back, all well\n"
    (target / "Bob/dog.png").write_bytes((target / "Ada/dog.png").read_bytes())
    swapped = run("verify", target, "--workers", 1)
    assert swapped.exit_code == 3
    assert "dog.png: another message is read from it, and its content is not what was written" in swapped.output


def test_a_template_takes_what_the_file_says(folder: Path, tmp_path: Path, run: Run, people: Path) -> None:
    done = run.embed(folder, tmp_path / "out", "--recipients", people, message=("-m", "{customer}/{country}/{index}"))
    assert done.exit_code == 0, done.output
    data = (tmp_path / "out/Bob/cats/2.jpg").read_bytes()
    assert Marker(key=KEY, search=0).extract_bytes(data).text == "Bob/US/2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recipient\nAda\nBob\nada\n", "row 4: 'ada' is the recipient of row 2 already"),
        ("recipient\n../Ada\n", "names no folder"),
        ("recipient\n\nAda\n  ,\n", "names no folder"),
        ("recipient\n", "names no recipient"),
        ("", "names no recipient"),
    ],
)
def test_files_that_are_refused(folder: Path, tmp_path: Path, run: Run, text: str, said: str) -> None:
    (tmp_path / "people.csv").write_text(text)
    done = run.embed(folder, tmp_path / "out", "--recipients", tmp_path / "people.csv", message=())
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "out").exists()


def test_no_message_at_all_is_refused(folder: Path, tmp_path: Path, run: Run) -> None:
    done = run.embed(folder, tmp_path / "out", message=())
    assert done.exit_code == 2
    assert "A message is needed" in done.output


def test_copies_are_written_when_they_are_wanted(folder: Path, tmp_path: Path, run: Run, people: Path) -> None:
    """All recipients are planned; one copy is made now, the other later, and both are as if made at once."""
    target, at_once = tmp_path / "out", tmp_path / "at-once"
    first = run.embed(folder, target, "--recipients", people, "--only", "Bob", message=())
    assert (first.exit_code, first.output) == (0, f"{target}: 4 marked, 1 copied\n")
    assert not (target / "Ada").exists()
    assert run("verify", target, "--workers", 1).output == f"{target}: 5 samples read back, all well\n"
    assert run("status", target, key=False).exit_code == 1
    assert run.embed(folder, target, "--recipients", people, message=()).output == f"{target}: 8 marked, 2 copied\n"
    assert run("status", target, key=False).exit_code == 0
    run.embed(folder, at_once, "--recipients", people, message=())
    assert contents(target / "Ada") == contents(at_once / "Ada")
    assert contents(target / "Bob") == contents(at_once / "Bob")


def test_only_who_is_on_the_list_gets_a_copy(folder: Path, tmp_path: Path, run: Run, people: Path) -> None:
    done = run.embed(folder, tmp_path / "out", "--recipients", people, "--only", "Eve", message=())
    assert done.exit_code == 2
    assert "'Eve' is none of the 2 recipients: name one of them" in done.output
