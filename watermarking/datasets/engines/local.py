"""Processes on this machine: one shard each at a time.

A worker ends with the process that started it, whatever kills that one. If a worker dies (no memory, a decoder that
crashes) the shards that were at hand are tried again by one process each, which notes every sample before it is marked;
a sample at which two of them died is a sample that cannot be marked.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait as wait_for
from typing import TYPE_CHECKING, Any, Final, cast

from watermarking.datasets.engines.engine import attempt
from watermarking.datasets.manifest import Manifest
from watermarking.datasets.task import Begun, Tally, last_begun
from watermarking.threads import n_threads, threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watermarking.datasets.task import Task

__all__ = ["Local"]

_BLAS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_TICK: Final = 0.5  # seconds
_DEATHS: Final = 3
"""Times that processes may die at a shard without its being known at which sample."""


@dataclass(frozen=True)
class Local:
    """Carries out tasks in processes on this machine.

    Parameters
    ----------
    workers : int, optional
        How many; without it one a core, or WATERMARKING_THREADS. 1 works in the caller's process.
    """

    workers: int | None = None

    def run(self, tasks: Sequence[Task], operator: Any) -> Iterator[Tally | None]:
        """Yield the tally of each task, and None twice a second while nothing is done."""
        n_workers = min(self.workers or n_threads(), len(tasks))
        if n_workers <= 1:
            yield from (attempt(task, operator) for task in tasks)
            return
        died: list[Task] = []
        with _spared(max(1, n_threads() // n_workers)):
            yield from _pooled(tasks, operator, n_workers, died)
            for task in died:
                yield from _alone(task, operator)


def _pooled(tasks: Sequence[Task], operator: Any, n_workers: int, died: list[Task]) -> Iterator[Tally | None]:
    """Carry out tasks, some at a time; add to ``died`` those that were at hand when a process died."""
    waiting = deque(tasks)
    while waiting:
        at_hand: dict[Future[Tally], Task] = {}
        pool = _pool(n_workers)
        try:
            broken = False
            while (waiting and not broken) or at_hand:
                while waiting and not broken and len(at_hand) < n_workers:
                    task = waiting.popleft()
                    try:
                        at_hand[pool.submit(_attempt, task, operator)] = task
                    except BrokenExecutor:
                        waiting.appendleft(task)
                        broken = True
                finished, _ = wait(at_hand, _TICK, FIRST_COMPLETED)
                if not finished:
                    yield None
                for future in finished:
                    task = at_hand.pop(future)
                    if isinstance(future.exception(), BrokenExecutor):
                        broken = True
                        died.append(task)
                    else:
                        yield future.result()
        finally:
            _end(pool)


def _alone(task: Task, operator: Any) -> Iterator[Tally | None]:
    """Carry out a task at which a process died, and find the sample that did it."""
    lines = Manifest(task.book).lines(task.number)
    deaths: Counter[str | None] = Counter()
    while deaths[None] < _DEATHS:
        culprits = frozenset(name for name, n in deaths.items() if name is not None and n >= 2)
        found: list[Task] = []
        careful: Task = replace(cast("Any", task), begun=Begun(careful=True, culprits=culprits))
        yield from _pooled([careful], operator, 1, found)
        if not found:
            return
        name = last_begun(lines)
        deaths[None if name in culprits else name] += 1
    yield Tally(task.number, {}, f"shard {task.name}: the process that marked it died {_DEATHS} times: start again")


def _pool(n_workers: int) -> ProcessPoolExecutor:
    share = max(1, n_threads() // n_workers)
    return ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn"), _begin, (share,))


@contextmanager
def _spared(share: int) -> Iterator[None]:
    """Let processes that begin meanwhile have libraries with so many threads, not as many as there are cores."""
    new = [name for name in _BLAS if name not in os.environ]
    os.environ.update(dict.fromkeys(new, str(share)))
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


_share = 1


def _begin(share: int) -> None:
    """Get a worker ready: interrupts are the parent's business, and its end is the worker's."""
    global _share
    _share = share
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _attempt(task: Task, operator: Any) -> Tally:
    with threads(_share):
        return attempt(task, operator)


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers, whatever they do: what they leave half written has a temporary name."""
    processes = list((pool._processes or {}).values())  # noqa: SLF001  # public from 3.14: terminate_workers
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
