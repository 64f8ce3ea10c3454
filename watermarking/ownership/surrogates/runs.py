"""The state of a surrogate's training, and its checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import torch

from watermarking.deep.tensors import read_metadata, read_tensors, write_tensors
from watermarking.deep.training.checkpoint import pack, unpack
from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

    from watermarking.ownership.surrogates.networks import Surrogate
    from watermarking.ownership.surrogates.thief import Pictures

__all__ = ["Run", "digest", "has_bf16_units", "load_run", "save_run"]

_WARM_UP: Final = 100  # steps


class Resumable(Protocol):
    """Any training that can be gone on with: its networks, its optimisers, and what makes it this one."""

    @property
    def modules(self) -> Mapping[str, nn.Module]: ...  # said above

    @property
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]: ...

    @property
    def about(self) -> Mapping[str, Any]: ...


class Run:
    """Networks and optimisers of one training, with what makes it this one.

    Parameters
    ----------
    model : Surrogate
    critic : Module or None
    device : torch.device
        Where both are.
    loss : str
    seed, steps : int
    rate : float
        Adam's rate at the start.
    about : dict
        What else makes it this run.
    """

    def __init__(
        self,
        model: Surrogate,
        critic: nn.Module | None,
        *,
        device: torch.device,
        loss: str,
        seed: int,
        steps: int,
        rate: float,
        about: dict[str, str],
    ) -> None:
        self.model, self.critic, self.loss, self.seed, self.steps, self.rate = model, critic, loss, seed, steps, rate
        self.about: dict[str, Any] = {"loss": loss, "seed": seed, "steps": steps, **about}
        self.optimiser = _adam(model, rate, (0.9, 0.99), device)
        self.critic_optimiser: torch.optim.Optimizer | None = None
        if critic is not None:
            self.critic_optimiser = _adam(critic, rate / 4, (0.5, 0.99), device)

    def set_rates(self, step: int) -> None:
        """Set the rate of a step, from 0: up in a line, then half a cosine down to a hundredth."""
        share = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        share *= min(1.0, (step + 1) / min(_WARM_UP, max(1, self.steps // 5)))
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(self.rate * share)
            else:
                group["lr"] = self.rate * share

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All networks by name."""
        return {"model": self.model} | ({} if self.critic is None else {"critic": self.critic})

    @property
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """All optimisers by the name of their network."""
        return {"model": self.optimiser} | ({} if self.critic_optimiser is None else {"critic": self.critic_optimiser})


def _adam(network: nn.Module, rate: float, betas: tuple[float, float], device: torch.device) -> torch.optim.Optimizer:
    """Return Adam; on a GPU with a rate that a recording reads anew at each step."""
    if device.type == "cpu":
        return torch.optim.Adam(network.parameters(), lr=rate, betas=betas)
    changing = torch.tensor(rate, device=device)
    return torch.optim.Adam(network.parameters(), lr=changing, betas=betas, capturable=True)


@lru_cache(maxsize=1)
def has_bf16_units() -> bool:
    """Say whether the processor multiplies matrices of bfloat16 (AMX); False where torch cannot tell."""
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("amx_bf16", False))


def digest(pools: list[tuple[Pictures, Pictures]]) -> str:
    """Return a hash of all pairs, so that a run does not go on with another's."""
    found = hashlib.sha256()
    for picture in (picture for pool in pools for part in pool for picture in part):
        found.update(repr(picture.shape).encode())
        found.update(np.ascontiguousarray(picture).data)
    return found.hexdigest()


def save_run(run: Resumable, path: Path, step: int) -> None:
    """Write all that going on needs."""
    about = {"step": str(step), "run": json.dumps(run.about)}
    write_tensors(path, pack(dict(run.modules), dict(run.optimisers)), about)


def load_run(run: Resumable, path: Path | None) -> int:
    """Go on from a checkpoint, if there is one; return the steps done.

    Raises
    ------
    WeightsError
        If the file is damaged or belongs to another run.
    """
    if path is None or not path.exists():
        return 0
    about, tensors = read_metadata(path), read_tensors(path)
    try:
        saved, step = json.loads(about["run"]), int(about["step"])
        said = [f"{k} is {saved.get(k)!r} there, {v!r} here" for k, v in run.about.items() if saved.get(k) != v]
    except (KeyError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} is no checkpoint of such a training: name another file") from error
    if said:
        raise WeightsError(f"{path} belongs to another run ({'; '.join(said)}): use its choices, or another file")
    unpack(tensors, dict(run.modules), dict(run.optimisers), path)
    return step
