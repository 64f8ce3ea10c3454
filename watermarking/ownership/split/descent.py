"""Gradient descent with momentum. torch's own loads its compiler at the first step, seconds in every process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from watermarking.ownership.split.settings import Settings

__all__ = ["Sgd"]


class Sgd:
    """Does what :class:`torch.optim.SGD` does, without dampening and Nesterov's rule.

    Attributes
    ----------
    parameters : list of Tensor, those that are trained
    rate : float
    momenta : list of Tensor or None, in the order of the parameters
    """

    def __init__(self, module: nn.Module, settings: Settings) -> None:
        self.parameters: list[Tensor] = [one for one in module.parameters() if one.requires_grad]
        self.rate, self.momentum, self.decay = settings.rate, settings.momentum, settings.decay
        self.momenta: list[Tensor | None] = [None] * len(self.parameters)

    def forget(self) -> None:
        """Begin without momentum."""
        self.momenta = [None] * len(self.parameters)

    def descend(self, roots: list[Tensor], gradients: list[Tensor] | None = None) -> None:
        """Work out gradients from scalars, or from what their gradients are, and do a step."""
        for one in self.parameters:
            one.grad = None
        torch.autograd.backward(roots, gradients)
        with torch.no_grad():
            for i, one in enumerate(self.parameters):
                if one.grad is None:
                    continue
                change = one.grad.add(one, alpha=self.decay) if self.decay else one.grad
                if self.momentum:
                    before = self.momenta[i]
                    change = change.clone() if before is None else before.mul_(self.momentum).add_(change)
                    self.momenta[i] = change
                one.sub_(change, alpha=self.rate)
