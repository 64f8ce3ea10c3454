"""What an engine does, and what it tells of a task that failed."""

from __future__ import annotations

import importlib
import logging
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from watermarking.datasets.operator import StoppedError
from watermarking.datasets.task import Tally
from watermarking.errors import WatermarkError
from watermarking.steps import LOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watermarking.datasets.task import Task

__all__ = ["ENGINES", "Engine", "attempt", "followed", "get_engine"]

ENGINES: Final = {
    "local": "watermarking.datasets.engines.local:Local",
    "ray": "watermarking.datasets.engines.ray:Ray",
}
"""Engines by name."""


class Engine(Protocol):
    """Carries out tasks, in any order, and tells what came of each."""

    def run(self, tasks: Sequence[Task], operator: Any) -> Iterator[Tally | None]:
        """Yield the tally of each task when it is done or has failed, and None now and then while nothing is.

        Whoever stops asking ends the work.
        """
        ...


def get_engine(name: str, **options: Any) -> Engine:
    """Make an engine.

    Raises
    ------
    WatermarkError
        If there is none of this name.
    """
    if name not in ENGINES:
        raise WatermarkError(f"no engine is called {name!r}: one of {', '.join(ENGINES)} is needed")
    module, _, found = ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(module), found)(**options)
    return engine


def attempt(task: Task, operator: Any) -> Tally:
    """Carry out a task; what goes wrong is part of its tally, and so is how long it took."""
    began = time.perf_counter()
    return replace(_attempt(task, operator), seconds=time.perf_counter() - began)


def followed(engine: Engine, tasks: Sequence[Task], operator: Any) -> Iterator[Tally | None]:
    """Let an engine carry out tasks, and log what comes of each."""
    names = {task.number: task.name for task in tasks}
    LOG.info("%d shards at hand, engine %s", len(tasks), engine)
    with closing(engine.run(tasks, operator)) as found:  # type: ignore[type-var]  # generators can be closed
        for tally in found:
            if tally is not None and LOG.isEnabledFor(logging.DEBUG):
                LOG.debug("shard %s: %s: %.3f s", names.get(tally.number, tally.number), _words(tally), tally.seconds)
            yield tally


def _words(tally: Tally) -> str:
    """Say what came of a task."""
    if tally.failure is not None:
        return "not done"
    if tally.readings:
        n_read = sum(one.message is not None for one in tally.readings)
        n_wrong = sum(one.problem is not None for one in tally.readings)
        return f"a message in {n_read} of {len(tally.readings)}, {n_wrong} with a problem"
    return ", ".join(f"{n} {status}" for status, n in tally.counts.items() if n) or "nothing to do"


def _attempt(task: Task, operator: Any) -> Tally:
    try:
        return task.carry_out(operator)
    except StoppedError as error:
        return Tally(task.number, {}, str(error), stopped=True)
    except WatermarkError as error:
        return Tally(task.number, {}, str(error))
    except Exception as error:  # noqa: BLE001  # one shard does not stop the others
        return Tally(task.number, {}, f"shard {task.name}: {type(error).__name__}: {error}")
