"""Several networks of one architecture as one: their weights lie one behind the other."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Stack", "scaled"]


class Stack:
    """k networks of one architecture.

    Parameters
    ----------
    template : Module
        The architecture; its own weights are not used.
    parameters, buffers : dict of Tensor (k, ...)
    """

    def __init__(self, template: nn.Module, parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> None:
        self.template, self.parameters, self.buffers = template, parameters, buffers
        self._in_use: object = None

    @classmethod
    def of(cls, modules: Sequence[nn.Module]) -> Stack:
        """Put copies of modules together.

        Raises
        ------
        WatermarkError
            If there is none, or they are not of one architecture.
        """
        if not modules:
            raise WatermarkError("no network is nothing to stack: give one or more")
        ours = [{name: tuple(value.shape) for name, value in one.state_dict().items()} for one in modules]
        if any(one != ours[0] for one in ours):
            raise WatermarkError("the networks are not of one architecture: stack those of one kind and shape")
        states = [one.state_dict() for one in modules]
        stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
        weights = {name for name, _ in modules[0].named_parameters()}
        parameters = {name: value for name, value in stacked.items() if name in weights}
        buffers = {name: value for name, value in stacked.items() if name not in weights}
        return cls(copy.deepcopy(modules[0]), parameters, buffers)

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(iter(self.parameters.values())).device

    def to(self, device: torch.device | str) -> Stack:
        """Return the stack on a device; itself if it is there."""
        template = copy.deepcopy(self.template).to(device)
        parts = ({n: t.to(device) for n, t in part.items()} for part in (self.parameters, self.buffers))
        return Stack(template, *parts)

    def clone(self) -> Stack:
        """Return a stack that shares nothing with this one."""
        parts = ({n: t.detach().clone() for n, t in part.items()} for part in (self.parameters, self.buffers))
        return Stack(copy.deepcopy(self.template), *parts)

    def take(self, places: Sequence[int]) -> Stack:
        """Return copies of some of the networks; one may be taken several times."""
        chosen = list(places)
        parts = ({n: t.detach()[chosen].clone() for n, t in part.items()} for part in (self.parameters, self.buffers))
        return Stack(copy.deepcopy(self.template), *parts)

    def module(self, i: int) -> nn.Module:
        """Return one network as a module of its own, in evaluation mode."""
        module = copy.deepcopy(self.template)
        with torch.no_grad():
            for ours, theirs in ((self.parameters, module.named_parameters()), (self.buffers, module.named_buffers())):
                for name, value in theirs:
                    value.copy_(ours[name][i])
        return module.eval()

    def forward(self, x: Tensor, *, stacked: bool = False, streams: Sequence[torch.cuda.Stream] = ()) -> Tensor:
        """Return the logits (k, n, n_classes) of inputs (k, n, ...), in the template's mode.

        Parameters
        ----------
        x : Tensor (k, n, ...)
        stacked : bool
            One call for all (grouped convolutions, batched products) instead of one after the other.
        streams : sequence of Stream
            Where a GPU runs those that come one after the other: side by side.
        """
        if stacked:
            found: Tensor = vmap(self._call)(self.parameters, self.buffers, x)
            return found
        weights = {name: value.unbind(0) for name, value in self.parameters.items()}
        # Buffers as views, not unbound: normalisation writes its running means into them.
        calls = [
            ({n: w[i] for n, w in weights.items()}, {n: b[i] for n, b in self.buffers.items()}, x[i])
            for i in range(len(self))
        ]
        if x.ndim == 5:
            calls = [(w, b, one.contiguous(memory_format=torch.channels_last)) for w, b, one in calls]
        if not streams:
            return torch.stack([self._call(*call) for call in calls])
        # Until the next step: freed in the backward pass, their memory could be written to by one stream before another
        # has read it.
        self._in_use = calls
        return _side_by_side(self._call, calls, streams)

    def _call(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        found: Tensor = functional_call(self.template, (parameters, buffers), (x,))
        return found

    def answer(self, inputs: Tensor, *, batch: int = 2000) -> Tensor:
        """Ask all of them the same; return log-probabilities (k, n, n_classes), float32.

        Parameters
        ----------
        inputs : Tensor (n, ...)
            uint8 pictures, or features.
        """
        self.template.eval()
        found = []
        with torch.no_grad():
            for part in torch.split(inputs, batch):
                x = scaled(part.to(self.device))
                logits = self.forward(x.expand(len(self), *x.shape))
                found.append(torch.log_softmax(logits.float(), -1))
        return torch.cat(found, 1)


def scaled(inputs: Tensor) -> Tensor:
    """Return pictures of bytes in [0, 1]; features stay as they are."""
    return inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs


def _side_by_side(
    call: Callable[..., Tensor],
    calls: Sequence[tuple[dict[str, Tensor], dict[str, Tensor], Tensor]],
    streams: Sequence[torch.cuda.Stream],
) -> Tensor:
    """Run calls on several streams of a GPU; they start after, and end before, what the current stream does."""
    main = torch.cuda.current_stream()
    for stream in streams:
        stream.wait_stream(main)
    found = []
    for i, arguments in enumerate(calls):
        with torch.cuda.stream(streams[i % len(streams)]):
            found.append(call(*arguments))
    for stream in streams:
        main.wait_stream(stream)
    return torch.stack(found)
