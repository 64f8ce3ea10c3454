"""One step of a surrogate's training: as it stands on a processor, recorded once and replayed on a GPU.

Thin networks make some five hundred short operations a step, and a GPU waits for each to be asked for. Recorded as a
graph they are asked for at once, which is five to ten times as fast.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from watermarking.deep.training.losses import critic_loss, deception
from watermarking.errors import WatermarkError
from watermarking.ownership.surrogates.losses import content_loss
from watermarking.ownership.surrogates.runs import has_bf16_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.ownership.surrogates.runs import Run
    from watermarking.ownership.surrogates.train import Recipe

__all__ = ["Steps"]

_WARM_UP: Final = 5
"""Steps before the recording, in which libraries choose their kernels and optimisers make their state."""
_LOOK_EVERY: Final = 50
"""Steps between two looks at the loss on a GPU: each look waits until it is done."""


class Steps:
    """Trains a run's networks batch by batch.

    Parameters
    ----------
    run : Run
    recipe : Recipe
    features : callable or None
        See :func:`watermarking.ownership.surrogates.losses.content_loss`.
    device : torch.device
    """

    def __init__(
        self, run: Run, recipe: Recipe, features: Callable[[Tensor], Tensor] | None, device: torch.device
    ) -> None:
        self._run, self._recipe, self._features, self._device = run, recipe, features, device
        self._done = 0
        self._graph: Any = None
        self._pair: tuple[Tensor, Tensor] | None = None
        self._loss = torch.empty(())

    def take(self, pair: tuple[Tensor, Tensor], step: int, *, last: bool) -> float | None:
        """Train on one batch, (N, 3, H, W) in [0, 1] each; return the loss, or None where nobody looked.

        Raises
        ------
        WatermarkError
            If the loss is no number.
        """
        self._run.set_rates(step)
        if self._device.type == "cpu":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self._run.seed + step)  # for dropout
                loss = self._learn(pair)
        else:
            loss = self._on_gpu(pair)
        if self._device.type != "cpu" and step % _LOOK_EVERY and not last:
            return None
        value = float(loss)
        if not math.isfinite(value):
            raise WatermarkError(f"the loss is {value} at step {step + 1}: use a smaller rate")
        return value

    def _on_gpu(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        """Copy a batch to where the recording reads it, and learn it: by hand at first, from the recording later."""
        if self._pair is None:
            image, target = (torch.empty_like(one, device=self._device) for one in pair)
            self._pair = image, target
        for place, tensor in zip(self._pair, pair, strict=True):
            place.copy_(tensor, non_blocking=True)
        if self._done < _WARM_UP:
            self._done += 1
            beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's own is not typed
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                loss = self._learn(self._pair)
            torch.cuda.current_stream().wait_stream(beside)
            return loss
        if self._graph is None:
            for optimiser in self._run.optimisers.values():
                optimiser.zero_grad(set_to_none=True)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._loss = self._learn(self._pair)
        self._graph.replay()
        return self._loss

    def _learn(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        """Train the critic, if any, and the network on one batch; return the loss."""
        (image, target), run, recipe = pair, self._run, self._recipe
        on_cpu = self._device.type == "cpu"
        halved = (on_cpu and has_bf16_units()) if recipe.bf16 is None else recipe.bf16

        def half(network: Callable[[Tensor], Tensor], given: Tensor) -> Tensor:
            with torch.autocast(self._device.type, torch.bfloat16, enabled=halved):
                return network(given).float()

        out = half(run.model, image)
        features = functools.partial(half, self._features) if self._features else None
        total = content_loss(run.loss, out, target, features)
        if run.critic is not None and run.critic_optimiser is not None:
            loss = critic_loss(run.critic(target), run.critic(out.detach()))
            _descend(run.critic_optimiser, loss)
            total = total + recipe.adversarial * deception(run.critic(out))
        _descend(run.optimiser, total, run.model)
        return total.detach()


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor, clipped: nn.Module | None = None) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own is not typed
    if clipped is not None:
        nn.utils.clip_grad_norm_(clipped.parameters(), 1.0)
    optimiser.step()
