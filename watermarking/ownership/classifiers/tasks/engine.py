"""Where and how networks are trained: one after the other, or all in one, on a CPU or a GPU."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from watermarking.deep.devices import find_device
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Engine", "exact"]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Choices that change the time of a training, not what it computes, but for rounding.

    Attributes
    ----------
    device : str
        ``"cpu"``, ``"cuda"``.
    stacked : bool
        One call for all networks (grouped convolutions, batched products) instead of one after the other.
    bf16 : bool
        All but the head in bfloat16.
    graph : bool
        On a GPU: record a step once and replay it, which saves the launching of thousands of small kernels.
    streams : int
        On a GPU, for networks one after the other: so many side by side.
    """

    device: str = "cpu"
    stacked: bool = False
    bf16: bool = False
    graph: bool = True
    streams: int = 6

    def __post_init__(self) -> None:
        """Check the number of streams."""
        if not 1 <= self.streams <= 64:
            raise WatermarkError(f"{self.streams} streams are out of range: give 1 to 64")

    @cached_property
    def place(self) -> torch.device:
        """The device.

        Raises
        ------
        WatermarkError
            If this torch cannot use it.
        """
        return find_device(self.device)

    @property
    def on_gpu(self) -> bool:
        """Say whether there are streams and graphs."""
        return self.place.type == "cuda"

    @cached_property
    def side_streams(self) -> list[torch.cuda.Stream]:
        """Streams for networks that run side by side; none on a CPU, or if they run in one call."""
        if not self.on_gpu or self.stacked or self.streams == 1:
            return []
        make: Callable[[torch.device], torch.cuda.Stream] = torch.cuda.Stream
        return [make(self.place) for _ in range(self.streams)]

    def autocast(self) -> torch.autocast:
        """Return the context that a step's forward pass runs in."""
        # No cache of cast weights: a recorded step would go on with those of its first run.
        return torch.autocast(self.place.type, torch.bfloat16, enabled=self.bf16, cache_enabled=False)


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """Multiply in float32 proper, where a GPU would round to tf32: answers are compared in their last digits."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
