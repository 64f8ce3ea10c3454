"""A bar for those who wait at a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["clear", "progress"]

_CLEAR: Final = "\r\x1b[K"
"""Makes a terminal forget the line with the bar, which is drawn anew below the message."""


def clear() -> None:
    """Take the bar away before something else is printed; nothing where there is none."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(_CLEAR, err=True, nl=False)


@contextmanager
def progress(n_tasks: int) -> Iterator[Callable[[], object]]:
    """Show a bar on a terminal, nothing elsewhere; yield what is called after every task."""
    if not n_tasks or sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=n_tasks, file=sys.stderr, show_pos=True) as bar:
        yield lambda: bar.update(1)
