"""A progress bar with the remaining time; plain lines where nobody looks at a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["progress"]

_EVERY = 30.0  # seconds between plain lines


@contextmanager
def progress(label: str, n_cells: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many more cells are finished."""
    if not sys.stderr.isatty():
        yield _Lines(label, n_cells)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), "left", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=120) as bar:
        task = bar.add_task(label, total=n_cells)
        yield lambda n: bar.advance(task, n)


class _Lines:
    def __init__(self, label: str, n_cells: int) -> None:
        self.label, self.n_cells, self.finished = label, n_cells, 0
        self.start = self.last = time.monotonic()

    def __call__(self, n: int) -> None:
        self.finished += n
        now = time.monotonic()
        if now - self.last >= _EVERY or self.finished == self.n_cells:
            left = (now - self.start) / self.finished * (self.n_cells - self.finished)
            print(f"{self.label}: {self.finished}/{self.n_cells}, {_clock(left)} left", file=sys.stderr, flush=True)
            self.last = now


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
