"""Pruning and quantisation: models made smaller, with or without training afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import torch

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves, needed
from watermarking.ownership.classifiers.removal.tune import tuned
from watermarking.ownership.classifiers.tasks.course import Course
from watermarking.ownership.classifiers.tasks.stack import scaled

if TYPE_CHECKING:
    from torch import Tensor

    from watermarking.ownership.classifiers.tasks.stack import Stack

__all__ = ["FinePrune", "Prune", "Quantise"]

_ACTIVITY_BATCH: Final = 2000


@dataclass(frozen=True, kw_only=True)
class Prune:
    """Set a share of all weights, the smallest of each network, to zero.

    Attributes
    ----------
    share : float
        Biases and what normalises are not counted.
    epochs, n : int
        Training afterwards, on n true labels, that leaves zeros zero; 0 epochs for none.
    rate : float
    """

    id: ClassVar[str] = "prune"
    steals: ClassVar[bool] = False
    share: float = 0.5
    epochs: int = 0
    n: int = 10_000
    rate: float = 5e-4

    def __post_init__(self) -> None:
        """Check the share."""
        _refuse_share(self.share)

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Prune each stolen model; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        stack = needed(stolen, thieves).stack.clone()
        masks = _kept(stack, self.share)
        _apply_masks(stack, masks)
        if self.epochs:
            course = Course(epochs=self.epochs, rate=self.rate, true=1.0, flips=loot.flips)
            stack = tuned(stack, loot, thieves, self.n, course, masks=masks)
        return Suspects(stacks=(stack,))


@dataclass(frozen=True, kw_only=True)
class FinePrune:
    """Cut off the features that clean inputs excite least, then fine-tune (Liu, Dolan-Gavitt and Garg, 2018).

    The features are those that the last layer sees: in the residual network, its last convolution's channels.

    Attributes
    ----------
    share : float
        Of the features.
    epochs, n : int
        Training afterwards, on n true labels.
    rate : float
    """

    id: ClassVar[str] = "fine_prune"
    steals: ClassVar[bool] = False
    share: float = 0.5
    epochs: int = 3
    n: int = 10_000
    rate: float = 1e-3

    def __post_init__(self) -> None:
        """Check the share."""
        _refuse_share(self.share)

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Prune and train each stolen model; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        stack = needed(stolen, thieves).stack.clone()
        inputs, _ = loot.labelled(self.n)
        head = stack.parameters["head.weight"]
        mask = torch.ones_like(head)
        for i in range(len(stack)):
            mask[i, :, _activity(stack, i, inputs).argsort()[: int(self.share * head.shape[2])]] = 0
        _apply_masks(stack, {"head.weight": mask})
        if self.epochs:
            course = Course(epochs=self.epochs, rate=self.rate, true=1.0, flips=loot.flips)
            stack = tuned(stack, loot, thieves, self.n, course, masks={"head.weight": mask})
        return Suspects(stacks=(stack,))


@dataclass(frozen=True, kw_only=True)
class Quantise:
    """Round weights to so many bits, symmetric about zero, with one scale an output channel.

    Attributes
    ----------
    bits : int
    """

    id: ClassVar[str] = "quantise"
    steals: ClassVar[bool] = False
    bits: int = 8

    def __post_init__(self) -> None:
        """Check the bits."""
        if not 2 <= self.bits <= 16:
            raise WatermarkError(f"weights of {self.bits} bits are out of range: give 2 to 16")

    def apply(self, loot: Loot, thieves: Thieves, stolen: Suspects | None = None) -> Suspects:
        """Round each stolen model; see :class:`watermarking.ownership.classifiers.removal.loot.Removal`."""
        del loot  # nothing is trained
        stack = needed(stolen, thieves).stack.clone()
        most = 2 ** (self.bits - 1) - 1
        for name in _weights(stack):
            weight = stack.parameters[name]
            scale = weight.abs().amax(tuple(range(2, weight.ndim)), keepdim=True).clamp(min=1e-12) / most
            stack.parameters[name] = (weight / scale).round() * scale
        return Suspects(stacks=(stack,))


def _refuse_share(share: float) -> None:
    if not 0 <= share < 1:
        raise WatermarkError(f"a share of {share:g} cannot be pruned: give 0 to below 1")


def _weights(stack: Stack) -> list[str]:
    """Name the parameters that are matrices or filters."""
    return [name for name, value in stack.parameters.items() if value.ndim > 2]


def _kept(stack: Stack, share: float) -> dict[str, Tensor]:
    """Return ones where a weight is among the larger ones of its network, zeros elsewhere."""
    names = _weights(stack)
    sizes = torch.cat([stack.parameters[name].abs().flatten(1) for name in names], 1)
    n = int(share * sizes.shape[1])
    least = sizes.kthvalue(n, dim=1).values if n else torch.full((len(stack),), -1.0, device=sizes.device)
    found = {}
    for name in names:
        weight = stack.parameters[name]
        found[name] = (weight.abs() > least.view(-1, *[1] * (weight.ndim - 1))).to(weight.dtype)
    return found


def _apply_masks(stack: Stack, masks: dict[str, Tensor]) -> None:
    for name, mask in masks.items():
        stack.parameters[name] = stack.parameters[name] * mask


def _activity(stack: Stack, i: int, inputs: Tensor) -> Tensor:
    """Return the mean of each feature of a network over inputs, (features,)."""
    module = stack.module(i)
    features = getattr(module, "features", None)
    if features is None:
        raise WatermarkError("the networks do not say what their features are: give them a method 'features'")
    with torch.no_grad():
        sums = [features(scaled(part.to(stack.device))).sum(0) for part in torch.split(inputs, _ACTIVITY_BATCH)]
    return torch.stack(sums).sum(0) / len(inputs)
