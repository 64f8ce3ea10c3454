"""``watermarking dataset trace`` and records: from the command line alone, over a folder of files."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.datasets.conftest import KEY, Run, encoded
from watermarking.datasets.manifest import Manifest
from watermarking.datasets.set_message import SetMessage
from watermarking.keys import Key

if TYPE_CHECKING:
    from pathlib import Path

RECORD = b"CC-BY-4.0, Ada Lovelace, ada@example.org, \xc2\xa9 2026"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    for seed in range(8):
        (place / f"{seed}.jpg").write_bytes(encoded(seed, side=256))
    return place


@pytest.fixture
def copies(pictures: Path, tmp_path: Path, run: Run) -> Path:
    (tmp_path / "people.csv").write_text("customer\nAda\nBob\nCleo\n")
    done = run.embed(pictures, tmp_path / "out", "--recipients", tmp_path / "people.csv", message=())
    assert done.exit_code == 0, done.output
    return tmp_path / "out"


def leak(files: list[Path], place: Path, quality: int = 70) -> Path:
    """Write pictures anew under other names."""
    place.mkdir(exist_ok=True)
    for number, file in enumerate(files):
        stream = io.BytesIO()
        Image.open(file).save(stream, "JPEG", quality=quality)
        (place / f"found-{file.parent.name}-{number}.jpg").write_bytes(stream.getvalue())
    return place


def test_the_recipient_is_named_and_nobody_else(copies: Path, tmp_path: Path, run: Run) -> None:
    suspect = leak([copies / f"Bob/{n}.jpg" for n in (5, 2, 6)], tmp_path / "suspect")
    (suspect / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    done = run("trace", suspect, "--manifest", copies)
    assert done.exit_code == 0, done.output
    name, p_value = done.stdout.splitlines()[0].split("\t")
    assert (name, len(done.stdout.splitlines())) == ("Bob", 1)
    assert float(p_value) < 1e-12
    assert "3 pictures, made from the copies of Bob" in done.stderr
    assert "broken.jpg: " in done.stderr


def test_two_whose_copies_are_mixed(copies: Path, tmp_path: Path, run: Run) -> None:
    suspect = leak([copies / f"{who}/{n}.jpg" for who, n in (("Ada", 1), ("Cleo", 2))], tmp_path / "suspect")
    done = run("trace", suspect, "--manifest", copies, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["recipient"] for row in rows if row["named"]} == {"Ada", "Cleo"}
    assert next(row for row in rows if row["recipient"] == "Bob")["p_value"] > 1e-3


def test_nobody_is_named_for_pictures_of_nobody(copies: Path, pictures: Path, tmp_path: Path, run: Run) -> None:
    done = run("trace", pictures, "--manifest", copies)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no mark of the key was found" in done.stderr
    Key(bytes(16)).save(tmp_path / "other.key")
    wrong = Run(tmp_path / "other.key")("trace", pictures, "--manifest", copies)
    assert wrong.exit_code == 2
    assert "was marked with the key" in wrong.output


def test_the_manifest_of_another_set_is_said_to_be_none(copies: Path, pictures: Path, tmp_path: Path, run: Run) -> None:
    run.embed(pictures, tmp_path / "mine", message=("-m", "not for customers"))
    done = run("trace", tmp_path / "mine", "--manifest", copies)
    assert done.exit_code == 1
    assert "it carries messages that no row holds, 'not for customers'" in done.stderr
    nobody = run("trace", pictures, "--manifest", tmp_path / "mine")
    assert nobody.exit_code == 2
    assert "names no recipient" in nobody.output


def test_a_record_is_read_from_some_of_the_pictures(pictures: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "record").write_bytes(RECORD)
    done = run.embed(pictures, tmp_path / "out", "--record", tmp_path / "record", message=())
    assert done.exit_code == 0, done.output
    message = SetMessage(RECORD, KEY)
    messages = {one.index: one.message for one in Manifest.find(tmp_path / "out").records()}
    assert messages == {index: message.message_of(index) for index in range(8)}
    some = leak([tmp_path / f"out/{n}.jpg" for n in (7, 1, 4, 5, 3, 6)], tmp_path / "some", 85)
    found = run("extract", some, "--record")
    assert (found.exit_code, found.stdout) == (0, RECORD.decode() + "\n")
    few = leak([tmp_path / f"out/{n}.jpg" for n in (0, 2)], tmp_path / "few", 85)
    assert run("extract", few, "--record", "--json").exit_code == 1
    said = json.loads(run("extract", few, "--record", "--json").stdout.splitlines()[0])
    assert said == {
        "found": False, "record": None, "record_hex": None, "parts_known": 2, "parts_needed": message.n_blocks
    }  # fmt: skip


def test_records_that_cannot_be(pictures: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "record").write_bytes(bytes(1025))
    out = tmp_path / "out"
    long = run.embed(pictures, out, "--record", tmp_path / "record", message=())
    assert (long.exit_code, "a set carries at most 1024" in long.output) == (2, True)
    missing = run.embed(pictures, out, "--record", tmp_path / "none", message=())
    assert (missing.exit_code, "cannot be read" in missing.output) == (2, True)
    both = run.embed(pictures, out, "--record", tmp_path / "record", "--key-per-sample", message=())
    assert (both.exit_code, "leave out -m" in both.output) == (2, True)
    assert not out.exists()
