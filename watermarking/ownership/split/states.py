"""Where a process stands: its network, its optimiser and its round, on disk as safetensors and JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from watermarking.ownership.split.descent import Sgd

__all__ = ["Keeper", "pack", "unpack"]

_FORMAT: Final = 1
_KEPT: Final = 2
"""Checkpoints that are kept: a process may have died before its round's was written, while others had theirs."""


def pack(module: nn.Module) -> Tensor:
    """Return all floating-point weights and buffers as one vector (n,) float32."""
    found = [one.detach().reshape(-1).float() for one in module.state_dict().values() if one.is_floating_point()]
    return torch.cat(found).cpu() if found else torch.zeros(0)


def unpack(vector: Tensor, module: nn.Module) -> None:
    """Put what :func:`pack` returned into a module."""
    at = 0
    with torch.no_grad():
        for one in module.state_dict().values():
            if one.is_floating_point():
                one.copy_(vector[at : at + one.numel()].view_as(one))
                at += one.numel()


@dataclass(frozen=True)
class Keeper:
    """Writes and reads the checkpoints of one process.

    Attributes
    ----------
    folder : Path
    settings : dict, what a checkpoint must agree with
    """

    folder: Path
    settings: dict[str, Any]

    def save(self, number: int, module: nn.Module, optimiser: Sgd, **said: Any) -> None:
        """Write a checkpoint of a round: the state last, so that one with a state is whole."""
        tensors = {f"model.{name}": one.detach().cpu().contiguous() for name, one in module.state_dict().items()}
        for i, momentum in enumerate(optimiser.momenta):
            if momentum is not None:
                tensors[f"momentum.{i}"] = momentum.detach().cpu().contiguous()
        content = safetensors.torch.save(tensors)
        state = {"format": _FORMAT, "round": number, "settings": self.settings, **said}
        text = json.dumps(state, indent=1).encode()
        write_whole(self.folder / f"{number:08d}.safetensors", lambda stream: stream.write(content))
        write_whole(self.folder / f"{number:08d}.json", lambda stream: stream.write(text))
        there = self.rounds()
        later = [one for one in there if one > number]  # of a run that began anew: they lead nowhere from here
        for old in [*later, *[one for one in there if one <= number][:-_KEPT]]:
            for suffix in ("json", "safetensors"):
                (self.folder / f"{old:08d}.{suffix}").unlink(missing_ok=True)

    def rounds(self) -> list[int]:
        """Return the rounds there are checkpoints of, the last one last."""
        return sorted(int(path.stem) for path in self.folder.glob("*.json") if path.stem.isdecimal())

    def load(self, number: int, module: nn.Module, optimiser: Sgd) -> dict[str, Any]:
        """Put a checkpoint into a network and its optimiser; return what was said with it.

        Raises
        ------
        FileFormatError
            If it is damaged, of another network, or of a run with other settings.
        """
        place = self.folder / f"{number:08d}.safetensors"
        try:
            state = json.loads((self.folder / f"{number:08d}.json").read_text("utf-8"))
            tensors = safetensors.torch.load(place.read_bytes())
            before, n = state["settings"], int(state["round"])
            if state["format"] != _FORMAT or n != number or not isinstance(before, dict):
                raise ValueError(f"format {state['format']}, round {n}")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise FileFormatError(
                f"the checkpoint {place} cannot be read ({error}): remove it, and the one before is taken"
            ) from error
        differs = [name for name, value in self.settings.items() if before.get(name) != value]
        if differs:
            told = ", ".join(f"{name} {before.get(name)!r}, now {self.settings[name]!r}" for name in differs)
            raise FileFormatError(
                f"{self.folder} holds a training with other settings ({told}): give the same ones, or another folder"
            )
        self._restore(place, tensors, module, optimiser)
        return dict(state)

    @staticmethod
    def _restore(
        place: Path, tensors: dict[str, Tensor], module: nn.Module, optimiser: Sgd
    ) -> None:
        model = {name.removeprefix("model."): one for name, one in tensors.items() if name.startswith("model.")}
        try:
            module.load_state_dict(model)
        except RuntimeError as error:
            first = str(error).strip().splitlines()[-1].strip()
            raise FileFormatError(f"the checkpoint {place} is of another network: {first}") from error
        optimiser.momenta = [tensors.get(f"momentum.{i}") for i in range(len(optimiser.parameters))]
