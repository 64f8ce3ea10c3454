"""Processes that do the work, so that the server answers meanwhile and outlives whatever a picture does to a decoder.

A worker that takes too long, or dies, is replaced, and its picture is answered as failed. Work that nobody waits for
any more is not begun; what is begun is finished, which takes no longer than the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Protocol

from watermarking.web.settings import Refusal

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

__all__ = ["Crew", "Work"]

_ONE_POOL: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_PATIENCE: Final = 2.0
_LOADING: Final = 300.0
"""Seconds for a process to load and, on a new machine, compile: no picture's fault, so they are not counted."""
_DIED: Final = "the worker died of this picture, for want of memory perhaps: scale it down, or save it anew"


class Work(Protocol):
    """What can be done in another process; it is pickled once."""

    def carry_out(self, job: Any) -> Any:
        """Do a job and return what came of it; raise nothing."""
        ...

    def warm_up(self) -> None:
        """Load what the first job would wait for."""
        ...


class Crew:
    """A fixed number of processes.

    Parameters
    ----------
    work : Work
    n_workers : int
    seconds : float
        What takes longer is given up.
    max_pixels : int
        Larger pictures are refused.
    """

    def __init__(self, work: Work, *, n_workers: int, seconds: float, max_pixels: int) -> None:
        self._seconds = seconds
        self._idle: SimpleQueue[_Member] = SimpleQueue()
        self._members = [_Member(work, n_workers, max_pixels) for _ in range(n_workers)]
        self._pool = ThreadPoolExecutor(n_workers, thread_name_prefix="crew")  # each only waits for its process
        self._closed = False

    def start(self) -> None:
        """Start the processes; they get ready while the server listens."""
        for member in self._members:
            member.start()
            self._idle.put(member)

    async def carry_out(self, job: Any) -> Any:
        """Have a job done; raise the refusal that came of it. Cancelled, it is not begun, or nobody is told."""
        answer = await asyncio.wrap_future(self._submitted(job))
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._closed = True
        for member in self._members:
            member.end()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submitted(self, job: Any) -> Future[Any]:
        return self._pool.submit(self._carry_out, job)

    def _carry_out(self, job: Any) -> Any:
        member = self._idle.get()
        try:
            answer = member.ask(job, self._seconds)
            if not member.is_well and not self._closed:
                member.end()
                member.start()
            return answer
        finally:
            self._idle.put(member)


class _Member:
    """One process and the pipe to it."""

    def __init__(self, work: Work, n_workers: int, max_pixels: int) -> None:
        self._work, self._n_workers, self._max_pixels = work, n_workers, max_pixels
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.is_well = self._is_ready = False

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a forked child of a process with threads may hang
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, self._work, self._n_workers, self._max_pixels)
        self._process = context.Process(target=_serve, args=arguments, daemon=True, name="watermarking web worker")
        self._process.start()
        theirs.close()
        self.is_well, self._is_ready = True, False

    def ask(self, job: Any, seconds: float) -> Any:
        assert self._pipe is not None
        try:
            self._pipe.send(job)
            self._is_ready = self._is_ready or (self._pipe.poll(_LOADING) and self._pipe.recv())
            if self._is_ready and self._pipe.poll(seconds):
                return self._pipe.recv()
        except (EOFError, OSError):
            self.is_well = False
            return Refusal(500, "worker_died", _DIED)
        self.is_well = False
        line = f"the picture took longer than {seconds:g} seconds and was given up: scale it down"
        return Refusal(504, "too_slow", line)

    def end(self) -> None:
        process, self.is_well = self._process, False
        if process is None:
            return
        process.terminate()
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
        if self._pipe is not None:
            self._pipe.close()


def _serve(pipe: Connection, work: Work, n_workers: int, max_pixels: int) -> None:
    """Be the other process, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl+C is the server's business
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ["WATERMARKING_MAX_PIXELS"] = str(max_pixels)
    from watermarking.threads import n_threads, threads

    share = max(1, n_threads() // n_workers)
    for name in _ONE_POOL:  # before the libraries are loaded
        os.environ.setdefault(name, str(share))
    with threads(share), contextlib.suppress(EOFError, OSError):
        work.warm_up()
        pipe.send(True)
        while True:
            pipe.send(work.carry_out(pipe.recv()))
