"""Reconstructions of two published erasers of watermarks. They follow what the abstracts say, not the authors' code.

``Dehydrate`` is in the style of Neural Dehydration (Lu et al., CCS 2024, arXiv 2309.03466): the model's own weights
tell what it holds for each class; what does not look like clean data is unlearnt. ``Reshape`` is in the style of WRK
(Xiao et al., 2025, arXiv 2511.07947): boundaries are moved by opposed inputs with true labels, and the output layer is
pushed away from the one that was stolen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import torch
from torch.nn import functional

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.answers import LEAST
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves, needed
from watermarking.ownership.classifiers.removal.tune import with_new_heads
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.stack import scaled
from watermarking.ownership.classifiers.tasks.training import train_stack

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Dehydrate", "Reshape"]

_INVERSION_RATE: Final = 0.05
_ROUGHNESS, _SIZE = 0.5, 0.02


@dataclass(frozen=True, kw_only=True)
class Dehydrate:
    """Recover inputs that a model takes for each class, and unlearn those that look unlike clean data (reconstruction).

    Attributes
    ----------
    n : int
        True labels; the authors need few or none.
    recovered : int
        Inputs a class.
    inversion : int
        Steps to recover them.
    epochs : int
    rate : float
    smoothing : float
        Of the true labels while unlearning.
    """

    id: ClassVar[str] = "dehydrate"
    steals: ClassVar[bool] = False
    n: int = 2000
    recovered: int = 40
    inversion: int = 60
    epochs: int = 10
    rate: float = 1e-3
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check the counts."""
        if self.recovered < 2 or self.inversion < 1:
            raise WatermarkError(
                f"{self.recovered} inputs a class in {self.inversion} steps recover nothing: give 2 and 1 or more"
            )

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Recover and unlearn; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        stack = needed(stolen, thieves).stack
        inputs, labels = loot.labelled(self.n)
        if inputs.dtype != torch.uint8:
            raise WatermarkError("inputs are recovered as pictures, these are features: use another removal")
        sets, answers = [], []
        for i, seed in enumerate(thieves.seeds):
            module = stack.module(i).requires_grad_(False)
            found, classes = self._recovered(module, inputs, loot.n_classes, seed)
            odd = _oddities(module, found, inputs)
            sets.append(torch.cat([inputs.to(found.device), found]))
            answers.append(torch.cat([self._labels(labels, loot.n_classes).to(found.device), _unlearnt(classes, odd)]))
        lesson = Lesson(torch.stack(sets), torch.stack(answers))
        course = Course(epochs=self.epochs, rate=self.rate, flips=loot.flips)
        return Suspects(stacks=(train_stack(stack, lesson, course, seeds=thieves.seeds, engine=thieves.engine),))

    def _recovered(self, module: nn.Module, inputs: Tensor, n_classes: int, seed: int) -> tuple[Tensor, Tensor]:
        """Return pictures (n, channels, H, W) that a model is sure of, and log-probabilities of their classes."""
        device = next(module.parameters()).device
        rng = torch.Generator().manual_seed(90_000 + seed)
        labels = torch.arange(n_classes).repeat_interleave(self.recovered).to(device)
        x = torch.rand((len(labels), *inputs.shape[1:]), generator=rng).to(device).requires_grad_(True)
        optimiser = torch.optim.Adam([x], lr=_INVERSION_RATE)
        for _ in range(self.inversion):
            rough = (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()
            loss = functional.cross_entropy(module(x), labels) + _ROUGHNESS * rough + _SIZE * x.square().mean()
            (x.grad,) = torch.autograd.grad(loss, x)
            optimiser.step()
            with torch.no_grad():
                x.clamp_(0, 1)
        pictures = (x.detach() * 255).round().to(torch.uint8)
        return pictures, self._labels(labels, n_classes)

    def _labels(self, labels: Tensor, n_classes: int) -> Tensor:
        """Return labels as smoothed log-probabilities."""
        p = functional.one_hot(labels, n_classes).float() * (1 - self.smoothing) + self.smoothing / n_classes
        return p.clamp(min=LEAST).log()


def _oddities(module: nn.Module, found: Tensor, inputs: Tensor) -> Tensor:
    """Say of recovered pictures, (n,) bool, whether they lie further from clean features than their median."""
    features = getattr(module, "features", None)
    if features is None:
        raise WatermarkError("the networks do not say what their features are: give them a method 'features'")
    with torch.no_grad():
        clean, ours = (functional.normalize(features(scaled(part.to(found.device)))) for part in (inputs, found))
    nearest = (ours @ clean.T).amax(1)
    return nearest < nearest.median()


def _unlearnt(classes: Tensor, odd: Tensor) -> Tensor:
    """Keep the classes of what looks normal; what is odd becomes anything with equal chance."""
    return torch.where(odd[:, None], torch.full_like(classes, -float(torch.tensor(classes.shape[1]).log())), classes)


@dataclass(frozen=True, kw_only=True)
class Reshape:
    """Move boundaries by opposed inputs with true labels, and the last layer away from the old (reconstruction).

    Attributes
    ----------
    n : int
        True labels.
    adversarial : float
        See :class:`watermarking.ownership.classifiers.tasks.course.Course`.
    apart : float
        Weight of the cosine between the new last layer and the stolen one.
    epochs : int
    rate : float
    """

    id: ClassVar[str] = "reshape"
    steals: ClassVar[bool] = False
    n: int = 5000
    adversarial: float = 0.03
    apart: float = 0.2
    epochs: int = 10
    rate: float = 1e-3

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Train each stolen model; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        before = needed(stolen, thieves).stack.to(thieves.engine.place)
        old = functional.normalize(before.parameters["head.weight"].flatten(1))

        def penalty(parameters: dict[str, Tensor]) -> Tensor:
            return self.apart * (functional.normalize(parameters["head.weight"].flatten(1)) * old).sum(1)

        inputs, labels = loot.labelled(self.n)
        course = Course(
            epochs=self.epochs, rate=self.rate, true=1.0, adversarial=self.adversarial, flips=loot.flips
        )  # fmt: skip
        stack = train_stack(
            with_new_heads(before, thieves), Lesson(inputs[None], labels=labels[None]), course, seeds=thieves.seeds,
            engine=thieves.engine, penalty=penalty,
        )  # fmt: skip
        return Suspects(stacks=(stack,))
