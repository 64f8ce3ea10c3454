"""Which way of training is fastest on a device, for each network: tried, not guessed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import torch

from harness.classifiers.tasks import task_of
from watermarking.ownership.classifiers.removal.loot import Thieves
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.trials import candidates, fastest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watermarking.ownership.classifiers.tasks.engine import Engine

__all__ = ["fastest_engines"]

_THIEVES = 30


def fastest_engines(task: str, engine: Engine, networks: Iterable[str], *, k: int = _THIEVES) -> dict[str, Engine]:
    """Return the fastest engine for k networks of each kind, and print what was tried; on a CPU nothing is."""
    if len(candidates(engine)) == 1:
        return dict.fromkeys(networks, engine)
    part = task_of(task).own
    place, course = engine.place, Course(batch=256, true=1.0, flips=True)
    lesson = Lesson(
        torch.tensor(part.inputs[None], device=place), labels=torch.tensor(part.labels[None], device=place)
    )  # fmt: skip
    found = {}
    for network in networks:
        seeds = tuple(range(k))
        stack = Thieves(network=network, seeds=seeds, teachers=seeds).untrained(part.n_classes, part.shape)
        found[network], trials = fastest(stack, lesson, course, seeds=seeds, engines=candidates(engine))
        for trial in trials:
            how = "stacked" if trial.engine.stacked else f"{trial.engine.streams} streams"
            epoch = trial.seconds * (30_000 // course.batch)
            said = trial.said or f"{1e3 * trial.seconds:.2f} ms a step, {epoch:.2f} s for an epoch of 30,000"
            chosen = "  <- taken" if trial.engine == found[network] else ""
            graph = "recorded" if trial.engine.graph else "launched"
            print(f"{network}, {k} at once, {how}, {graph}: {said}{chosen}", file=sys.stderr, flush=True)
    return found
