"""What tests of interrupted runs share: a prefix for their commands, and what is said of the processes they start."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

PATIENCE: Final = 120.0  # seconds

HEEDING: Final = (
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
)
"""Undoes what a shell does to the jobs that it runs in the background: they ignore interrupts."""


def wait_until(met: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is so, while the process runs."""
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, "it did not come to that"
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def members_of(session: int) -> dict[int, str]:
    """Return the command lines of the processes of a session by their ids (Linux)."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found[int(stat.parent.name)] = stat.with_name("cmdline").read_bytes().decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
