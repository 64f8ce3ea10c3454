"""What is done to answered probabilities: by who answers, to give less away, or by a thief, to lose a mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from watermarking.errors import WatermarkError

__all__ = ["LEAST", "Changes", "class_floors", "without_floors"]

LEAST: Final = 1e-7
"""What stands for a probability of zero, whose logarithm nobody can learn."""
_FLOOR_SHARE: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Changes of probabilities, done in the order of the attributes.

    Attributes
    ----------
    top : int or None
        Only so many highest are given; what is left of 1 is spread evenly over the others.
    below : float
        Probabilities below it become zero.
    decimals : int or None
        They are rounded to so many.
    power : float
        They are raised to it.
    smoothing : float
        Share that is spread evenly over all classes.

    After each, rows sum to one again. A row of which nothing is left becomes its highest class.

    Raises
    ------
    WatermarkError
        If a choice is out of its range.
    """

    top: int | None = None
    below: float = 0.0
    decimals: int | None = None
    power: float = 1.0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, low, high in (
            ("top", 1, 1_000_000), ("below", 0, 0.5), ("decimals", 1, 12), ("power", 0.05, 20), ("smoothing", 0, 0.95)
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise WatermarkError(f"{name}={value:g} is out of range: give {low:g} to {high:g}")

    @property
    def any(self) -> bool:
        """Say whether anything is changed."""
        return self != Changes()

    def apply(self, answers: Tensor) -> Tensor:
        """Return changed log-probabilities, in the shape (..., n_classes) of those given."""
        if not self.any:
            return answers
        p = answers.exp()
        best = torch.zeros_like(p).scatter_(-1, p.argmax(-1, keepdim=True), 1.0)
        if self.top is not None and self.top < p.shape[-1]:
            kept = torch.zeros_like(p, dtype=torch.bool).scatter_(-1, p.topk(self.top, -1).indices, True)
            rest = (1 - (p * kept).sum(-1, keepdim=True)).clamp(min=0) / (p.shape[-1] - self.top)
            p = torch.where(kept, p, rest)
        if self.below:
            p = _normal(torch.where(p < self.below, torch.zeros_like(p), p), best)
        if self.decimals is not None:
            p = _normal((p * 10**self.decimals).round() / 10**self.decimals, best)
        if self.power != 1:
            p = _normal(p**self.power, best)
        p = (1 - self.smoothing) * p + self.smoothing / p.shape[-1]
        return _normal(p.clamp(min=LEAST), best).log()


def _normal(p: Tensor, best: Tensor) -> Tensor:
    total = p.sum(-1, keepdim=True)
    return torch.where(total > 0, p / total.clamp(min=1e-30), best)


def class_floors(answers: Tensor) -> Tensor:
    """Return what a mark's floor looks like to a thief: what answers of one class hardly ever fall below.

    Parameters
    ----------
    answers : Tensor (k, n, n_classes)
        Log-probabilities.

    Returns
    -------
    Tensor (k, n_classes, n_classes)
        By the highest class, then by class: the 5 % quantile. Zero where a class was never the highest.
    """
    k, _, n_classes = answers.shape
    floors = torch.zeros((k, n_classes, n_classes), device=answers.device)
    for i in range(k):
        highest = answers[i].argmax(-1)
        for y in range(n_classes):
            mine = answers[i][highest == y]
            if len(mine):
                floors[i, y] = mine.exp().quantile(_FLOOR_SHARE, dim=0)
    return floors


def without_floors(answers: Tensor, floors: Tensor) -> Tensor:
    """Return answers (k, n, n_classes) with the floor of each row's class taken off, but for the highest."""
    highest = answers.argmax(-1, keepdim=True)
    p = answers.exp()
    taken = torch.stack([floor[rows[:, 0]] for floor, rows in zip(floors, highest, strict=True)])
    left = (p - taken.scatter(-1, highest, 0.0)).clamp(min=LEAST)
    return (left / left.sum(-1, keepdim=True)).log()
