"""Distillation: train a model on another's answers, as they come or after they were tampered with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import torch

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.answers import LEAST, Changes, class_floors, without_floors
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves
from watermarking.ownership.classifiers.removal.overwrite import class_code
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.training import log_answers, train_stack

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Distil"]

QUERIES: Final = ("own", "outside", "mixed")
_SEEN: Final = 300_000  # inputs in a training, however few queries there are
_EPOCHS: Final = (10, 60)
_BATCH: Final = 256


@dataclass(frozen=True, kw_only=True)
class Distil:
    """Train a new network on the answers to queries (Hinton, Vinyals and Dean, 2015).

    Attributes
    ----------
    n : int
        Queries.
    queries : {"own", "outside", "mixed"}
        Of the thief's domain, of another, or half of each.
    temperature : float
    hard : bool
        Only the highest class of an answer is used.
    true : float
        Weight of true labels.
    changes : Changes
        What happens to the answers first.
    floors : bool
        The least that a class's answers hold is taken off them.
    clean : float
        Share of a clean model's answers in what is learnt.
    second : float
        Strength of a mark of the thief's own on the answers; see
        :class:`watermarking.ownership.classifiers.removal.overwrite.Overwrite`.
    adversarial : float
        See :class:`watermarking.ownership.classifiers.tasks.course.Course`.
    epochs : int or None
        None: so many that 300,000 inputs are seen, 10 to 60.
    """

    id: ClassVar[str] = "distil"
    steals: ClassVar[bool] = True
    n: int = 30_000
    queries: str = "own"
    temperature: float = 1.0
    hard: bool = False
    true: float = 0.0
    changes: Changes = field(default_factory=Changes)
    floors: bool = False
    clean: float = 0.0
    second: float = 0.0
    adversarial: float = 0.0
    epochs: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges that the course does not."""
        if self.queries not in QUERIES or self.n < 4:
            raise WatermarkError(f"{self.n} queries {self.queries!r} cannot be made: give 4 or more of {QUERIES}")
        if not 0 <= self.clean < 1 or not 0 <= self.second <= 0.5:
            raise WatermarkError(
                f"clean={self.clean:g} and second={self.second:g} are out of range: give 0 to below 1, and 0 to 0.5"
            )

    def course(self, *, flips: bool) -> Course:
        """Return how it trains."""
        epochs = self.epochs or min(max(_SEEN // self.n, _EPOCHS[0]), _EPOCHS[1])
        return Course(
            epochs=epochs, batch=_BATCH, temperature=self.temperature, true=self.true, adversarial=self.adversarial,
            flips=flips,
        )  # fmt: skip

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Train a student for each thief; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        del stolen  # answers are all that it needs
        inputs, answers, labels = self._collected(loot)
        course = self.course(flips=loot.flips)
        stack = train_stack(
            thieves.untrained(loot.n_classes, loot.queries.shape[1:]),
            Lesson(inputs[None], self._targets(answers, inputs, loot), labels[None] if self.true else None),
            course, seeds=thieves.seeds, engine=thieves.engine, answer_sets=thieves.teachers,
        )  # fmt: skip
        return Suspects(stacks=(stack,))

    def _collected(self, loot: Loot) -> tuple[Tensor, Tensor, Tensor]:
        """Return the queries, their answers and their labels."""
        n_outside = {"own": 0, "outside": self.n, "mixed": self.n // 2}[self.queries]
        n_own = self.n - n_outside
        there = 0 if loot.outside is None else len(loot.outside[0])
        if n_own > len(loot.queries) or n_outside > there:
            raise WatermarkError(
                f"{n_own} own and {n_outside} outside queries are asked for, there are {len(loot.queries)} and {there}"
            )
        if n_outside and self.true:
            raise WatermarkError("queries of another domain have no true labels here: give own queries, or true=0")
        inputs, answers, labels = loot.queries[:n_own], loot.answers[:, :n_own], loot.labels[:n_own]
        if n_outside and loot.outside is not None:
            inputs = torch.cat([inputs, loot.outside[0][:n_outside]])
            answers = torch.cat([answers, loot.outside[1][:, :n_outside]], 1)
        return inputs, answers, labels

    def _targets(self, answers: Tensor, inputs: Tensor, loot: Loot) -> Tensor:
        """Return what is learnt, as log-probabilities."""
        if self.floors:
            answers = without_floors(answers, class_floors(answers))
        answers = self.changes.apply(answers)
        if self.clean:
            if loot.clean is None:
                raise WatermarkError("an ensemble with a clean teacher needs a clean model: give Loot(clean=...)")
            own = log_answers(loot.clean.take([0]), inputs).to(answers.device)
            answers = ((1 - self.clean) * answers.exp() + self.clean * own.exp()).clamp(min=LEAST).log()
        if self.second:
            answers = torch.stack([class_code(one, self.second, seed=i) for i, one in enumerate(answers)])
        if self.hard:
            highest = torch.zeros_like(answers).scatter_(-1, answers.argmax(-1, keepdim=True), 1.0)
            answers = highest.clamp(min=LEAST).log()
        return answers
