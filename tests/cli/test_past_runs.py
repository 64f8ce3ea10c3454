"""Taking a folder up again: what was asked for before goes on, anything else is refused with what differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watermarking.cli.past_runs import PastRuns, settings_of
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.pictures.folders import RUN_RECORD

if TYPE_CHECKING:
    from tests.cli.conftest import Run

FIRST = ("-m", "hi")


def contents(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*") if file.is_file()}


@pytest.fixture
def marked(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> Path:
    """Mark two of three pictures: the run was cut short."""
    out = tmp_path / "out"
    assert run("embed", folder, "-o", out, *FIRST, "-k", keyfile, "--no-verify").exit_code == 0
    (out / "b.jpg").unlink()
    return out


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        (["-m", "bye"], "another message:"),
        (["-m", "hi", "--scheme", "dct"], "another scheme (dwt there, dct now):"),
        (["-m", "hi", "--fidelity", "strong"], "another strength (fidelity normal there, fidelity strong now):"),
        (["-m", "hi", "--psnr", "42"], "another strength (fidelity normal there, 42 dB now):"),
        (["-m", "bye", "--quality", "80"], "another message, another quality (unsaid there, 80 now):"),
    ],
)
def test_what_differs_is_named_and_nothing_done(
    run: Run, folder: Path, keyfile: Path, marked: Path, asked: list[str], difference: str
) -> None:
    before = contents(marked)
    refused = run("embed", folder, "-o", marked, *asked, "-k", keyfile)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"{marked / 'a.png'} and 1 more are there already, marked with {difference}" in refused.stderr
    assert "--force" in refused.stderr
    assert contents(marked) == before


def test_another_key_is_named(run: Run, folder: Path, marked: Path, tmp_path: Path) -> None:
    run("keygen", tmp_path / "other.key")
    refused = run("embed", folder, "-o", marked, *FIRST, "-k", tmp_path / "other.key")
    assert refused.exit_code == 2
    assert "marked with another key, another message" in refused.stderr  # its hash is keyed


def test_the_same_goes_on_and_force_replaces(run: Run, folder: Path, keyfile: Path, marked: Path) -> None:
    again = run("embed", folder, "-o", marked, *FIRST, "-k", keyfile, "--insist", "--workers", 1)
    assert again.stdout.startswith(f"{marked}: 1 marked, 2 skipped since they exist already")
    forced = run("embed", folder, "-o", marked, "-m", "bye", "-k", keyfile, "--force", "--no-verify")
    assert forced.stdout.startswith(f"{marked}: 3 marked")
    refused = run("embed", folder, "-o", marked, *FIRST, "-k", keyfile)  # the record speaks of the last run
    assert "another message" in refused.stderr


def test_other_pictures_may_carry_another_message(run: Run, folder: Path, keyfile: Path, marked: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (folder / "a.png").rename(other / "new.png")
    fine = run("embed", other, "-o", marked, "-m", "bye", "-k", keyfile, "--no-verify")
    assert fine.stdout == f"{marked}: 1 marked\n"
    both = run("embed", folder, other, "-o", marked, *FIRST, "-k", keyfile)
    assert f"{marked / 'new.png'} is there already, marked with another message" in both.stderr


def test_json_has_a_record_of_skipped_files(run: Run, folder: Path, keyfile: Path, marked: Path) -> None:
    result = run("embed", folder, "-o", marked, *FIRST, "-k", keyfile, "--no-verify", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted((Path(row["file"]).name, row["status"], row["reason"]) for row in rows) == [
        ("a.png", "skipped", "exists already"), ("b.jpg", "marked", None), ("notes.txt", "passed over", "text"),
        ("ç.png", "skipped", "exists already"),
    ]  # fmt: skip
    assert len({tuple(row) for row in rows}) == 1


def test_the_record_says_nothing_secret_and_is_no_picture(run: Run, keyfile: Path, marked: Path) -> None:
    text = (marked / RUN_RECORD).read_text("utf-8")
    assert Key.from_file(keyfile).reveal() not in text
    assert '"hi"' not in text
    assert "hidden" not in run("extract", marked, "-k", keyfile).stderr


def test_a_damaged_record_is_refused_unless_forced(run: Run, folder: Path, keyfile: Path, marked: Path) -> None:
    for damage in (
        "{",
        "[]",
        '{"version": 9, "runs": [], "pictures": {}}',
        '{"version": 1, "runs": [], "pictures": {"a": 0}}',
    ):
        (marked / RUN_RECORD).write_text(damage)
        with pytest.raises(FileFormatError, match="is damaged: name another folder"):
            PastRuns.of(marked)
    refused = run("embed", folder, "-o", marked, *FIRST, "-k", keyfile)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert run("embed", folder, "-o", marked, *FIRST, "-k", keyfile, "--force", "--no-verify").exit_code == 0
    assert set(PastRuns.of(marked).pictures) == {"a.png", "b.jpg", "unter/ç.png"}


def test_records_hold_any_name_and_grow_by_what_differs_alone(tmp_path: Path) -> None:
    marker = Marker(key=Key(bytes(16)))
    one, other = settings_of(marker, b"", None), settings_of(marker, b"x", None)
    names = ["\udcff.png", 'a"\n.png']
    PastRuns.of(tmp_path / "new").note(names, one)
    again = PastRuns.of(tmp_path / "new")
    again.check([*names, "unheard of.png"], one)
    again.note(names[:1], one)
    again.note(names[1:], other)
    found = PastRuns.of(tmp_path / "new")
    assert (found.settings, found.pictures) == ([one, other], {names[0]: 0, names[1]: 1})
    with pytest.raises(WatermarkError, match="marked with another message: "):
        found.check(names, one)
