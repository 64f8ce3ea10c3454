"""Checkpoints of a training run: all that continuing it needs, and which run it is."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from watermarking.deep.tensors import first_mismatch, read_metadata, read_tensors, write_tensors
from watermarking.deep.training.config import TrainConfig, differences, load_config
from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Origin", "fill", "load_checkpoint", "pack", "read_averages", "save_checkpoint", "unpack"]


@dataclass(frozen=True, eq=False)
class Origin:
    """The run that a checkpoint comes from.

    Attributes
    ----------
    config : TrainConfig
    logo : Tensor (side, side, 3) uint8 or None
        What ``payload = "fixed"`` hides, as the networks saw it.
    """

    config: TrainConfig
    logo: Tensor | None = None

    def refuse_other(self, other: Origin, path: Path) -> None:
        """Raise an error where another run would not be this one going on; ``path`` is this one's checkpoint.

        What is learnt must be the same: networks, payload, logo. Rates, weights of losses and steps may change.

        Raises
        ------
        WeightsError
            It says what differs.
        """
        bound = {"payload", "blank"}
        if self.config.payload == "fixed":
            bound.add("tile")
        if other.config.losses.adversarial:
            bound.add("critic_width" if self.config.losses.adversarial else "losses.adversarial")
        found = differences(self.config, other.config)
        said = [f"{k} is {a!r} there, {b!r} here" for k, (a, b) in found.items() if k in bound or k.startswith("net.")]
        if not said and self.logo is not None and other.logo is not None and not torch.equal(self.logo, other.logo):
            said = [f"its logo is another picture: {_source(self.config)} there, {_source(other.config)} here"]
        if said:
            raise WeightsError(
                f"{path} belongs to another run ({'; '.join(said)}): use the configuration that it was made with, or "
                "another folder"
            )


def _source(config: TrainConfig) -> str:
    return config.logo or "the built-in logo"


def save_checkpoint(
    path: Path,
    modules: dict[str, nn.Module],
    averages: dict[str, Tensor],
    optimisers: dict[str, torch.optim.Optimizer],
    step: int,
    origin: Origin,
) -> None:
    """Write everything that continuing a run needs."""
    tensors = {f"average/{name}": value.clone() for name, value in averages.items()} | pack(modules, optimisers)
    if origin.logo is not None:
        tensors["logo"] = origin.logo
    about = {
        "step": str(step),
        "config": json.dumps(dataclasses.asdict(origin.config)),
        "config_sha256": origin.config.sha256,
    }
    write_tensors(path, tensors, about)


def pack(modules: dict[str, nn.Module], optimisers: dict[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Return copies of all that networks and their optimisers hold, by name."""
    tensors: dict[str, Tensor] = {}
    for kind, module in modules.items():
        tensors |= {f"module/{kind}/{name}": value for name, value in module.state_dict().items()}
    for kind, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{kind}/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    # Shared storage is refused by safetensors, hence the copies.
    return {name: value.clone() for name, value in tensors.items()}


def unpack(
    tensors: dict[str, Tensor], modules: dict[str, nn.Module], optimisers: dict[str, torch.optim.Optimizer], path: Path
) -> None:
    """Put what :func:`pack` made back; ``path`` is where it was read.

    Raises
    ------
    WeightsError
        If it belongs to other networks.
    """
    for kind, module in modules.items():
        prefix = f"module/{kind}/"
        own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        fill(module, own, path)
    for kind, optimiser in optimisers.items():
        saved: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            parts = name.split("/")
            if parts[0] == "optimiser" and parts[1] == kind:
                saved.setdefault(int(parts[2]), {})[parts[3]] = value
        optimiser.load_state_dict({"state": saved, "param_groups": optimiser.state_dict()["param_groups"]})


def read_averages(path: Path) -> tuple[dict[str, Tensor], Origin | None]:
    """Return a checkpoint's averaged weights and the run that it comes from, None if it does not say.

    Raises
    ------
    WeightsError
        If the file is no checkpoint, or its configuration is none that this version knows.
    """
    tensors, _, origin = _read(path)
    prefix = "average/"
    averages = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    if not averages:
        raise WeightsError(f"{path} is no checkpoint of a training run: name its checkpoint.safetensors")
    return averages, origin


def _read(path: Path) -> tuple[dict[str, Tensor], int, Origin | None]:
    """Return a checkpoint's tensors, its step and its run; checkpoints of earlier versions do not say which it is."""
    tensors, about = read_tensors(path), read_metadata(path)
    try:
        step, origin = int(about.get("step", "0")), None
        if "config" in about:
            origin = Origin(load_config(json.loads(about["config"])), tensors.get("logo"))
    except (ValueError, TypeError, WeightsError) as error:
        raise WeightsError(f"{path} says of itself what this version does not know: {error}") from error
    return tensors, step, origin


def fill(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Give a module the weights that a checkpoint has for it.

    Raises
    ------
    WeightsError
        If they do not fit.
    """
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(
            f"{path} belongs to other networks ({first_mismatch(error)}): use the configuration that it was made with"
        ) from error


def load_checkpoint(
    path: Path,
    modules: dict[str, nn.Module],
    averages: dict[str, Tensor],
    optimisers: dict[str, torch.optim.Optimizer],
    origin: Origin | None = None,
) -> tuple[int, Origin | None]:
    """Put a checkpoint back into the objects it was taken from; return its step and its run, None if it does not say.

    Raises
    ------
    WeightsError
        If the file is no checkpoint, holds other networks, or is not of the run ``origin`` where that is given.
    """
    tensors, step, saved_by = _read(path)
    if origin is not None and saved_by is not None:
        saved_by.refuse_other(origin, path)
    unpack(tensors, modules, optimisers, path)
    for name, value in averages.items():
        if f"average/{name}" not in tensors:
            raise WeightsError(f"{path} lacks the averaged weights of {name}: it is no checkpoint of a training run")
        value.copy_(tensors[f"average/{name}"])
    return step, saved_by
