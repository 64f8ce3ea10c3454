"""How far a run is: a bar with rate and time left on a terminal, a line a minute elsewhere, nothing in short runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from watermarking.cli.dataset.progress import shown_progress
from watermarking.datasets.run import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import Run


def test_a_line_a_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = Progress(1000, 10, counts=Counter(marked=100, failed=3), n_before=100)
    with shown_progress(False) as show:
        for done in range(0, 600, 10):
            now += 10
            progress.at_hand = done + 10
            show(progress)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "160 of 1,000 samples, 1.0 a second, 14 min left, 3 failed"
    assert lines[-1] == "700 of 1,000 samples, 1.0 a second, 5 min left, 3 failed"
    with shown_progress(True) as show:
        now += 1000
        show(progress)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="terminals are POSIX")
def test_a_bar_on_a_terminal(folder: Path, tmp_path: Path, run: Run) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "watermarking", "dataset", "embed", str(folder), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        [*command, "-m", "Ada", "-k", str(run.keyfile), "--workers", "1"], stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # which the end of a terminal is
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    stdout, _ = process.communicate()
    assert (process.returncode, stdout) == (0, f"{tmp_path / 'out'}: 4 marked, 1 copied\n".encode())
    assert b"5/5" in shown
    assert b"0 failed" in shown
