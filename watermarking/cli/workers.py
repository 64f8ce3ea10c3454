"""Several pictures at a time: one in this process, the others in processes of their own.

Threads do less: encoding and much that NumPy does between the kernels hold the interpreter's lock. This process works
too, so that nobody waits for the others, which take most of a second to load the libraries. A picture gets its share of
the threads, one where there are as many pictures as threads. If a process dies (no memory, a decoder that crashes) its
picture has failed, and another takes its place.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from watermarking.cli.apart import Apart
from watermarking.cli.tasks import attempt
from watermarking.threads import n_threads, threads

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from watermarking.cli.tasks import Outcome, Run, Task

__all__ = ["outcomes"]


def outcomes(run: Run, tasks: Sequence[Task], n_workers: int) -> Generator[Outcome, None, None]:
    """Carry out tasks, several at a time; yield what came of each, in their order.

    Whoever stops asking stops the work: pictures at hand are finished, no other is begun.

    Parameters
    ----------
    run : callable that can be pickled
        Called with the names of source and target, returns a record.
    n_workers : int
        1 works in the caller's thread alone.
    """
    n_workers = min(n_workers, len(tasks))
    if n_workers <= 1:
        yield from (attempt(run, task) for task in tasks)
        return
    crew = _Crew(run, tasks, n_workers)
    try:
        yield from crew.outcomes()
    finally:
        crew.dismiss()


class _Member(Protocol):
    """Who works: here or in another process."""

    def start(self) -> bool:
        """Get ready; return whether that worked."""
        ...

    def carry_out(self, task: Task) -> tuple[Outcome, bool]:
        """Return what came of a task, and whether there can be another."""
        ...

    def leave(self, *, at_once: bool) -> None:
        """Go: if idle, or at once."""
        ...


class _Here:
    """Works in this process."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def start(self) -> bool:
        return True

    def carry_out(self, task: Task) -> tuple[Outcome, bool]:
        return attempt(self._run, task), True

    def leave(self, *, at_once: bool) -> None:
        """Do nothing: the picture at hand is finished, whatever happens."""


class _Crew:
    """All who work, one thread each, which for those in other processes only waits."""

    def __init__(self, run: Run, tasks: Sequence[Task], n_workers: int) -> None:
        self._tasks = tasks
        self._n_begun = 0
        self._lock = threading.Lock()
        self._done: SimpleQueue[tuple[int, Outcome] | BaseException] = SimpleQueue()
        self._n_kernel_threads = max(1, n_threads() // n_workers)
        apart = [Apart(run, self._n_kernel_threads) for _ in range(n_workers - 1)]
        self._members: list[_Member] = [_Here(run), *apart]
        self._threads = [threading.Thread(target=self._employ, args=(member,)) for member in self._members]

    def outcomes(self) -> Iterator[Outcome]:
        """Begin, and yield what came of each task, in their order."""
        for thread in self._threads:
            thread.start()
        early: dict[int, Outcome] = {}
        for index in range(len(self._tasks)):
            while index not in early:
                found = self._done.get()
                if isinstance(found, BaseException):
                    raise found
                early[found[0]] = found[1]
            yield early.pop(index)

    def dismiss(self) -> None:
        """Begin nothing more, let everybody finish what is at hand, end the processes."""
        with self._lock:
            self._n_begun = len(self._tasks)
        try:
            for member in self._members:
                member.leave(at_once=False)
            for thread in self._threads:
                if thread.ident is not None:  # it was started
                    thread.join()
        finally:  # a second interrupt: at once
            for member in self._members:
                member.leave(at_once=True)

    def _employ(self, member: _Member) -> None:
        """Give a member one task after the other; if it dies, let it start anew."""
        try:
            with threads(self._n_kernel_threads):
                while member.start() and self._work_until_death(member):
                    pass
        except BaseException as error:  # noqa: BLE001  # nobody else would hear of it
            self._done.put(error)

    def _work_until_death(self, member: _Member) -> bool:
        """Return whether the member died; it did not if there is nothing left to do."""
        while True:
            with self._lock:
                index = self._n_begun
                if index >= len(self._tasks):
                    return False
                self._n_begun += 1
            outcome, alive = member.carry_out(self._tasks[index])
            self._done.put((index, outcome))
            if not alive:
                return True
