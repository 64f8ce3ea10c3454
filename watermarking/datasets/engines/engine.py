"""What an engine does, and what it tells of a task that failed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from watermarking.datasets.operator import StoppedError
from watermarking.datasets.task import Tally
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watermarking.datasets.task import Task

__all__ = ["ENGINES", "Engine", "attempt", "get_engine"]

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
    """Carry out a task; what goes wrong is part of its tally."""
    try:
        return task.carry_out(operator)
    except StoppedError as error:
        return Tally(task.number, {}, str(error), stopped=True)
    except WatermarkError as error:
        return Tally(task.number, {}, str(error))
    except Exception as error:  # noqa: BLE001  # one shard does not stop the others
        return Tally(task.number, {}, f"shard {task.name}: {type(error).__name__}: {error}")
