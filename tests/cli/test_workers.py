"""Several pictures at a time: in order, with every failure and warning, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jobs
import pytest

from watermarking.cli.notices import BAD_INPUT, FAILED, warnings_as_lines
from watermarking.cli.tasks import Task
from watermarking.cli.workers import outcomes
from watermarking.threads import threads

if TYPE_CHECKING:
    from watermarking.cli.tasks import Outcome


@pytest.fixture(autouse=True)
def tell_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS_OF", str(os.getpid()))


def tasks(place: Path, *names: str) -> list[Task]:
    return [Task(name, str(place / "out" / f"{name}.png")) for name in names]


def pids(found: list[Outcome]) -> list[int]:
    return [outcome.record["pid"] for outcome in found if outcome.record]


def test_one_worker_works_here_and_asks_for_no_other(tmp_path: Path) -> None:
    found = list(outcomes(jobs.record, tasks(tmp_path, "a", "b"), 1))
    assert pids(found) == [os.getpid()] * 2
    assert list(outcomes(jobs.record, [], 8)) == []
    assert pids(list(outcomes(jobs.record, tasks(tmp_path, "a"), 8))) == [os.getpid()]


def test_outcomes_come_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    """The first task is done here, and waits for another process to do the second."""
    names = [f"{i:02}" for i in range(12)]
    found = list(outcomes(jobs.others_first, tasks(tmp_path, *names), 2))
    assert [outcome.task.source for outcome in found] == names
    assert [outcome.record["file"] for outcome in found if outcome.record] == names
    assert len(set(pids(found))) == 2
    assert os.getpid() in pids(found)


def test_the_threads_are_shared_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        monkeypatch.delenv(name, raising=False)
    with threads(5):
        found = list(outcomes(jobs.others_first, tasks(tmp_path, "a", "b", "c"), 2))
    for outcome in found:
        assert outcome.record is not None
        assert outcome.record["threads"] == 2
        if outcome.record["pid"] != os.getpid():
            assert set(outcome.record["pools"].values()) == {"2"}
    with threads(1):
        found = list(outcomes(jobs.record, tasks(tmp_path, "a", "b"), 2))
    assert [outcome.record["threads"] for outcome in found if outcome.record] == [1, 1]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_failures_and_warnings_travel(tmp_path: Path, n_workers: int) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "served").touch()
    names = ("fine", "full", "broken", "warn", "warn and full")
    with warnings_as_lines():
        found = dict(zip(names, outcomes(jobs.moody, tasks(tmp_path, *names), n_workers), strict=True))
    assert found["fine"].failure is None
    assert found["fine"].warnings == found["full"].warnings == ()
    for name in ("full", "warn and full"):
        failure = found[name].failure
        assert failure is not None
        assert (failure.line, failure.status) == (f"{name} has no room", BAD_INPUT)
        assert "CapacityError" in failure.trace
    unexpected = found["broken"].failure
    assert unexpected is not None
    assert unexpected.line.startswith("ZeroDivisionError: division by zero (this should not happen")
    assert unexpected.status == FAILED
    for name in ("warn", "warn and full"):  # the same one twice is told once
        assert found[name].warnings == (f"{name} looks odd",)


def test_a_process_that_dies_costs_its_picture_alone(tmp_path: Path) -> None:
    found = list(outcomes(jobs.die_once, tasks(tmp_path, "a", "b", "c"), 2))
    failures = [outcome for outcome in found if outcome.failure]
    assert [outcome.task.source for outcome in failures] == ["b"]
    assert failures[0].failure is not None
    assert failures[0].failure.status == FAILED
    assert "died" in failures[0].failure.line
    assert set(pids(found)) - {os.getpid()}  # another took its place


def test_who_stops_asking_stops_the_work(tmp_path: Path) -> None:
    found = outcomes(jobs.slow, tasks(tmp_path, *map(str, range(500))), 2)
    next(found)
    start = time.monotonic()
    found.close()
    assert time.monotonic() - start < 30  # 500 would take 50 seconds
    assert not children(os.getpid())


def children(pid: int) -> list[int]:
    """List the processes that a process started and that work or wait for work."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    numbers = [int(one) for file in found for one in file.read_text().split()]
    return [one for one in numbers if b"serve()" in Path(f"/proc/{one}/cmdline").read_bytes()]


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
import jobs
from watermarking.cli.tasks import Task
from watermarking.cli.workers import outcomes
for _ in outcomes(jobs.slow, [Task(str(i), f"{sys.argv[1]}/out/{i}.png") for i in range(1000)], 3):
    pass
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux only")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    """Whatever kills it: no signal reaches the workers, the parent handles none."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), str(Path(__file__).parents[1])])
    end = time.monotonic() + 60
    while len(list((tmp_path / "out").glob("pid-*"))) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    started = [int(file.name.removeprefix("pid-")) for file in (tmp_path / "out").glob("pid-*")]
    assert len(children(process.pid)) == 2
    process.send_signal(number)
    process.wait(30)
    while alive := [pid for pid in started if is_alive(pid)]:
        assert time.monotonic() < end, f"{alive} outlive their parent"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
