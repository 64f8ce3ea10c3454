"""Runs go on after crashes, kills and Ctrl-C, and measure nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import measures
import pytest
from interrupts import HEEDING

from harness.store import Store, read_rows
from harness.workers import compute

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


def start(grid: Path, results: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPTS / "robustness.py"), "--grid", str(grid), "--results", str(results), *more]
    return subprocess.Popen([*HEEDING, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(grid: Path, results: Path, *more: str) -> tuple[int, str, str]:
    child = start(grid, results, *more)
    out, err = child.communicate(timeout=120)
    return child.returncode, out, err


def wait_for_rows(results: Path) -> None:
    journal = results / "journal.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (journal.exists() and journal.read_bytes().count(b"\n")):
        time.sleep(0.005)


def without_timings(results: Path) -> str:
    rows = read_rows(results)
    return "\n".join(json.dumps({name: v for name, v in row.items() if name != "seconds"}) for row in rows)


@pytest.fixture
def long_grid(grid: Path) -> Path:
    grid.write_text(grid.read_text("utf-8").replace("keys = 1", "keys = 6"), "utf-8")
    return grid


def test_killed_and_started_again_gives_the_same_rows(long_grid: Path, tmp_path: Path) -> None:
    status, whole, _ = finish(long_grid, tmp_path / "whole", "--workers", "0")
    assert status == 0
    child = start(long_grid, tmp_path / "killed", "--workers", "1")
    wait_for_rows(tmp_path / "killed")
    child.kill()
    child.communicate()
    kept = len(read_rows(tmp_path / "killed"))
    assert 0 < kept < 144
    status, resumed, err = finish(long_grid, tmp_path / "killed", "--workers", "0")
    assert status == 0
    assert f"{kept} of 144 cells are there already" in err
    assert without_timings(tmp_path / "killed") == without_timings(tmp_path / "whole")
    assert resumed == whole
    assert "pass" in whole


def test_ctrl_c_keeps_what_is_finished(long_grid: Path, tmp_path: Path) -> None:
    child = start(long_grid, tmp_path / "results", "--workers", "1")
    wait_for_rows(tmp_path / "results")
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "finished cells are kept" in err
    assert "Traceback" not in err
    assert (tmp_path / "results/rows.jsonl.xz").exists()


def test_a_second_run_on_the_folder_refuses(grid: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "results"):
        status, _, err = finish(grid, tmp_path / "results")
    assert status == 3
    assert err.startswith("error: another run")
    assert err.count("\n") == 1


def test_a_bad_grid_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[[rows]]\nattacks = ["jepg"]', "utf-8")
    status, _, err = finish(tmp_path / "bad.toml", tmp_path / "results")
    assert status == 2
    assert "did you mean 'jpeg'" in err
    assert err.count("\n") == 1


def test_an_exception_is_a_row() -> None:
    groups = [[{"n": 1}], [{"n": 2}, {"n": 3}], [{"n": 4}]]
    results = [result for _, results in compute(measures.raises, groups, 0) for result in results]
    assert [result["status"] for result in results] == ["done", "crashed", "crashed", "done"]
    assert results[1]["reason"] == "ZeroDivisionError: no idea"


def test_a_worker_that_dies_is_a_row_and_the_others_go_on() -> None:
    groups = [[{"n": n}] for n in range(5)]
    results = {cells[0]["n"]: results[0] for cells, results in compute(measures.dies, groups, 1)}
    assert results[2] == {"status": "crashed", "reason": "the process that measured this died"}
    assert [results[n].get("twice") for n in (0, 1, 3, 4)] == [0, 2, 6, 8]


def test_workers_leave_with_their_parent(long_grid: Path, tmp_path: Path) -> None:
    child = start(long_grid, tmp_path / "results", "--workers", "1")
    wait_for_rows(tmp_path / "results")
    workers = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text("ascii").split()
    child.kill()
    child.communicate()
    until = time.monotonic() + 20
    while time.monotonic() < until and any(_lives(int(pid)) for pid in workers):
        time.sleep(0.05)
    assert not any(_lives(int(pid)) for pid in workers)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
