"""Batches for many networks at once, drawn and changed on the device where they are used."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Draws", "moved"]


class Draws:
    """Which inputs come in which order, and how each is mirrored and moved, for one epoch of k networks.

    Every network has randomness of its own, which follows from its seed and the epoch: it does not matter what it is
    trained beside, or whether its training was interrupted. The tensors stay where they are from epoch to epoch.

    Parameters
    ----------
    seeds : sequence of int
        One a network.
    n, used : int
        Inputs, and how many of them an epoch uses.
    shift : int
        Pixels.
    """

    def __init__(self, seeds: list[int], n: int, used: int, shift: int, device: torch.device) -> None:
        self.seeds, self.n, self.shift = seeds, n, shift
        k = len(seeds)
        self.order = torch.zeros((k, used), dtype=torch.int64, device=device)
        self.mirrored = torch.zeros((k, used), dtype=torch.bool, device=device)
        self.moves = torch.zeros((2, k, used), dtype=torch.int64, device=device)

    def draw(self, epoch: int) -> None:
        """Draw what an epoch uses."""
        device, used = self.order.device, self.order.shape[1]
        for i, seed in enumerate(self.seeds):
            rng = torch.Generator(device).manual_seed(1_000_003 * seed + epoch)
            self.order[i] = torch.randperm(self.n, generator=rng, device=device)[:used]
            self.mirrored[i] = torch.rand(used, generator=rng, device=device) < 0.5
            if self.shift:
                self.moves[:, i] = torch.randint(
                    -self.shift, self.shift + 1, (2, used), generator=rng, device=device
                )  # fmt: skip


def moved(pictures: Tensor, mirrored: Tensor | None, moves: Tensor | None) -> Tensor:
    """Mirror and move pictures; what comes in at an edge repeats it.

    Parameters
    ----------
    pictures : Tensor (k, n, channels, H, W)
    mirrored : Tensor (k, n) bool, optional
    moves : Tensor (2, k, n) int64, optional
        Pixels down and to the right.
    """
    if mirrored is None and moves is None:
        return pictures
    height, width = pictures.shape[-2:]
    rows = torch.arange(height, device=pictures.device)[:, None]
    columns = torch.arange(width, device=pictures.device)[None, :].expand(*pictures.shape[:2], 1, width)
    if mirrored is not None:
        columns = torch.where(mirrored[..., None, None], width - 1 - columns, columns)
    if moves is not None:
        down, right = moves[..., None, None]
        rows, columns = (rows - down).clamp(0, height - 1), (columns - right).clamp(0, width - 1)
    places = (rows * width + columns).flatten(-2)[:, :, None]
    flat = pictures.flatten(-2)
    return flat.gather(-1, places.expand(flat.shape)).view(pictures.shape)
