"""Overwriting: a thief's own mark, on answers or in a stolen model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import torch

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves, needed
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.training import train_stack

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Overwrite", "class_code"]

_SPREAD: Final = 3.0  # of the code's logits, as wide as the mark's own standard profile


def class_code(answers: Tensor, strength: float, *, seed: int) -> Tensor:
    """Return answers (n, n_classes), log-probabilities, with a share that a secret code by class says.

    All of a row is made smaller by the share ``strength``, which is spread over all classes but the highest, as a
    Gaussian code for that one demands. The highest stays so where it leads by ``strength / (1 - strength)`` or more.
    """
    rng = torch.Generator().manual_seed(77_000 + seed)
    n_classes = answers.shape[-1]
    code = torch.randn((n_classes, n_classes), generator=rng).clamp(-2, 2).to(answers.device)
    code = (_SPREAD * code).masked_fill(torch.eye(n_classes, dtype=torch.bool, device=answers.device), -torch.inf)
    highest = answers.argmax(-1)
    return torch.log((1 - strength) * answers.exp() + strength * torch.softmax(code, -1)[highest])


@dataclass(frozen=True, kw_only=True)
class Overwrite:
    """Fine-tune a stolen model on its own answers, with a mark of the thief's on them.

    Attributes
    ----------
    strength : float
        Share of an answer that the mark takes.
    n, epochs : int
    rate : float
    """

    id: ClassVar[str] = "overwrite"
    steals: ClassVar[bool] = False
    strength: float = 0.05
    n: int = 10_000
    epochs: int = 5
    rate: float = 1e-3

    def __post_init__(self) -> None:
        """Check the strength."""
        if not 0 < self.strength <= 0.5:
            raise WatermarkError(f"a strength of {self.strength:g} is out of range: give above 0 to 0.5")

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Mark each stolen model anew; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        inputs, _ = loot.labelled(self.n)
        before = needed(stolen, thieves)
        answers = before.answer(inputs)
        marked = torch.stack(
            [class_code(one, self.strength, seed=seed) for one, seed in zip(answers, thieves.seeds, strict=True)]
        )
        course = Course(epochs=self.epochs, rate=self.rate, flips=loot.flips)
        lesson = Lesson(inputs[None], marked)
        return Suspects(stacks=(train_stack(before.stack, lesson, course, seeds=thieves.seeds, engine=thieves.engine),))
