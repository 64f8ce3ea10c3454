"""Try engines on a short course, and take the fastest that trains as the first one does."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.tasks.course import Lesson
from watermarking.ownership.classifiers.tasks.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.ownership.classifiers.tasks.course import Course
    from watermarking.ownership.classifiers.tasks.engine import Engine
    from watermarking.ownership.classifiers.tasks.stack import Stack

__all__ = ["Trial", "candidates", "fastest"]

_STEPS: Final = 40
_APART: Final = 0.03  # of a loss: engines round differently, and that is all they may do


@dataclass(frozen=True)
class Trial:
    """What became of an engine.

    Attributes
    ----------
    engine : Engine
    seconds : float
        For a step of all networks; infinite if it failed.
    losses : tuple of float
        Of each network, in the last epoch.
    said : str
        Why it is not taken; empty if it could be.
    """

    engine: Engine
    seconds: float
    losses: tuple[float, ...]
    said: str


def candidates(engine: Engine) -> list[Engine]:
    """List the engines that are worth trying on an engine's device, the plainest first; on a CPU it alone."""
    if not engine.on_gpu:
        return [engine]
    one = dataclasses.replace(engine, stacked=False, streams=1, graph=False)
    return [
        one,
        dataclasses.replace(one, graph=True),
        dataclasses.replace(one, graph=True, streams=8),
        dataclasses.replace(one, graph=True, stacked=True),
    ]


def fastest(
    stack: Stack, lesson: Lesson, course: Course, *, seeds: Sequence[int], engines: Sequence[Engine]
) -> tuple[Engine, list[Trial]]:
    """Return the fastest of some engines, and what became of all.

    Parameters
    ----------
    stack, lesson, course : Stack, Lesson, Course
        A short piece of the lesson is trained on, twice; the stack stays as it is.
    engines : sequence of Engine
        The first is believed: others must come to its losses within 3 %.

    Raises
    ------
    WatermarkError
        If there is none, or the first fails.
    """
    if not engines:
        raise WatermarkError("there is no engine to try: give one or more")
    n = min(lesson.inputs.shape[1], _STEPS * course.batch)
    short = Lesson(
        lesson.inputs[:, :n],
        None if lesson.answers is None else lesson.answers[:, :n],
        None if lesson.labels is None else lesson.labels[:, :n],
    )
    trials = [_tried(stack, short, dataclasses.replace(course, epochs=2), seeds, engine) for engine in engines]
    if trials[0].said:
        raise WatermarkError(f"the plainest engine does not train: {trials[0].said}")
    judged = [_compared(trial, trials[0]) for trial in trials]
    return min((trial for trial in judged if not trial.said), key=lambda trial: trial.seconds).engine, judged


def _tried(stack: Stack, lesson: Lesson, course: Course, seeds: Sequence[int], engine: Engine) -> Trial:
    """Train for two epochs, the first to set up, the second by the clock."""
    try:
        trained = stack.to(engine.place).clone()
        session = Session(trained, lesson.to(engine.place), course, engine, seeds, (None, None), {}, None)
        session.epoch(0)
        _wait(engine)
        start = time.perf_counter()
        losses = session.epoch(1)
        _wait(engine)
        seconds = (time.perf_counter() - start) / session.steps
        return Trial(engine, seconds, tuple(losses.tolist()), "")
    except RuntimeError as error:  # a device or a torch that cannot: the others may
        return Trial(engine, float("inf"), (), f"{type(error).__name__}: {str(error).splitlines()[0]}")


def _compared(trial: Trial, first: Trial) -> Trial:
    if trial.said:
        return trial
    apart = max(abs(a - b) / max(abs(b), 0.1) for a, b in zip(trial.losses, first.losses, strict=True))
    said = "" if apart < _APART else f"its losses are {100 * apart:.0f} % apart from the plainest engine's"
    return dataclasses.replace(trial, said=said)


def _wait(engine: Engine) -> None:
    if engine.on_gpu:
        torch.cuda.synchronize(engine.place)
