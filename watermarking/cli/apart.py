"""Carrying out tasks in a process of its own.

The process ends with the one that started it: it reads its tasks from a pipe, finishes the picture at hand and finds
the pipe closed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import signal
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any, Final

from watermarking.cli.hearing import level, listen
from watermarking.cli.notices import FAILED, Failure, warnings_as_lines
from watermarking.cli.tasks import Outcome, attempt
from watermarking.threads import threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.cli.tasks import Run, Task

__all__ = ["Apart", "serve"]

_ONE_POOL: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_DIED: Final = "the process that marked it died, for want of memory perhaps: try it alone, or with fewer workers"
_PATIENCE: Final = 5.0  # seconds for a process to end that has nothing to do
_BEGIN: Final = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from watermarking.cli.apart import serve; serve()"
)
_GONE: Final = (EOFError, pickle.UnpicklingError)
"""What reading from a pipe raises whose other end is closed, between two objects or in one."""


class Apart:
    """Works in a process of its own, which reads tasks from one pipe and writes outcomes to another.

    It is no member of the terminal's process group: signals that the terminal sends are this process' business alone.
    """

    def __init__(self, run: Run, n_kernel_threads: int) -> None:
        self._run, self._n_kernel_threads = run, n_kernel_threads
        self._process: subprocess.Popen[bytes] | None = None
        self._busy = False

    def start(self) -> bool:
        """Start the process and wait until it has loaded what it needs; return whether it has."""
        group: Any = {"process_group": 0} if os.name == "posix" else {}
        command = [sys.executable, "-X", f"utf8={sys.flags.utf8_mode}", "-c", _BEGIN]  # file names mean the same there
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **group)
            for needed in (sys.path, self._n_kernel_threads, level(), self._run):
                self._send(needed)
            return bool(self._receive())
        except (OSError, *_GONE):
            return False

    def carry_out(self, task: Task) -> tuple[Outcome, bool]:
        """Return what came of a task, and whether the process is still there."""
        self._busy = True
        try:
            self._send(task)
            outcome: Outcome = self._receive()
        except (OSError, *_GONE):
            self.leave(at_once=True)
            return Outcome(task, None, Failure(_DIED, FAILED, "")), False
        finally:
            self._busy = False
        return outcome, True

    def leave(self, *, at_once: bool) -> None:
        """End the process if it is idle, or whatever it does."""
        process = self._process
        if process is None or (self._busy and not at_once):
            return
        process.terminate()
        if at_once:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            with contextlib.suppress(BrokenPipeError), process:  # closes the pipes
                pass

    def _send(self, what: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        _send(self._process.stdin, what)

    def _receive(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        return _receive(self._process.stdout)


def _send(stream: IO[bytes], what: object) -> None:
    pickle.dump(what, stream)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    return pickle.load(stream)  # noqa: S301  # from a process that was started here, or by which this one was


def serve() -> None:
    """Be the other process: carry out tasks until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks = sys.stdin.buffer
    try:
        with os.fdopen(os.dup(1), "wb") as found:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no outcome
            n_kernel_threads: int = _receive(tasks)
            for name in _ONE_POOL:  # before the libraries are loaded
                os.environ.setdefault(name, str(n_kernel_threads))
            if (heard := int(_receive(tasks))) > logging.NOTSET:
                listen(heard)
            run: Run = _receive(tasks)
            _send(found, True)
            with warnings_as_lines(), threads(n_kernel_threads):
                while True:
                    task = _receive(tasks)
                    with _cleaning_up():
                        outcome = attempt(run, task)
                    _send(found, outcome)
    except (BrokenPipeError, *_GONE):
        return


@contextlib.contextmanager
def _cleaning_up() -> Iterator[None]:
    """Let a process that is told to end remove its temporary file first; without one it ends at once."""
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
