"""What the tests let workers do: functions of a module, since other processes import them by name."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path
from typing import Any

from watermarking.errors import CapacityError
from watermarking.threads import n_threads

PATIENCE = 60.0


def is_apart() -> bool:
    """Say whether this is another process than the one that asked for the work."""
    return os.environ["JOBS_OF"] != str(os.getpid())


def record(source: str, _target: str) -> dict[str, Any]:
    """Say who worked, and with how many threads."""
    pools = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")}
    return {"file": source, "pid": os.getpid(), "threads": n_threads(), "pools": pools, "already_marked": False}


def wait_for(file: Path) -> None:
    """Wait until a file exists."""
    end = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < end, f"{file} did not appear"
        time.sleep(0.01)


def others_first(source: str, target: str) -> dict[str, Any]:
    """Work here only after another process has."""
    served = Path(target).parent / "served"
    if is_apart():
        served.touch()
    else:
        wait_for(served)
    return record(source, target)


def die_once(source: str, target: str) -> dict[str, Any]:
    """Let the first other process die; the next one works."""
    died = Path(target).parent / "died"
    if is_apart() and not died.exists():
        died.touch()
        os._exit(1)
    return others_first(source, target)


def moody(source: str, target: str) -> dict[str, Any]:
    """Do what the name says, in another process at the least once."""
    for _ in range(2):
        if "warn" in source:
            warnings.warn(f"{Path(source).name} looks\nodd", stacklevel=2)
    if "full" in source:
        raise CapacityError(f"{source} has no room")
    if "broken" in source:
        raise ZeroDivisionError("division\nby zero")
    return others_first(source, target)


def slow(source: str, target: str) -> dict[str, Any]:
    """Say who works, then take a while."""
    (Path(target).parent / f"pid-{os.getpid()}").touch()
    time.sleep(0.2)
    return record(source, target)
