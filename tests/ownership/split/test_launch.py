"""All processes started at once: a port that is taken, strangers on it, and a job whose own code raises."""

from __future__ import annotations

import dataclasses
import re
import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from crew_of_split import SMALL
from torch._C._distributed_c10d import TCPStore

from watermarking.ownership.split import launch as launching
from watermarking.ownership.split.launch import BAD_INPUT, FAILED, free_port, launch, start, take_part_by_name
from watermarking.ownership.split.meeting import Place, check_free

if TYPE_CHECKING:
    from pathlib import Path

BRIEF = dataclasses.replace(SMALL, rounds=2, save_every=1)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_nothing_is_started_where_the_port_is_taken(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], family: socket.AddressFamily
) -> None:
    try:
        silent = socket.create_server(("", 0), family=family)
    except OSError:
        pytest.skip("this machine has no such addresses")
    with silent:
        port = silent.getsockname()[1]
        assert launch("crew_of_split:job", BRIEF, 2, port, tmp_path / "out") == BAD_INPUT
    said = capfd.readouterr()
    assert said.err == f"split: port {port} is in use on this machine: give another one\n"
    assert not (tmp_path / "out").exists()
    check_free(port)


def test_strangers_on_a_port_are_not_met(tmp_path: Path) -> None:
    """Somebody else's server may come between the look at the port and the start."""
    store = TCPStore("127.0.0.1", free_port(), is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
    store.set("split/0/go", "go")
    before, deadline = store.num_keys(), time.monotonic() + 120
    started = start("crew_of_split:job", BRIEF, 1, store.port, tmp_path)
    try:
        while store.num_keys() == before:
            assert time.monotonic() < deadline, "the holder did not come"
            time.sleep(0.05)
        assert not store.check(["split/0/here/1"])
        started[0].join()
        assert started[0].exitcode == BAD_INPUT
    finally:
        for one in started:
            one.kill()
            one.join()


def test_a_holder_whose_data_raise_is_one_line_and_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port, settings, statuses = free_port(), dataclasses.replace(BRIEF, timeout=10), {}

    def part(rank: int) -> None:
        place = Place(rank, 2, port=port)
        statuses[rank] = take_part_by_name("crew_of_split:ill?2", settings, place, tmp_path)

    threads = [threading.Thread(target=part, args=(rank,)) for rank in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert statuses == {0: 0, 1: 0, 2: BAD_INPUT}
    said = capsys.readouterr().err
    assert len(re.findall(r"^split: holder 2: RuntimeError: my disk is gone \(.*crew_of_split.py, line \d+\)$", said,
                          re.MULTILINE)) == 1  # fmt: skip
    assert "Traceback" not in said
    assert "the server: round 2 of 2" in said  # the others went on


class Stands:
    """Stands in for a process that has ended, or stays until it is killed."""

    def __init__(self, name: str, exitcode: int | None) -> None:
        self.name, self.exitcode, self.waited = name, exitcode, 0.0

    def join(self, timeout: float | None = None) -> None:
        self.waited += 0.0 if self.exitcode is not None or timeout is None else timeout

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.exitcode = -9


@pytest.mark.parametrize(
    ("codes", "status", "said"),
    [
        ((0, 0, 0), 0, ""),
        ((0, 0, FAILED), FAILED, ""),
        ((0, BAD_INPUT, FAILED), BAD_INPUT, ""),
        ((FAILED, BAD_INPUT, FAILED), FAILED, ""),
        ((0, 0, -9), FAILED, "split: holder 2 was killed by signal 9: training went on without it\n"),
        ((0, None, 0), FAILED, "split: holder 1 did not end for 30 s after training: it hangs, and is killed\n"),
        ((-9, 0, 0), FAILED, "split: the server was killed by signal 9: started again, training goes on\n"),
        ((BAD_INPUT, None, None), BAD_INPUT, ""),
    ],
)
def test_what_they_end_with(
    codes: tuple[int | None, ...], status: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    processes = [Stands(f"holder {rank}", code) for rank, code in enumerate(codes)]
    monkeypatch.setattr(launching, "start", lambda *_: processes)
    assert launch("crew_of_split:job", BRIEF, 2, free_port(), tmp_path) == status
    assert capfd.readouterr().err == said
    assert not any(one.is_alive() for one in processes)
    # Where the server was given what it cannot use, nobody is waited for; else holders get their seconds.
    assert sum(one.waited for one in processes) == pytest.approx(30 * (said.count("did not end")), abs=1)
