"""Showing how far a run is: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from watermarking.cli.lines import say
from watermarking.cli.output import print_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watermarking.datasets.run import Progress

__all__ = ["duration", "shown_progress", "tell_failures"]

_EVERY: Final = 60.0  # seconds between lines


@contextmanager
def shown_progress(quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Yield what is called with how far a run is."""
    if quiet:
        yield lambda _progress: None
    elif sys.stderr.isatty():
        with _bar() as update:
            yield update
    else:
        yield _Lines()


def tell_failures(progress: Progress, as_json: bool) -> None:
    """Say which samples could not be marked, the first of each shard, and why."""
    for name, reason in progress.reasons:
        if as_json:
            print_record({"sample": name, "error": reason})
        else:
            say(f"watermarking: {name}: {reason}", err=True)


class _Lines:
    """Says a line a minute, nothing in runs that are shorter."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._said < _EVERY:
            return
        self._said = now
        rate = (progress.n_done - progress.n_before) / (now - self._began)
        left = f", {duration((progress.n_samples - progress.n_done) / rate)} left" if rate else ""
        failed = progress.counts["failed"]
        say(
            f"{progress.n_done:,} of {progress.n_samples:,} samples, {rate:.1f} a second{left}, {failed} failed",
            err=True,
        )


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from watermarking.extras import needed

    needed("rich", "datasets")
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} failed"),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("marking", total=None, rate="", failed=0)
        began = time.monotonic()

        def update(progress: Progress) -> None:
            rate = (progress.n_done - progress.n_before) / max(time.monotonic() - began, 1e-3)
            bars.update(
                task, total=progress.n_samples, completed=progress.n_done, rate=f"{rate:.1f}/s",
                failed=progress.counts["failed"],
            )  # fmt: skip

        yield update


def duration(seconds: float) -> str:
    """Say a time in words.

    Examples
    --------
    >>> duration(45), duration(600), duration(20_000), duration(500_000)
    ('45 s', '10 min', '5.6 h', '5.8 days')
    """
    for limit, unit, words in ((120, 1, "{:.0f} s"), (7200, 60, "{:.0f} min"), (172_800, 3600, "{:.1f} h")):
        if seconds < limit:
            return words.format(seconds / unit)
    return f"{seconds / 86_400:.1f} days"
