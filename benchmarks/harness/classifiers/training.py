"""Train groups, the most important first, until all are there or the time is up."""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from harness.classifiers.cells import BASE, CLEAN, Group
from harness.classifiers.owner import EPOCHS, Owner
from harness.classifiers.shards import Trained
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.distil import Distil
from watermarking.ownership.classifiers.removal.loot import Suspects, Thieves
from watermarking.ownership.classifiers.removal.registry import REMOVALS
from watermarking.ownership.classifiers.tasks.training import accuracy, log_answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.classifiers.shards import Shards
    from watermarking.ownership.classifiers.removal.loot import Removal
    from watermarking.ownership.classifiers.tasks.engine import Engine
    from watermarking.ownership.classifiers.tasks.stack import Stack

__all__ = ["STORED", "Trainer", "path_of", "train_groups"]

STORED: Final = 2000
"""Answers of a model that are kept, but for thieves with hard labels and what those are compared with."""
_STORED_HARD: Final = 5000
_WEIGHTS: Final = {"c2": 1.0, "mlp": 0.5, "residual": 6.0}  # time of a step, roughly, until it was measured
_FIRST_GUESS: Final = {"cpu": 2e-4, "cuda": 3e-6}  # seconds for an input of c2
_MARGIN: Final = 1.3


@dataclass
class _Speeds:
    """Seconds for an input seen in training, by network; guessed until measured."""

    guess: float
    seen: dict[str, tuple[float, float]]

    def seconds(self, network: str, inputs: float) -> float:
        spent, done = self.seen.get(network, (0.0, 0.0))
        if done:
            return inputs * spent / done
        known = [(s / d) / _WEIGHTS[name] for name, (s, d) in self.seen.items() if d]
        return inputs * _WEIGHTS[network] * (max(known) if known else self.guess)

    def add(self, network: str, inputs: float, seconds: float) -> None:
        spent, done = self.seen.get(network, (0.0, 0.0))
        self.seen[network] = (spent + seconds, done + inputs)


class Trainer:
    """Trains groups of one task, and keeps what several of them start from.

    Parameters
    ----------
    owner : Owner
    n : int or None
        Queries of every thief, instead of what removals say: for small tasks.
    """

    def __init__(self, owner: Owner, n: int | None = None) -> None:
        self.owner, self.n = owner, n
        self._bases: dict[Group, Suspects] = {}

    def train(self, group: Group) -> Trained:
        """Train a group and ask its models."""
        began = time.perf_counter()
        inputs, labels = self.owner.asked
        before: list[float] = []
        if group.start == "nobody":
            answers = log_answers(self._unstolen(group), inputs)
        else:
            suspects, base = self._stolen(group)
            answers = suspects.answer(inputs)
            if base is not None:
                before = accuracy(base.answer(inputs), labels)
        own_side = group.start == "nobody" and group.removal != CLEAN
        n = _STORED_HARD if self._is_hard(group) or own_side else STORED
        about = {
            "seconds": round(time.perf_counter() - began, 2), "device": _device_name(self.owner.engine),
            "group": {name: list(v) if isinstance(v, tuple) else v for name, v in group.__dict__.items()},
            "torch": torch.__version__,
        }  # fmt: skip
        return Trained(answers[:, :n].float().cpu().numpy(), accuracy(answers, labels), before, about)

    def inputs_seen(self, group: Group) -> float:
        """Return how many inputs a group's training goes through, of all its models, what it starts from included."""
        k, task = len(group.pairs), self.owner.task
        if group.start == "nobody":
            return float(k * EPOCHS * len(task.own))
        removal = self._removal(group)
        total = _seen(removal, k)
        base = self._base(group)
        if base is not None and base not in self._bases and group.start != "embedded":
            total += _seen(REMOVALS[BASE], k)
        return total

    def _unstolen(self, group: Group) -> Stack:
        return self.owner.clean(group.removal, group.network, group.seeds)

    def _stolen(self, group: Group) -> tuple[Suspects, Suspects | None]:
        removal = self._removal(group)
        base = self._base(group)
        stolen = None if base is None else self._base_models(group, base)
        loot = self.owner.loot(group.start, group.profile, group.keys)
        return removal.apply(loot, self._thieves(group), stolen), stolen

    def _base(self, group: Group) -> Group | None:
        """Return the group of stolen models that a removal changes, if it does not steal itself."""
        if REMOVALS[group.removal].steals:
            return None
        return Group(**{**group.__dict__, "removal": BASE})

    def _base_models(self, group: Group, base: Group) -> Suspects:
        if group.start == "embedded":
            if group.network != self.owner.task.network:
                raise WatermarkError(f"the embedded model is a {self.owner.task.network}, not a {group.network}")
            marked = self.owner.embedded(group.profile, group.keys)
            return Suspects(stacks=(marked.take([group.keys.index(key) for key, _ in group.pairs]),))
        if base not in self._bases:
            self._bases[base] = self._stolen(base)[0]
        return self._bases[base]

    def _thieves(self, group: Group) -> Thieves:
        """Return who steals: their seeds are different ones for every key, so that no two begin alike."""
        seeds = tuple(1000 * (key + 1) + seed for key, seed in group.pairs)
        teachers = tuple(0 if group.start == "unmarked" else group.keys.index(key) for key, _ in group.pairs)
        return Thieves(
            network=group.network, seeds=seeds, teachers=teachers, engine=self.owner.engine_for(group.network)
        )

    def _removal(self, group: Group) -> Removal:
        """Return a group's removal, with no more queries than there are."""
        removal: Any = REMOVALS[group.removal]
        there = len(self.owner.task.own)
        most = there if self.n is None else self.n
        if getattr(removal, "n", 0) > len(self.owner.task.stolen) or (self.n and getattr(removal, "n", 0) > most):
            removal = dataclasses.replace(removal, n=most)
        chosen: Removal = removal
        return chosen

    def _is_hard(self, group: Group) -> bool:
        removal = REMOVALS.get(group.removal)
        return isinstance(removal, Distil) and (removal.hard or removal.changes.top == 1)


