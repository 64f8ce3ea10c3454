"""Transfer: take a stolen model to another task, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves, needed
from watermarking.ownership.classifiers.removal.tune import tuned, with_new_heads
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.training import train_stack

__all__ = ["Transfer"]


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Give a stolen model a new last layer and train all of it on another task.

    Its answers are then of other classes: nothing of a mark in probabilities can be expected to be left, and the
    accuracy on the first task says so. With ``back``, a last layer for the first task is trained on what the other
    task left.

    Attributes
    ----------
    epochs : int
        On the other task.
    rate : float
    back : bool
    n : int
        True labels of the first task, for the way back.
    """

    id: ClassVar[str] = "transfer"
    steals: ClassVar[bool] = False
    epochs: int = 3
    rate: float = 1e-3
    back: bool = True
    n: int = 10_000

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Train each stolen model; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        stack = with_new_heads(needed(stolen, thieves).stack, thieves)
        if loot.other is None:
            raise WatermarkError("there is no other task to transfer to: give Loot(other=(inputs, labels))")
        inputs, labels = loot.other
        course = Course(epochs=self.epochs, rate=self.rate, true=1.0)
        lesson = Lesson(inputs[None], labels=labels[None])
        stack = train_stack(stack, lesson, course, seeds=thieves.seeds, engine=thieves.engine)
        if self.back:
            last = Course(epochs=self.epochs, rate=self.rate, true=1.0, layers="last", flips=loot.flips)
            stack = tuned(with_new_heads(stack, thieves), loot, thieves, self.n, last)
        return Suspects(stacks=(stack,))
