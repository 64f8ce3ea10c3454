"""Checkpoints of a training run: safetensors, written atomically, nothing pickled."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["first_mismatch", "load_checkpoint", "read_tensors", "save_checkpoint", "write_tensors"]


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors to a new file and move it into place, so that a kill leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + f".{os.getpid()}.part")
    # Not save_file, which makes files that nobody but their owner can read.
    unfinished.write_bytes(save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, metadata))
    unfinished.replace(path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; refuses anything else unread.

    Raises
    ------
    WeightsError
        If the file is missing or no safetensors file; a pickle (``.pt``, ``.pth``) is named as such and not loaded.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(9)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from error
    # A safetensors file starts with a length and an opening brace; a zip or a pickle protocol mark is torch.save's.
    if head[:2] == b"PK" or head[:1] == b"\x80":
        raise WeightsError(f"{path} is a pickle, which can run code when it is loaded: only .safetensors are accepted")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise WeightsError(f"{path} is no complete safetensors file: {error}") from error
    return tensors


def first_mismatch(error: RuntimeError) -> str:
    """Shorten what torch says about tensors that do not fit to the first of them."""
    lines = [line.strip() for line in str(error).splitlines()]
    return lines[min(1, len(lines) - 1)].partition(": copying")[0].partition(",")[0]


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
