"""``-vv`` says more than ``-v``: what was tried, with which scheme, how often, and the seconds of each step."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

from watermarking.cli.hearing import listen, steps_to
from watermarking.steps import LOG, Steps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

SECONDS = re.compile(r": \d+\.\d{3} s$")


def timed(stderr: str) -> list[str]:
    """Return the lines that say what a step took, without that."""
    return [SECONDS.sub("", line) for line in stderr.splitlines() if SECONDS.search(line)]


def both(run: Run, *arguments: object) -> tuple[list[str], list[str]]:
    """Return the timed lines of a command with ``-v`` and with ``-vv``."""
    once, twice = (run(*arguments, flag) for flag in ("-v", "-vv"))
    assert (once.exit_code, once.stdout) == (twice.exit_code, twice.stdout)
    return timed(once.stderr), timed(twice.stderr)


@pytest.fixture(autouse=True)
def _logger_left_as_it_was() -> Iterator[None]:
    before = (LOG.level, list(LOG.handlers), LOG.propagate)
    yield
    assert (LOG.level, list(LOG.handlers), LOG.propagate) == before


def test_vv_tells_the_steps_of_marking_a_picture(run: Run, picture: Path, keyfile: Path, tmp_path: Path) -> None:
    once, twice = both(run, "embed", picture, "-o", tmp_path / "out.png", "-m", "Ada", "-k", keyfile, "--force")
    assert once == []
    said = "\n".join(twice)
    assert "decoded, PNG of 384x256" in said
    assert "looked for a mark of this key and scheme: none" in said
    assert re.search(r"dwt at \d+\.\d\d dB leaves SSIMULACRA2 \d+\.\d\d, aimed at \d+\.\d", said)
    assert "read back and measured" in said


def test_vv_tells_what_reading_tried(run: Run, picture: Path, keyfile: Path) -> None:
    once, twice = both(run, "extract", picture, "-k", keyfile, "--scheme", "dwt")
    assert once == []
    lies = [line for line in twice if re.search(r"as it lies: \d tried, least p = \S+ \(dwt\)$", line)]
    assert len(lies) == 1
    assert lies[0].startswith(f"watermarking: {picture}: ")
    assert re.search(r"no message read, \d+ checks; \d+ tried in all$", twice[-1])
    _, detected = both(run, "detect", picture, "-m", "Ada", "-k", keyfile, "--scheme", "dwt")
    assert re.search(r"compared with the message, most like it with dwt; \d+ tried in all$", detected[-1])


def test_steps_of_several_pictures_come_with_them_from_other_processes(run: Run, folder: Path, keyfile: Path) -> None:
    read = run("extract", folder, "-k", keyfile, "--scheme", "additive_block", "--workers", 2, "-vv")
    for name in ("a.png", "b.jpg", "unter/ç.png"):
        about = [line for line in timed(read.stderr) if line.startswith(f"watermarking: {folder / name}: ")]
        # Between the first and the last, a busy machine says how long nothing was tried.
        assert re.search(r": as it lies: 1 tried, least p = \S+ \(additive_block\)$", about[0]), name
        assert re.search(r": no message read, \d+ checks; 1 tried in all$", about[-1]), name


def test_vv_tells_the_parts_of_an_attack(run: Run, picture: Path, tmp_path: Path) -> None:
    once, twice = both(run, "attack", picture, "crop(0.5) | jpeg(60)", "-o", tmp_path / "out.png", "--force")
    assert once == []
    assert [line.removeprefix("watermarking: ") for line in twice] == [
        "decoded, PNG of 384x256", "crop(keep=0.5), 192x128 left", "jpeg(quality=60), 192x128 left",
        "attacked, 192x128",
        f"written to {tmp_path / 'out.png'}",
    ]  # fmt: skip


def test_vv_tells_of_data_sets(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    marked = tmp_path / "marked"
    how = ("--workers", 1, "-k", keyfile)
    made = run("dataset", "embed", folder, "-o", marked, "-m", "Ada", "--psnr", 38, *how, "-vv").stderr
    assert "watermarking: scheme dwt, 38 dB\n" in made
    assert "folder, 4 samples in 1 shards, 0 done before" in made
    assert any(re.fullmatch(r"watermarking: shard \d+: 3 marked, 1 copied", line) for line in timed(made))
    once, twice = both(run, "dataset", "verify", marked, *how)
    assert once == []
    assert re.search(r"shard \d+: a message in 3 of 4, 0 with a problem$", twice[-1])


def test_vv_tells_of_ownership(run: Run, folder: Path, keyfile: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    served = tmp_path / "served"
    named = ("--name", "v1", "-k", keyfile)
    run("ownership", "protect", folder, "-o", served, "--workers", 1, *named)
    once, twice = both(run, "ownership", "verify", served, "--own", folder, *named)
    assert once == []
    assert twice[0] == "watermarking: 3 of 3 answers paired, 0 left out"
    assert re.match(r"watermarking: learnable looked for in them: .*, p = \S+$", twice[1])


def test_nobody_is_told_who_does_not_ask() -> None:
    assert LOG.getEffectiveLevel() > logging.DEBUG
    silent = Steps()
    assert (silent.heard, silent.lap()) == (False, 0.0)
    said: list[str] = []
    end = listen(logging.DEBUG)
    try:
        with steps_to(said.append):
            silent.done("begun before anybody listened")
            Steps().done("a step")
    finally:
        end()
    assert [SECONDS.sub("", line) for line in said] == ["a step"]