def train_groups(
    groups: Sequence[Group], owner: Owner, shards: Shards, *, minutes: float | None = None, n: int | None = None
) -> int:
    """Train the groups that are not there yet; return how many were left out because the time would not do.

    Parameters
    ----------
    minutes : float, optional
        No group is begun that would end after it, as far as can be foretold from those before.
    """
    began = time.monotonic()
    trainer = Trainer(owner, n)
    speeds = _Speeds(_FIRST_GUESS[owner.engine.place.type], {})
    left_out = 0
    todo = [group for group in groups if group not in shards]
    _say(f"{owner.task.name}: {len(todo)} of {len(groups)} groups to train" + _plan(todo, trainer, speeds))
    for group in todo:
        inputs = trainer.inputs_seen(group)
        expected = _MARGIN * speeds.seconds(group.network, inputs)
        spent = time.monotonic() - began
        if minutes is not None and spent + expected > 60 * minutes:
            left_out += 1
            _say(f"  left out, {expected:.0f} s would be too many: {_called(group)}")
            continue
        start = time.monotonic()
        trained = trainer.train(group)
        shards.add(group, trained)
        took = time.monotonic() - start
        speeds.add(group.network, inputs, took)
        mean = sum(trained.accuracy) / len(trained.accuracy)
        _say(f"  {spent + took:6.0f} s  {took:6.1f} s  {100 * mean:5.2f} %  {len(group.pairs):3} {_called(group)}")
    return left_out


def _seen(removal: Removal, k: int) -> float:
    if isinstance(removal, Distil):
        course = removal.course(flips=False)
        return float(k * course.epochs * removal.n * (3 if removal.adversarial else 1))
    epochs, n = getattr(removal, "epochs", 0), getattr(removal, "n", 0)
    extra = 60_000 if removal.id == "dehydrate" else 3000  # inputs that it recovers; asking
    return float(k * (epochs * n * (3 if getattr(removal, "adversarial", 0) else 1) + extra))


def _plan(todo: Sequence[Group], trainer: Trainer, speeds: _Speeds) -> str:
    total = sum(speeds.seconds(group.network, trainer.inputs_seen(group)) for group in todo)
    return f", about {total / 60:.0f} minutes if first guesses are right" if todo else ""


def _called(group: Group) -> str:
    return f"{group.network} {group.start} {group.profile}: {group.removal}"


def _device_name(engine: Engine) -> str:
    return torch.cuda.get_device_name(engine.place) if engine.on_gpu else "cpu"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def path_of(folder: Path, task: str) -> Path:
    """Return where the answers of a task lie."""
    return folder / task.replace(" ", "-")
