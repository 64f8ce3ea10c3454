"""A server and four holders as real processes: killed, stopped, missing, or with a port that is taken."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from crew_of_split import SMALL

from watermarking.errors import WatermarkError
from watermarking.ownership.split.channel import PeerError
from watermarking.ownership.split.launch import free_port, start
from watermarking.ownership.split.meeting import Place, meet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess
    from pathlib import Path

JOB = "crew_of_split:job"
LONG = dataclasses.replace(SMALL, rounds=100_000, save_every=5, timeout=60, schedule="constant")
SECONDS = 300
"""Patience on a machine that does other things: nothing here takes more than some seconds of its own."""


def until(is_so: object, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def rounds_of(folder: Path) -> int:
    return max((int(path.stem) for path in folder.glob("server/*.json") if path.stem.isdecimal()), default=0)


def end(processes: list[BaseProcess]) -> None:
    for one in processes:
        if one.is_alive():
            one.kill()
        one.join()


@pytest.fixture
def started() -> Iterator[list[BaseProcess]]:
    processes: list[BaseProcess] = []
    yield processes
    end(processes)


def test_one_killed_the_others_go_on_and_all_resume(tmp_path: Path, started: list[BaseProcess]) -> None:
    started += start(JOB, LONG, 4, free_port(), tmp_path)
    until(lambda: rounds_of(tmp_path) >= 5)
    os.kill(started[3].pid or 0, signal.SIGKILL)
    at = rounds_of(tmp_path)
    until(lambda: rounds_of(tmp_path) >= at + 15)
    state = json.loads((tmp_path / f"server/{rounds_of(tmp_path):08d}.json").read_text())
    assert list(state["dropped"]) == ["3"]
    assert state["dropped"]["3"] == "holder 3 is gone: its process ended or the connection broke"
    assert [one.is_alive() for one in started] == [True, True, True, False, True]
    os.kill(started[0].pid or 0, signal.SIGKILL)
    until(lambda: not any(one.is_alive() for one in started))  # without the server, holders end by themselves
    assert started[1].exitcode == 3
    at = rounds_of(tmp_path)
    started[:] = start(JOB, LONG, 4, free_port(), tmp_path)
    until(lambda: rounds_of(tmp_path) > at)
    again = json.loads((tmp_path / f"server/{rounds_of(tmp_path):08d}.json").read_text())
    assert again["dropped"] == {}
    assert all(one.is_alive() for one in started)


@pytest.mark.slow
def test_one_that_hangs_is_named(tmp_path: Path, started: list[BaseProcess]) -> None:
    started += start(JOB, dataclasses.replace(LONG, timeout=20), 4, free_port(), tmp_path)
    until(lambda: rounds_of(tmp_path) >= 5)
    os.kill(started[2].pid or 0, signal.SIGSTOP)
    at = rounds_of(tmp_path)
    until(lambda: rounds_of(tmp_path) >= at + 20)
    state = json.loads((tmp_path / f"server/{rounds_of(tmp_path):08d}.json").read_text())
    assert re.match(r"holder 2 (sent|took) nothing for 20 s: it hangs", state["dropped"]["2"])
    os.kill(started[2].pid or 0, signal.SIGCONT)


def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WatermarkError, match=f"port {port} is in use on this machine: give another one"):
            meet(Place(0, 4, port=port), 5)


def test_who_does_not_come_is_named() -> None:
    with pytest.raises(PeerError, match=r"holder 1 and holder 2 did not come for 0.3 s: start them"):
        meet(Place(0, 2, port=free_port()), 0.3)
    port = free_port()
    with pytest.raises(PeerError, match=f"the server was not reached at 127.0.0.1:{port} for 0.3 s"):
        meet(Place(1, 2, port=port), 0.3)


def test_places_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WatermarkError, match="process 5 of 5"):
        Place(5, 4)
    with pytest.raises(WatermarkError, match="there is no port 0"):
        Place(0, 4, port=0)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(WatermarkError, match="WORLD_SIZE"):
        Place.from_environment()
    for name, value in {"WORLD_SIZE": "5", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29501"}.items():
        monkeypatch.setenv(name, value)
    assert Place.from_environment() == Place(1, 4, "10.0.0.1", 29501)


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "watermarking.ownership.split", *map(str, arguments)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}, timeout=SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_from_the_command_line(tmp_path: Path) -> None:
    asked = (JOB, "--folder", tmp_path / "out", "--holders", 2, "--rounds", 4, "--batch", 8)
    done = command(*asked)
    assert done.returncode == 0, done.stderr
    assert "the server: round 4 of 4, loss " in done.stderr
    assert "holder 2: training ended after 4 rounds" in done.stderr
    other = command(*asked, "--seed", 3)
    assert other.returncode == 3
    assert "split: the server: " in other.stderr
    assert "other settings (seed 0, now 3)" in other.stderr
    assert command("nowhere", "--folder", tmp_path).stderr.startswith("split: 'nowhere' names no job")


@pytest.mark.slow
def test_started_by_torchrun(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "3", "--master-port", str(free_port()),
         "-m", "watermarking.ownership.split", JOB, "--folder", str(tmp_path), "--rounds", "4", "--batch", "8"],
        capture_output=True, text=True, timeout=SECONDS, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "the server: round 4 of 4" in done.stderr
    assert rounds_of(tmp_path) == 4
