"""What a classifier is trained on, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Course", "Lesson"]

_WARM_UP: Final = 100  # steps
_LAST: Final = 0.01  # of the rate


@dataclass(frozen=True, kw_only=True)
class Course:
    """How classifiers are trained.

    Attributes
    ----------
    epochs, batch : int
    rate : float
        Adam's at the start; it rises over the first steps and falls along half a cosine to a hundredth.
    decay : float
        Weight decay, decoupled.
    temperature : float
        Answers and logits are softened by it; the loss is multiplied by its square (Hinton, Vinyals and Dean, 2015).
    true : float
        Weight of the labels beside the answers, 0 to 1.
    smoothing : float
        Share of a label that is spread over all classes.
    flips : bool
        Mirror half of the pictures.
    shift : int
        Move pictures by up to so many pixels.
    adversarial : float
        Change inputs by so much, of 1 for white, along the sign of the loss's gradient (Goodfellow, Shlens and
        Szegedy, 2015) before training on them.
    layers : {"all", "last"}
        What is trained. With ``"last"``, normalisation keeps its statistics.

    Raises
    ------
    WatermarkError
        If a choice is out of its range.
    """

    epochs: int = 10
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.0
    temperature: float = 1.0
    true: float = 0.0
    smoothing: float = 0.0
    flips: bool = False
    shift: int = 0
    adversarial: float = 0.0
    layers: str = "all"

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.epochs < 1 or self.batch < 2:
            raise WatermarkError(f"{self.epochs} epochs in batches of {self.batch} teach nothing: give 1 and 2 or more")
        for name, low, high in (
            ("rate", 1e-8, 1), ("decay", 0, 1), ("temperature", 0.1, 100), ("true", 0, 1), ("smoothing", 0, 0.9),
            ("shift", 0, 16), ("adversarial", 0, 0.5),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise WatermarkError(f"{name}={getattr(self, name):g} is out of range: give {low:g} to {high:g}")
        if self.layers not in ("all", "last"):
            raise WatermarkError(f"there are no layers {self.layers!r}: train 'all' or 'last'")

    def rates(self, steps: int) -> list[float]:
        """Return the rate of every step."""
        warm = min(_WARM_UP, max(1, steps // 5))
        falls = (_LAST + (1 - _LAST) * 0.5 * (1 + math.cos(math.pi * step / steps)) for step in range(steps))
        return [self.rate * share * min(1.0, (step + 1) / warm) for step, share in enumerate(falls)]


@dataclass(frozen=True, eq=False)
class Lesson:
    """Inputs, and what they are to be answered with.

    Attributes
    ----------
    inputs : Tensor (s, n, ...)
        uint8 pictures (channels, H, W) or float features; s sets of n.
    answers : Tensor (t, n, n_classes) or None
        Log-probabilities to imitate.
    labels : Tensor (u, n) int64 or None
    """

    inputs: Tensor
    answers: Tensor | None = None
    labels: Tensor | None = None

    def check(self, course: Course, n_classes: int) -> None:
        """Refuse a lesson that a course cannot be held with.

        Raises
        ------
        WatermarkError
            It names what is missing or does not fit.
        """
        n = self.inputs.shape[1] if self.inputs.ndim > 2 else 0
        if n < 2:
            raise WatermarkError(f"inputs of shape {tuple(self.inputs.shape)} teach nothing: give (sets, n, ...)")
        for name, found, weight in (("answers", self.answers, 1 - course.true), ("labels", self.labels, course.true)):
            if weight and found is None:
                raise WatermarkError(f"the course gives {name} a weight of {weight:g}, there are none: give them")
        if self.answers is not None and self.answers.shape[1:] != (n, n_classes):
            raise WatermarkError(
                f"answers of shape {tuple(self.answers.shape)} do not go with {n} inputs and {n_classes} classes"
            )
        if self.answers is not None and not bool(torch.isfinite(self.answers).all()):
            raise WatermarkError("the answers are not all finite: give log-probabilities, none of them zero or NaN")
        if self.labels is not None and self.labels.shape[1:] != (n,):
            raise WatermarkError(f"labels of shape {tuple(self.labels.shape)} do not go with {n} inputs")

    def to(self, device: torch.device) -> Lesson:
        """Return the lesson on a device."""
        moved = (None if one is None else one.to(device) for one in (self.answers, self.labels))
        return Lesson(self.inputs.to(device), *moved)


def rows_of(chosen: Sequence[int] | None, n_sets: int, k: int, device: torch.device, what: str) -> Tensor:
    """Return which of some sets each of k networks uses: a choice, or one for all, or one each.

    Raises
    ------
    WatermarkError
        If it cannot be told, or there is no such set.
    """
    if chosen is None:
        if n_sets not in (1, k):
            raise WatermarkError(f"{n_sets} sets of {what} for {k} networks: say which network has which")
        chosen = [0] * k if n_sets == 1 else range(k)
    if len(chosen) != k or not all(0 <= row < n_sets for row in chosen):
        raise WatermarkError(f"{k} networks cannot use the sets {list(chosen)} of {what}: there are {n_sets}")
    return torch.tensor(list(chosen), dtype=torch.int64, device=device)
