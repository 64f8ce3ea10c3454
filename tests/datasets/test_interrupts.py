"""Runs that are killed, and started again: whole in the end, each sample once, the same bytes as without a kill."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from interrupts import HEEDING, PATIENCE, members_of, wait_until

from tests.datasets.conftest import KEY, contents, encoded
from watermarking.datasets.manifest import BOOK, Manifest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
N, KILLS = 64, 6


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four shards."""
    place = tmp_path_factory.mktemp("source")
    for i in range(N):
        (place / f"{i:03}.jpg").write_bytes(encoded(i % 8, side=256))
    return place


@pytest.fixture(scope="module")
def uninterrupted(source: Path, keyfile: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("whole") / "out"
    process = start(source, target, keyfile)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (0, f"{target}: {N} marked\n".encode()), stderr
    return target


@pytest.fixture(scope="module")
def keyfile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("key") / "my.key"
    KEY.save(file)
    return file


def start(source: Path, target: Path, keyfile: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "watermarking", "dataset", "embed", str(source), "-o", str(target), "-m", "Ada"]
    return subprocess.Popen(
        [*HEEDING, *command, "--workers", "2", "--psnr", "40", "-k", str(keyfile), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """List the processes of a run's session that are workers."""
    return [one for one, line in members_of(process.pid).items() if "spawn_main" in line]


def all_gone(process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while workers_of(process):
        assert time.monotonic() < end, "workers outlive the run"
        time.sleep(0.02)


def is_whole(target: Path, uninterrupted: Path) -> None:
    """Check that nothing is lost, doubled, half written or different."""
    assert contents(target) == contents(uninterrupted)
    found, wanted = (list(Manifest.find(place).records()) for place in (target, uninterrupted))
    assert found == wanted
    assert len({one.sample for one in found}) == len(found) == N
    assert {one.status for one in found} == {"marked"}
    assert not list(target.rglob("*.part"))
    assert not list((target / BOOK / "running").iterdir())


def test_killed_at_random_moments(source: Path, uninterrupted: Path, keyfile: Path, tmp_path: Path) -> None:
    target, rng, n_killed = tmp_path / "out", random.Random(7), 0
    for _ in range(KILLS):
        process = start(source, target, keyfile)
        try:
            process.wait(rng.uniform(0.3, 2.5))
        except subprocess.TimeoutExpired:
            process.kill()  # the parent alone: its workers must follow by themselves
            n_killed += 1
        process.communicate()
        all_gone(process)
        if (target / BOOK / "_stats.json").exists():
            break
    assert n_killed > 0
    process = start(source, target, keyfile)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (0, b"")
    assert stdout == f"{target}: {N} marked\n".encode()
    is_whole(target, uninterrupted)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_leaves_nothing_half_written(
    source: Path, uninterrupted: Path, keyfile: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    target = tmp_path / "out"
    process = start(source, target, keyfile)
    wait_until(lambda: list(target.glob("*.jpg")), process)
    os.killpg(process.pid, number)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, stderr.strip()) == (status, b"", b"")
    all_gone(process)
    assert not list(target.rglob("*.part"))
    process = start(source, target, keyfile)
    process.communicate(timeout=PATIENCE)
    is_whole(target, uninterrupted)


def test_a_worker_that_is_killed_costs_nothing(
    source: Path, uninterrupted: Path, keyfile: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    process = start(source, target, keyfile)
    wait_until(lambda: list(target.glob("*.jpg")), process)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    is_whole(target, uninterrupted)


def test_a_second_run_is_refused_and_a_dead_one_is_not_in_the_way(
    source: Path, uninterrupted: Path, keyfile: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    first = start(source, target, keyfile)
    wait_until(lambda: list(target.glob("*.jpg")), first)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second = start(source, target, keyfile)
        _, stderr = second.communicate(timeout=PATIENCE)
        line = f"watermarking: another run is at work on {target}, process {first.pid} on "
        assert second.returncode == 2
        assert stderr.decode().startswith(line)
    finally:
        first.kill()
        first.communicate()
    assert json.loads((target / BOOK / "lock").read_text())["pid"] == first.pid
    third = start(source, target, keyfile)
    assert third.communicate(timeout=PATIENCE)
    assert third.returncode == 0
    is_whole(target, uninterrupted)


def test_a_full_disk_is_one_line_and_no_loss(source: Path, uninterrupted: Path, keyfile: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        process = start(source, small / "out", keyfile)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 3
        assert b"No space left on device" in stderr
        assert b"start it again" in stdout or not stdout
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        process = start(source, small / "out", keyfile)
        _, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, stderr
        is_whole(small / "out", uninterrupted)
    finally:
        subprocess.run(["umount", str(small)], check=False)
