"""One picture of many: what is to be done, and what came of it, whoever does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from watermarking.cli.hearing import steps_to
from watermarking.cli.notices import Failure, heard_by

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Outcome", "Run", "Task", "attempt"]

Run: TypeAlias = "Callable[[str, str], dict[str, Any]]"
"""Does something to a picture, given the names of source and target; returns the record of it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is read and what is written; nothing is, where there is no target."""

    source: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task: a record or a failure, the warnings on the way, and the steps, where they are asked for."""

    task: Task
    record: dict[str, Any] | None
    failure: Failure | None
    warnings: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


def attempt(run: Run, task: Task) -> Outcome:
    """Carry out a task; whatever goes wrong with one picture, and every warning, is part of the outcome."""
    said: list[str] = []
    steps: list[str] = []
    try:
        with heard_by(said.append), steps_to(steps.append):
            if task.target:
                Path(task.target).parent.mkdir(parents=True, exist_ok=True)
            record = run(task.source, task.target)
    except Exception as error:  # noqa: BLE001  # one picture does not stop the others
        return Outcome(task, None, Failure.of(error), tuple(said), tuple(steps))
    return Outcome(task, record, None, tuple(said), tuple(steps))
