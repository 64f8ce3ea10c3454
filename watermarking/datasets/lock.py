"""One run at a time on a target: a lock that ends with the process that holds it, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from watermarking.errors import FileAccessError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["is_locked", "locked"]

_LOOKS: Final = 20
_MOMENT: Final = 0.01  # seconds


@contextmanager
def locked(book: Path) -> Iterator[None]:
    """Hold the lock of a target's manifest.

    The system releases it when the process dies, so that no stale lock is ever in the way.

    Raises
    ------
    WatermarkError
        If another run holds it; the message names its process and machine.
    FileAccessError
        If the system fails to make it.
    """
    path = book / "lock"
    try:
        stream = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise FileAccessError(f"cannot write {path}: {error.strerror or error}") from error
    with stream:
        try:
            _take(stream)
        except BlockingIOError:
            raise WatermarkError(f"another run is at work on {book.parent}, {_holder(path)}: wait for it") from None
        except OSError as error:
            raise FileAccessError(f"cannot lock {path}: {error.strerror or error}") from error
        stream.seek(0)
        stream.truncate()
        stream.write(json.dumps({"pid": os.getpid(), "machine": socket.gethostname()}))
        stream.flush()
        yield


def _take(stream: IO[str]) -> None:
    """Take the lock; whoever only looks whether somebody has it holds it for a moment, which is waited for."""
    for _ in range(_LOOKS):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_MOMENT)
        else:
            return
    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text("utf-8"))
        return f"process {found['pid']} on {found['machine']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "whose process is just starting"


def is_locked(book: Path) -> bool:
    """Say whether a run is at work on the target."""
    try:
        with (book / "lock").open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none
        return False
    return False
