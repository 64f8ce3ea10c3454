"""The owner's models, the mark, and what thieves get of both."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from harness.classifiers.cells import CLEAN, OWNER, REFERENCES, SMOOTHED
from harness.classifiers.tasks import Task, task_of
from watermarking.keys import Key
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.removal.loot import Loot, Thieves, log_probabilities
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.training import log_answers, train_stack

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from torch import Tensor

    from watermarking.ownership.classifiers.tasks.engine import Engine
    from watermarking.ownership.classifiers.tasks.labelled import Labelled
    from watermarking.ownership.classifiers.tasks.stack import Stack

__all__ = ["Owner", "key_of"]

EPOCHS: Final = 12
_EMBEDDING: Final = Course(epochs=6, batch=256, rate=1e-3, true=0.2)
_SMOOTHING: Final = 0.1
_FITTED: Final = 5000  # inputs that the mark's coarse features are fitted on
_SMALL: Final = 5000  # inputs, below which more epochs make up for them


def key_of(number: int) -> Key:
    """Return one of the keys that marks are measured with."""
    return Key(hashlib.sha256(b"classifiers %d" % number).digest())


class Owner:
    """What an owner of a task has; what takes time is done once, when it is asked for.

    Parameters
    ----------
    name : str
        Of the task.
    engine : Engine
    kept : path or None
        Folder of checkpoints.
    engines : dict of Engine, optional
        Those for a network, where another is faster.
    """

    def __init__(self, name: str, engine: Engine, kept: Path | None, engines: dict[str, Engine] | None = None) -> None:
        self.task: Task = task_of(name)
        self.engine, self.kept, self._engines = engine, kept, engines or {}
        self._clean: dict[tuple[str, str, tuple[int, ...]], Stack] = {}
        self._marks: dict[str, SoftLabelMark] = {}
        self._loots: dict[tuple[str, str, tuple[int, ...]], Loot] = {}
        self._embedded: dict[tuple[str, tuple[int, ...]], Stack] = {}

    def engine_for(self, network: str) -> Engine:
        """Return what trains a network."""
        return self._engines.get(network, self.engine)

    def tensor(self, part: Labelled) -> tuple[Tensor, Tensor]:
        """Return inputs and labels on the device."""
        place = self.engine.place
        return torch.tensor(part.inputs, device=place), torch.tensor(part.labels, device=place)

    @functools.cached_property
    def asked(self) -> tuple[Tensor, Tensor]:
        """Inputs that suspects are judged by, and their labels."""
        return self.tensor(self.task.asked)

    @functools.cached_property
    def model(self) -> Stack:
        """The unmarked model, alone in its stack."""
        return self.clean(OWNER, self.task.network, (0,))

    def clean(self, kind: str, network: str, seeds: tuple[int, ...]) -> Stack:
        """Return models trained on true labels: the owner's inputs, or for those that are judged the thief's.

        The same ones each time: a GPU never trains a network twice alike; what is stolen must be what is compared.
        """
        if (kind, network, seeds) not in self._clean:
            self._clean[kind, network, seeds] = self._trained(kind, network, seeds)
        return self._clean[kind, network, seeds]

    def _trained(self, kind: str, network: str, seeds: tuple[int, ...]) -> Stack:
        part = self.task.stolen.take(slice(len(self.task.own))) if kind == CLEAN else self.task.own
        inputs, labels = self.tensor(part)
        smoothing = _SMOOTHING if kind == SMOOTHED else 0.0
        epochs = EPOCHS if len(part) >= _SMALL else 5 * EPOCHS
        course = Course(epochs=epochs, batch=256, true=1.0, smoothing=smoothing, flips=self.task.flips)
        start = Thieves(network=network, seeds=seeds, teachers=seeds).untrained(part.n_classes, part.shape)
        return train_stack(
            start, Lesson(inputs[None], labels=labels[None]), course, seeds=seeds, engine=self.engine_for(network),
            checkpoint=self._path(f"{kind} {network} {seeds}"),
        )  # fmt: skip

    def mark(self, profile: str) -> SoftLabelMark:
        """Return the mark, fitted on some of the owner's inputs."""
        if profile not in self._marks:
            some = self.task.own.inputs[:_FITTED]
            self._marks[profile] = SoftLabelMark.fit(
                some, n_classes=self.task.own.n_classes, profile=profile, flips=self.task.flips
            )
        return self._marks[profile]

    def embedded(self, profile: str, keys: tuple[int, ...]) -> Stack:
        """Return models with the marks of keys in their weights, one a key: .2 true labels, .8 marked answers."""
        if (profile, keys) not in self._embedded:
            inputs, labels = self.tensor(self.task.own)
            marked = self._marked(log_answers(self.model, inputs)[0], self.task.own.inputs, profile, keys)
            course = dataclasses.replace(_EMBEDDING, flips=self.task.flips)
            self._embedded[profile, keys] = train_stack(
                self.model.take([0] * len(keys)), Lesson(inputs[None], marked, labels[None]), course, seeds=keys,
                engine=self.engine_for(self.task.network), checkpoint=self._path(f"embedded {profile} {keys}"),
            )  # fmt: skip
        return self._embedded[profile, keys]

    def loot(self, start: str, profile: str, keys: tuple[int, ...]) -> Loot:
        """Return what thieves have who steal from one of the owner's models, or from all that have a key's mark.

        The clean models that they have are of the owner's architecture, whatever theirs is.
        """
        if (start, profile, keys) not in self._loots:
            self._loots[start, profile, keys] = self._loot(start, profile, keys)
        return Loot(**{**self._loots[start, profile, keys].__dict__, "clean": self.references})

    @functools.cached_property
    def references(self) -> Stack:
        """Clean models; thieves may have had theirs trained alike."""
        return self.clean(REFERENCES, self.task.network, (101, 102, 103))

    def _loot(self, start: str, profile: str, keys: tuple[int, ...]) -> Loot:
        inputs, labels = self.tensor(self.task.stolen)
        outside = None if self.task.outside is None else torch.tensor(self.task.outside, device=self.engine.place)
        parts = [inputs] if outside is None else [inputs, outside]
        pictures = [self.task.stolen.inputs] if outside is None else [self.task.stolen.inputs, self.task.outside]
        if start == "embedded":
            answers = [log_answers(self.embedded(profile, keys), part) for part in parts]
        else:
            answers = [log_answers(self.model, part) for part in parts]
        if start == "wrapper":
            answers = [
                self._marked(one[0], np.asarray(seen), profile, keys)
                for one, seen in zip(answers, pictures, strict=True)
            ]
        return Loot(
            queries=inputs, answers=answers[0], labels=labels, flips=self.task.flips,
            outside=None if outside is None else (outside, answers[1]),
            other=None if self.task.other is None else self.tensor(self.task.other),
        )  # fmt: skip

    def _marked(self, answers: Tensor, inputs: npt.NDArray[np.uint8], profile: str, keys: tuple[int, ...]) -> Tensor:
        """Return marked log-probabilities (keys, n, n_classes)."""
        mark = self.mark(profile)
        p = answers.exp().double().cpu().numpy()
        p /= p.sum(1, keepdims=True)
        at = mark.coarse(inputs)
        found = [mark.answer_at(p, at, key=key_of(key)).astype(np.float32) for key in keys]
        return log_probabilities(torch.from_numpy(np.stack(found))).to(self.engine.place)

    def _path(self, name: str) -> Path | None:
        if self.kept is None:
            return None
        digest = hashlib.sha256(f"{self.task.name} {name} {self.engine.bf16}".encode()).hexdigest()[:16]
        return self.kept / f"{self.task.name.replace(' ', '-')}-{digest}.safetensors"
