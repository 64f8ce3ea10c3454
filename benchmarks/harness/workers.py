"""Several processes that measure groups of cells; one that dies takes nobody with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import TYPE_CHECKING

from harness.cells import CRASHED, Cell, Measure, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["compute", "failed"]

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "WATERMARKING_THREADS",
)

Measured = tuple[list[Cell], list[Row]]


def compute(measure: Measure, groups: list[list[Cell]], n_workers: int) -> Iterator[Measured]:
    """Measure groups of cells; yield each with its results as soon as it is finished.

    Parameters
    ----------
    measure : a function of a module, since workers import it by name
    n_workers : int
        0 measures in this process.
    """
    if not n_workers:
        for group in groups:
            yield group, _guarded(measure, group)
        return
    waiting, suspects = deque(groups), deque[list[Cell]]()
    while waiting:
        yield from _pooled(measure, waiting, suspects, n_workers)
    while suspects:  # a worker died and these were in flight: one at a time shows whose fault it was
        group = suspects[0]
        again = deque[list[Cell]]()
        yield from _pooled(measure, deque([suspects.popleft()]), again, 1)
        if again:
            yield group, [failed(CRASHED, "the process that measured this died") for _ in group]


def failed(status: str, reason: str) -> Row:
    """Return the result of a cell that could not be measured."""
    return {"status": status, "reason": " ".join(reason.split())[:300]}


def _pooled(
    measure: Measure, waiting: deque[list[Cell]], suspects: deque[list[Cell]], n_workers: int
) -> Iterator[Measured]:
    flying: dict[Future[list[Row]], list[Cell]] = {}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    pool = ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn"), initializer=_prepare)
    try:
        while waiting or flying:
            while waiting and len(flying) < 2 * n_workers:
                flying[pool.submit(_guarded, measure, waiting[0])] = waiting[0]
                waiting.popleft()
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                yield flying[future], future.result()
                del flying[future]
    except BrokenProcessPool:
        suspects.extend(flying.values())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _guarded(measure: Measure, cells: list[Cell]) -> list[Row]:
    """Measure; an exception that the measurement itself does not expect is every cell's result."""
    try:
        return measure(cells)
    except Exception as error:  # noqa: BLE001  # whatever it is: the run goes on and the row says it
        return [failed(CRASHED, f"{type(error).__name__}: {error}") for _ in cells]


def _prepare() -> None:
    """Set up a worker: Ctrl-C is the parent's business, and a worker does not outlive its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from watermarking.pictures.opencv import cv2_module

    cv2_module().setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()


def _leave_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
