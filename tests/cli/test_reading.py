"""Reading a crawl: several at a time, how many were found, which key it was, and what else can be tried."""

from __future__ import annotations

import json
import pickle
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import texture
from watermarking.cli import extract, reading
from watermarking.cli.progress import progress
from watermarking.keys import Key
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

KEY = Key(bytes(range(32)))  # of the key file
OTHER = Key(bytes(range(1, 33)))
HINT = "watermarking detect -m TEXT"


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures: two of two keys, one unmarked, one damaged."""
    place = tmp_path_factory.mktemp("crawl")
    for name, key, message in (("a.png", KEY, "one"), ("b.png", OTHER, "two")):
        Image.fromarray(Marker(key=key, psnr=42.0).embed(texture(256, 256, len(message)), message)).save(place / name)
    Image.fromarray(texture(128, 128)).save(place / "c.png")
    (place / "d.png").write_bytes(b"no picture")
    return place


@pytest.fixture
def keys(keyfile: Path, tmp_path: Path) -> list[object]:
    OTHER.save(tmp_path / "other.key")
    return ["-k", keyfile, "-k", tmp_path / "other.key"]


@pytest.mark.parametrize("command", [["extract"], ["detect", "-m", "one"]])
@pytest.mark.parametrize("workers", [1, 2])
def test_folders_are_summed_up(run: Run, crawl: Path, keyfile: Path, command: list[str], workers: int) -> None:
    result = run(*command, crawl, "-k", keyfile, "--workers", workers, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 2  # of the damaged one
    assert [row["file"] for row in rows] == [str(crawl / f"{name}.png") for name in "abcd"]
    assert [row["found"] for row in rows] == [True, False, False, None]
    assert "d.png" in rows[3]["error"]
    assert len({tuple(row) for row in rows}) == 1
    assert result.stderr.splitlines()[-1] == f"{crawl}: 1 of 4 found, 1 failed"


def test_found_only(run: Run, crawl: Path, keyfile: Path) -> None:
    text = run("extract", crawl, "-k", keyfile, "--found-only")
    assert text.stdout == f"{crawl / 'a.png'}: one\n"
    told = [line for line in text.stderr.splitlines() if "compiling" not in line]
    assert [line.split(": ")[0] for line in told] == [str(crawl / "a.png"), "watermarking", str(crawl), "watermarking"]
    assert HINT in told[-1]
    rows = run("extract", crawl, "-k", keyfile, "--found-only", "--json").stdout.splitlines()
    assert [json.loads(row)["message"] for row in rows] == ["one"]
    seen = run("detect", crawl, "-m", "two", "-k", keyfile, "--found-only")
    assert seen.stdout == ""
    assert f"{crawl}: 0 of 4 found, 1 failed" in seen.stderr


def test_single_pictures_are_not_summed_up(run: Run, crawl: Path, keyfile: Path) -> None:
    assert " of 1 found" not in run("extract", crawl / "a.png", "-k", keyfile).stderr
    both = run("extract", crawl / "a.png", crawl / "c.png", "-k", keyfile)
    assert f"{crawl / 'a.png'}, {crawl / 'c.png'}: 1 of 2 found" in both.stderr.splitlines()
    assert both.exit_code == 1


def test_standard_input_among_others(run: Run, crawl: Path, keyfile: Path) -> None:
    content = (crawl / "a.png").read_bytes()
    result = run("extract", "-", crawl / "a.png", "-k", keyfile, "--workers", 2, stdin=content)
    assert result.stdout == f"-: one\n{crawl / 'a.png'}: one\n"


def test_a_bar_shows_how_far_it_is(run: Run, crawl: Path, keyfile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counting(n: int) -> object:
        asked.append(n)
        return progress(n)

    monkeypatch.setattr(reading, "progress", counting)
    run("extract", crawl, "-k", keyfile)
    run("extract", crawl / "a.png", "-k", keyfile)
    assert asked == [4, 0]  # a single picture has no bar


def test_the_bar_makes_way_for_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reading.clear()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    reading.clear()
    assert capsys.readouterr().err.startswith("\r")


def test_which_key_it_was(run: Run, crawl: Path, keyfile: Path, keys: list[object]) -> None:
    result = run("extract", crawl / "b.png", *keys)
    assert f"b.png: found with {keys[3]}, scheme dwt" in result.stderr
    assert json.loads(run("extract", crawl / "b.png", *keys, "--json").stdout)["key"] == str(keys[3])
    assert json.loads(run("extract", crawl / "a.png", *keys, "--json").stdout)["key"] == str(keyfile)
    assert json.loads(run("extract", crawl / "c.png", *keys, "--json").stdout)["key"] is None
    seen = run("detect", crawl / "b.png", "-m", "two", *keys)
    assert f"b.png: found with {keys[3]}, scheme dwt" in seen.stdout
    assert json.loads(run("detect", crawl / "b.png", "-m", "two", *keys, "--json").stdout)["key"] == str(keys[3])
    assert "found, scheme" in run("extract", crawl / "a.png", "-k", keyfile).stderr  # one key: it needs no name
    for text in (result.output, seen.output):
        assert OTHER.reveal() not in text


def test_what_cannot_be_read_is_sent_to_detect(run: Run, crawl: Path, keyfile: Path, tmp_path: Path) -> None:
    """At noise of 110 no message is read and p is 0.3, but a known message is found beyond doubt."""
    cover = np.asarray(Image.open("benchmarks/photographs/flower.jpg"))
    marked = Marker(key=KEY, psnr=42.0).embed(cover, "one").astype(float)
    noisy = marked + np.random.default_rng(0).normal(0, 110, marked.shape)
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(tmp_path / "noisy.png")
    read = run("extract", tmp_path / "noisy.png", "-k", keyfile)
    assert read.exit_code == 1
    assert HINT in read.stderr
    seen = run("detect", tmp_path / "noisy.png", "-m", "one", "-k", keyfile)
    assert seen.exit_code == 0
    assert HINT not in run("extract", crawl / "a.png", "-k", keyfile).stderr
    assert HINT not in run("extract", tmp_path / "noisy.png", "-k", keyfile, "--json").stderr


def test_jobs_travel_between_processes() -> None:
    job = extract.Job(keys=(KEY,), names=("my.key",), marker=Marker("dct", key=KEY))
    again = pickle.loads(pickle.dumps(job))  # noqa: S301  # made in the line above
    assert (again.names, again.keys) == (("my.key",), (KEY,))
