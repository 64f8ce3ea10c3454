"""Copies with a code against colluders: merged and mixed ones name who took part, and nobody else."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from covers import photograph
from PIL import Image

from tests.datasets.conftest import KEY, Run, encoded
from watermarking.attacks.collusion import Collude
from watermarking.datasets.collusion import code_against, code_of
from watermarking.datasets.manifest import Manifest
from watermarking.datasets.words import Copies, trace_words
from watermarking.errors import (
    AlreadyMarkedError,
    CapacityError,
    FileFormatError,
    UnknownSchemeError,
    WatermarkError,
)
from watermarking.keys import Key
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"c{number}" for number in range(40)]
GUILTY = NAMES[3:6]
COPIES = Copies.against(3, NAMES, Marker(key=KEY, psnr=42))
COVER = photograph((384, 512, 3), seed=1)


@pytest.fixture(scope="module")
def merged() -> list[np.ndarray]:
    return [np.asarray(COPIES.embed(COVER, name)) for name in GUILTY]


@pytest.mark.parametrize("rule", ["mean", "minimum", "maximum", "median", "random"])
def test_copies_merged_by_every_rule_name_all(merged: list[np.ndarray], rule: str) -> None:
    picture = Collude(rule=rule)(merged, rng=np.random.default_rng(0))
    found = COPIES.trace([picture], search=0)
    assert sorted(found.named()) == GUILTY
    assert found.presence.is_present()
    assert found.summary().startswith("made from the copies of ")


def test_moved_and_coded_anew(merged: list[np.ndarray]) -> None:
    whole = Image.fromarray(merged[0]).resize((440, 330), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    whole.save(stream, "JPEG", quality=80)
    assert COPIES.trace([Image.open(stream)]).named() == GUILTY[:1]


def test_unmarked_pictures_and_other_keys_name_nobody(merged: list[np.ndarray]) -> None:
    found = COPIES.trace([photograph((384, 512, 3), seed=2)], search=0)
    assert not found.named(1e-2)
    other = trace_words(merged, NAMES, COPIES.code, Key(bytes(16)), search=0)
    assert not other.named(1e-2)
    assert "no mark of the key" in other.summary()


def test_a_copy_is_recognised_and_another_is_not_written_over(merged: list[np.ndarray]) -> None:
    assert np.array_equal(COPIES.embed(merged[0], GUILTY[0]), merged[0])
    with pytest.raises(AlreadyMarkedError, match="another mark of this key"):
        COPIES.embed(merged[0], GUILTY[1])
    with pytest.raises(AlreadyMarkedError):
        COPIES.embed(Marker(key=KEY, psnr=42).embed(COVER, "Ada"), GUILTY[0])
    assert not np.array_equal(COPIES.embed(merged[0], GUILTY[1], again=True), merged[0])


def test_files_are_read_back(tmp_path: Path) -> None:
    receipt = COPIES.embed_file(encoded(3, side=320), tmp_path / "bob.jpg", GUILTY[1])
    assert (receipt.message, receipt.reserve) == (GUILTY[1].encode(), None)
    assert receipt.bit_error_rate is not None
    assert receipt.bit_error_rate < 0.3
    assert COPIES.trace([Image.open(tmp_path / "bob.jpg")], search=0).named() == [GUILTY[1]]


def test_what_is_refused() -> None:
    with pytest.raises(CapacityError, match="make the code against 12 or fewer"):
        code_against(1000, 20)
    with pytest.raises(WatermarkError, match="41 of 40 recipients"):
        code_against(40, 41)
    with pytest.raises(WatermarkError, match="'c0' is there twice"):
        Copies.against(1, ["c0", "c0"], Marker(key=KEY))
    with pytest.raises(WatermarkError, match="'zoe' is none of the 40 customers"):
        COPIES.embed(COVER, "zoe")
    with pytest.raises(CapacityError, match="places of a word fit in 24x16 pixels, 512 are needed"):
        COPIES.embed(COVER[:16, :24], "c0")
    with pytest.raises(UnknownSchemeError, match="no words of a code"):
        Copies.against(2, NAMES, Marker("additive_block", key=KEY))
    with pytest.raises(FileFormatError, match="damaged"):
        code_of({"collusion": {"length": "long"}})
    with pytest.raises(WatermarkError, match="several pictures"):
        COPIES.trace(COVER)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    for seed in range(6):
        (place / f"{seed}.jpg").write_bytes(encoded(seed, side=256))
    (tmp_path / "people.csv").write_text("customer\n" + "\n".join(NAMES))
    return place


def test_from_the_command_line(source: Path, tmp_path: Path, run: Run) -> None:
    target, people = tmp_path / "out", tmp_path / "people.csv"
    only = [word for name in GUILTY for word in ("--only", name)]
    asked = ("--recipients", people, "--collusion", 3, *only)
    done = run.embed(source, target, *asked, message=())
    assert done.exit_code == 0, done.output
    run_said = json.loads((target / ".watermarking/run.json").read_text())
    assert run_said["format"] == 2
    assert run_said["collusion"] == {"length": 512, "colluders": 3, "biases": "gauss-legendre", "cutoff": 0.0}
    assert {one.message for one in Manifest.find(target).records()} == {name.encode() for name in GUILTY}
    assert run("verify", target, "--workers", 1).exit_code == 0
    leak = tmp_path / "leak"
    leak.mkdir()
    for number in range(6):  # a picture from each in turn, under another name
        (leak / f"{9 - number}.jpg").write_bytes((target / GUILTY[number % 3] / f"{number}.jpg").read_bytes())
    traced = run("trace", leak, "--manifest", target, "--search", 0)
    assert traced.exit_code == 0, traced.output
    assert sorted(line.split("\t")[0] for line in traced.stdout.splitlines()) == GUILTY
    (target / GUILTY[0] / "0.jpg").write_bytes((target / GUILTY[1] / "0.jpg").read_bytes())
    assert "0.jpg: no message can be read from it" in run("verify", target, "--workers", 1).output


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--collusion", 3), "name them with --recipients FILE"),
        (("--recipients", "people.csv", "--collusion", 3, "-m", "hi"), "give no message and no template"),
        (("--recipients", "people.csv", "--collusion", 3, "--key-per-sample"), "leave out --key-per-sample"),
        (("--recipients", "people.csv", "--collusion", 3, "--scheme", "additive_block"), "no words of a code"),
        (("--recipients", "own.csv", "--collusion", 2), "leave out the column 'message'"),
    ],
)
def test_what_the_command_refuses(
    source: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, asked: tuple[object, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text("customer,message\na,hello\nb,\n")
    done = run("embed", source, "-o", tmp_path / "out", *asked)
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "out").exists()
