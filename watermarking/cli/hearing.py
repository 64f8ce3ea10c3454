"""``-v`` and ``-vv``: what the package logs of its steps, as lines on stderr, with the picture that they are about.

Several pictures are worked on at a time, in threads and processes: what is said of one is kept with what came of it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from watermarking.cli.lines import say
from watermarking.steps import LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["level", "listen", "steps_to"]

_ear: ContextVar[Callable[[str], object] | None] = ContextVar("watermarking_steps", default=None)


class _Handler(logging.Handler):
    """Gives each line to whoever is named for this thread, or prints it."""

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        tell = _ear.get()
        if tell is None:
            say(f"watermarking: {line}", err=True)
        else:
            tell(line)


def listen(wanted: int) -> Callable[[], None]:
    """Hear what is logged at a level and above; return what ends that."""
    before, spread, handler = LOG.level, LOG.propagate, _Handler()
    LOG.addHandler(handler)
    LOG.setLevel(wanted)
    LOG.propagate = False  # or a program that logs for itself says it twice

    def end() -> None:
        LOG.removeHandler(handler)
        LOG.setLevel(before)
        LOG.propagate = spread

    return end


def level() -> int:
    """Return the level that is listened to, for processes that do a part of the work."""
    return LOG.level


@contextmanager
def steps_to(tell: Callable[[str], object]) -> Iterator[None]:
    """Call a function with each line of the block, in this thread."""
    token = _ear.set(tell)
    try:
        yield
    finally:
        _ear.reset(token)
