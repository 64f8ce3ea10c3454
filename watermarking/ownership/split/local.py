"""The two halves of federated averaging: steps on a holder's own data, and what the server does to the average."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor, nn

    from watermarking.ownership.split.batches import Batches
    from watermarking.ownership.split.descent import Sgd
    from watermarking.ownership.split.settings import Job, Settings

__all__ = ["local_steps", "regularise"]


def local_steps(
    net: nn.Module, optimiser: Sgd, data: tuple[Tensor, Tensor], batches: Batches, settings: Settings, number: int
) -> float:
    """Train a whole network for a round of federated averaging; return the mean loss."""
    optimiser.forget()  # momentum of other weights
    optimiser.rate = settings.rate_at(number)
    net.train()
    losses = []
    for step in range(settings.local_steps):
        chosen = batches.at(number * settings.local_steps + step)
        loss = functional.cross_entropy(net(data[0][chosen]), data[1][chosen])
        optimiser.descend([loss])
        losses.append(float(loss.detach()))
    return sum(losses) / len(losses)


def regularise(job: Job, back: nn.Module, optimiser: Sgd, settings: Settings) -> None:
    """Take as many steps on the regulariser alone as holders took on their data: on the server's layers, no others."""
    if job.regulariser is not None:
        for _ in range(settings.local_steps):
            optimiser.descend([job.regulariser(back)])
