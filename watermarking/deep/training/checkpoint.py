"""Checkpoints of a training run: all that continuing it needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from watermarking.deep.tensors import first_mismatch, read_tensors, write_tensors
from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    path: Path,
    modules: dict[str, nn.Module],
    averages: dict[str, Tensor],
    optimisers: dict[str, torch.optim.Optimizer],
    step: int,
) -> None:
    """Write everything that continuing a run needs."""
    tensors = {f"average/{name}": value for name, value in averages.items()}
    for kind, module in modules.items():
        tensors |= {f"module/{kind}/{name}": value for name, value in module.state_dict().items()}
    for kind, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{kind}/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    # Shared storage is refused by safetensors, hence the copies.
    write_tensors(path, {name: value.clone() for name, value in tensors.items()}, {"step": json.dumps(step)})


def load_checkpoint(
    path: Path,
    modules: dict[str, nn.Module],
    averages: dict[str, Tensor],
    optimisers: dict[str, torch.optim.Optimizer],
) -> int:
    """Put a checkpoint back into the objects it was taken from; return its step."""
    from safetensors import safe_open

    tensors = read_tensors(path)
    with safe_open(path, framework="pt") as file:
        step = int(json.loads((file.metadata() or {}).get("step", "0")))
    try:
        for kind, module in modules.items():
            prefix = f"module/{kind}/"
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    except RuntimeError as error:
        raise WeightsError(
            f"{path} belongs to other networks ({first_mismatch(error)}): use the configuration that it was made with"
        ) from error
    for name, value in averages.items():
        value.copy_(tensors[f"average/{name}"])
    for kind, optimiser in optimisers.items():
        saved: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            parts = name.split("/")
            if parts[0] == "optimiser" and parts[1] == kind:
                saved.setdefault(int(parts[2]), {})[parts[3]] = value
        optimiser.load_state_dict({"state": saved, "param_groups": optimiser.state_dict()["param_groups"]})
    return step
