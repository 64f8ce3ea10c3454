"""A bar for those who wait at a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CLEAR", "progress"]

CLEAR: Final = "\r\x1b[K"
"""Makes a terminal forget the line with the bar, which is drawn anew below the message."""


@contextmanager
def progress(n_tasks: int) -> Iterator[Callable[[], object]]:
    """Show a bar on a terminal, nothing elsewhere; yield what is called after every task."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=n_tasks, file=sys.stderr, show_pos=True) as bar:
        yield lambda: bar.update(1)
