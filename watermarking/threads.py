"""How many threads the kernels use: one pool over row bands, no parallel loops inside a kernel."""

from __future__ import annotations

import contextlib
import contextvars
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["map_bands", "n_threads", "row_bands", "threads"]

B = TypeVar("B")
T = TypeVar("T")
_chosen: contextvars.ContextVar[int | None] = contextvars.ContextVar("watermarking_threads", default=None)


def n_threads() -> int:
    """Return the number of threads in force: of :func:`threads`, else WATERMARKING_THREADS, else one a usable core."""
    chosen = _chosen.get()
    if chosen is None:
        text = os.environ.get("WATERMARKING_THREADS", "")
        chosen = int(text) if text.isdecimal() and int(text) else _n_cores()
    return chosen


def _n_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Use ``n`` threads inside a ``with`` block; each thread and task of the caller has its own setting.

    Examples
    --------
    >>> with threads(1):
    ...     n_threads()
    1
    """
    if n < 1:
        raise ValueError(f"{n} threads cannot work: give 1 or more")
    token = _chosen.set(n)
    try:
        yield
    finally:
        _chosen.reset(token)


def row_bands(n_rows: int, band: int) -> list[tuple[int, int]]:
    """Cut ``n_rows`` into bands of at most ``band`` rows: a list of (first, stop)."""
    return [(first, min(first + band, n_rows)) for first in range(0, n_rows, band)]


def map_bands(function: Callable[[B], T], bands: Iterable[B]) -> list[T]:
    """Call ``function`` on each band, on as many threads as are in force; results in the order of the bands."""
    todo = list(bands)
    n = min(n_threads(), len(todo))
    if n <= 1:
        return [function(band) for band in todo]
    with ThreadPoolExecutor(n) as pool:  # made a call: tens of microseconds, and nothing to break in a forked child
        return list(pool.map(function, todo))
