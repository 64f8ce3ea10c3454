"""Runs over folders that are cut short: no half-written file, and started again they end as if nothing had been."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import pytest
from interrupts import HEEDING, PATIENCE, members_of, wait_until
from PIL import Image

from tests.cli.conftest import texture

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
N_PICTURES, ENOUGH = 30, 4


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs, JPEG and PNG."""
    place = tmp_path_factory.mktemp("photographs")
    for i in range(N_PICTURES):
        picture = Image.fromarray(texture(480, 640, seed=i))
        picture.save(place / (f"{i:02}.png" if i % 3 == 0 else f"{i:02}.jpg"))
    return place


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "folder"))


def start(folder: Path, keyfile: Path, *more: str, stdout: int | IO[Any] = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Mark the folder in place with two workers, in a process group of its own, as a shell does."""
    command = [sys.executable, "-m", "watermarking", "embed", str(folder), "--in-place", "-m", "Ada", "--workers", "2"]
    return subprocess.Popen(
        [*HEEDING, *command, "-k", str(keyfile), *more],
        stdout=stdout, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def changed(folder: Path, source: Path) -> set[str]:
    """List what is marked; a file that vanishes meanwhile was a temporary one."""
    return {file.name for file in source.iterdir() if (folder / file.name).read_bytes() != file.read_bytes()}


def all_end(session: int) -> None:
    end = time.monotonic() + PATIENCE
    while found := members_of(session):
        assert time.monotonic() < end, f"{found} outlive the run"
        time.sleep(0.05)


@pytest.fixture
def uninterrupted(source: Path, tmp_path: Path, keyfile: Path) -> dict[str, bytes]:
    place = Path(shutil.copytree(source, tmp_path / "uninterrupted"))
    process = start(place, keyfile)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (0, f"{place}: {N_PICTURES} marked\n".encode()), stderr
    return contents(place)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_and_started_again(
    source: Path, folder: Path, keyfile: Path, uninterrupted: dict[str, bytes], number: signal.Signals, status: int
) -> None:
    process = start(folder, keyfile)
    wait_until(lambda: len(changed(folder, source)) >= ENOUGH, process)
    os.killpg(process.pid, number)  # the terminal sends Ctrl-C to all of them
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, stderr.strip()) == (status, b"", b"")
    assert contents(folder).keys() == contents(source).keys()  # no .part
    done = changed(folder, source)
    assert ENOUGH <= len(done) < N_PICTURES
    assert all((folder / name).read_bytes() == uninterrupted[name] for name in done)
    again = start(folder, keyfile)
    stdout, stderr = again.communicate(timeout=PATIENCE)
    line = f"{folder}: {N_PICTURES - len(done)} marked, {len(done)} marked already\n"
    assert (again.returncode, stdout, stderr) == (0, line.encode(), b"")
    assert contents(folder) == uninterrupted


def test_an_interrupt_while_workers_start_is_quiet(source: Path, folder: Path, keyfile: Path) -> None:
    process = start(folder, keyfile)
    wait_until(lambda: any("serve()" in line for line in members_of(process.pid).values()), process)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, stderr.strip()) == (130, b"", b"")
    assert contents(folder).keys() == contents(source).keys()
    all_end(process.pid)


def test_a_reader_that_leaves_ends_the_run(source: Path, folder: Path, keyfile: Path) -> None:
    reading, writing = os.pipe()
    process = start(folder, keyfile, "--json", stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        assert stream.readline().startswith(b'{"file": ')
    _, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (141, b"")
    assert contents(folder).keys() == contents(source).keys()
    assert len(changed(folder, source)) < N_PICTURES
    all_end(process.pid)
