"""Which inputs a holder takes in which step: it follows from the seed, so that a resumed training is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Batches", "checked_data", "reseed", "with_noise"]


class Batches:
    """Batches of ``n`` inputs, in an order of its own each epoch; what is left over at its end is left out.

    Examples
    --------
    >>> batches = Batches(10, 4, seed=1)
    >>> len({*batches.at(0).tolist(), *batches.at(1).tolist()})
    8
    """

    def __init__(self, n: int, size: int, seed: int) -> None:
        self.n, self.size, self.seed = n, min(n, size), seed
        self._epoch, self._order = -1, torch.zeros(0, dtype=torch.int64)

    def at(self, step: int) -> Tensor:
        """Return the places of a step's inputs, (size,) int64."""
        epoch, place = divmod(step, self.n // self.size)
        if epoch != self._epoch:
            rng = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % (1 << 62))
            self._epoch, self._order = epoch, torch.randperm(self.n, generator=rng)
        return self._order[place * self.size : (place + 1) * self.size]


def reseed(seed: int, rank: int, number: int) -> None:
    """Seed what layers draw, dropout say, by process and round."""
    torch.manual_seed((seed * 7_368_787 + rank * 1_000_003 + number) % (1 << 62))


def with_noise(activations: Tensor, noise: float) -> Tensor:
    """Return activations with noise of so many of their standard deviations added."""
    if not noise or activations.numel() < 2:
        return activations
    return activations + torch.randn_like(activations) * (noise * activations.detach().std())


def checked_data(data: tuple[Tensor, Tensor], rank: int, n_classes: int) -> tuple[Tensor, Tensor]:
    """Return a holder's inputs and labels if they can be trained with.

    Raises
    ------
    WatermarkError
        If there are none, their numbers differ, or there are other labels than classes.
    """
    inputs, labels = data
    if not len(inputs) or labels.shape != (len(inputs),):
        raise WatermarkError(
            f"holder {rank} has {len(inputs)} inputs and labels of shape {tuple(labels.shape)}: give a label for each, "
            "and at least one"
        )
    if labels.dtype != torch.int64 or not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
        raise WatermarkError(
            f"holder {rank} has labels of {labels.dtype} from {int(labels.min())} to {int(labels.max())}: whole "
            f"numbers (int64) from 0 to {n_classes - 1} are needed"
        )
    return inputs, labels
