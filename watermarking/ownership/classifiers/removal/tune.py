"""Fine-tuning and re-training on true labels, of the last layer or of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves, needed
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.training import train_stack

if TYPE_CHECKING:
    from torch import Tensor

    from watermarking.ownership.classifiers.tasks.stack import Stack

__all__ = ["Tune", "tuned", "with_new_heads"]


@dataclass(frozen=True, kw_only=True)
class Tune:
    """Train a stolen model further on true labels: FTLL, FTAL, and with ``reset`` RTLL, RTAL of the literature.

    Attributes
    ----------
    layers : {"all", "last"}
    reset : bool
        The last layer starts anew.
    n : int
        True labels.
    epochs : int
    rate : float
    smoothing, adversarial : float
        See :class:`watermarking.ownership.classifiers.tasks.course.Course`.
    """

    id: ClassVar[str] = "tune"
    steals: ClassVar[bool] = False
    layers: str = "all"
    reset: bool = False
    n: int = 10_000
    epochs: int = 5
    rate: float = 1e-3
    smoothing: float = 0.0
    adversarial: float = 0.0

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Train each stolen model; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        stack = needed(stolen, thieves).stack
        if self.reset:
            stack = with_new_heads(stack, thieves)
        course = Course(
            epochs=self.epochs, rate=self.rate, true=1.0, smoothing=self.smoothing, adversarial=self.adversarial,
            layers=self.layers, flips=loot.flips,
        )  # fmt: skip
        return Suspects(stacks=(tuned(stack, loot, thieves, self.n, course),))


def tuned(
    stack: Stack, loot: Loot, thieves: Thieves, n: int, course: Course, *, masks: dict[str, Tensor] | None = None
) -> Stack:
    """Train networks on n true labels; where masks are zero, weights stay zero."""
    inputs, labels = loot.labelled(n)
    lesson = Lesson(inputs[None], labels=labels[None])
    return train_stack(stack, lesson, course, seeds=thieves.seeds, engine=thieves.engine, masks=masks)


def with_new_heads(stack: Stack, thieves: Thieves) -> Stack:
    """Return networks whose last layers are untrained ones, those of other seeds than the thieves began with.

    Raises
    ------
    WatermarkError
        If they have no layer called ``head``.
    """
    changed = stack.clone()
    if "head.weight" not in changed.parameters:
        raise WatermarkError("the networks have no layer 'head': name their last linear layer so")
    for i, seed in enumerate(thieves.seeds):
        weight, bias = changed.parameters["head.weight"][i], changed.parameters["head.bias"][i]
        fresh = torch.Generator().manual_seed(500_000 + seed)
        reach = weight.shape[1] ** -0.5
        for part in (weight, bias):
            part.copy_((2 * torch.rand(part.shape, generator=fresh) - 1) * reach)
    return changed
