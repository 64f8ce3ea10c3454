"""How a network is trained in parts: the job, which is code, and the settings, which are numbers."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from watermarking.errors import FileFormatError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

__all__ = ["Job", "Settings", "load_function", "load_job"]

_POSITIVE: Final = ("rounds", "batch", "average_every", "local_steps", "save_every", "least")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is trained, as every process makes it for itself.

    Attributes
    ----------
    front : callable
        Makes the first layers, the same ones each time; inputs to activations (N, *cut).
    back : callable
        Makes the rest; activations to logits (N, n_classes). The server alone calls it, and in federated averaging
        everybody.
    data : callable
        Takes the number of a holder, from 1, and how many there are; returns that one's inputs (n, ...) and labels
        (n,) int64. Only that holder calls it.
    cut : tuple of int
        Shape of the activations of one input.
    n_classes : int
    regulariser : callable, optional
        Takes the server's module and returns a scalar that is added to the loss: a fingerprint, say. It touches the
        server's weights alone.
    """

    front: Callable[[], nn.Module]
    back: Callable[[], nn.Module]
    data: Callable[[int, int], tuple[Tensor, Tensor]]
    cut: tuple[int, ...]
    n_classes: int
    regulariser: Callable[[nn.Module], Tensor] | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How it is trained; all processes must be given the same.

    Parameters
    ----------
    mode : {"split", "federated"}
        Split learning, or federated averaging of whole networks over the same processes.
    labels : {"holders", "server"}
        Who knows them. With ``"holders"`` logits go back to the holders, who work out the loss; with ``"server"``
        labels are sent along with activations, which saves a message each way.
    fronts : {"shared", "own"}
        Whether the holders average their first layers, among themselves and never through the server, or each keeps
        its own, so that nothing but activations and gradients ever crosses.
    rounds, batch : int
        Steps of the server; inputs a holder and round.
    rate, momentum, decay : float
        Of SGD.
    schedule : {"cosine", "constant"}
    noise : float
        Of a Gauss distribution that holders add to activations, in standard deviations of theirs: what leaves them
        shows less of the inputs, and trains less well.
    average_every : int
        Rounds between averages of the first layers; at 1, training is what it would be in one place.
    local_steps : int
        Of a holder, a round of federated averaging.
    save_every : int
        Rounds between checkpoints.
    least : int
        Holders that are left when it still goes on.
    timeout : float
        Seconds that anybody is waited for.
    seed : int

    Raises
    ------
    WatermarkError
        If a number or word makes no sense.
    """

    mode: Literal["split", "federated"] = "split"
    labels: Literal["holders", "server"] = "holders"
    fronts: Literal["shared", "own"] = "shared"
    rounds: int = 100
    batch: int = 32
    rate: float = 0.05
    momentum: float = 0.9
    decay: float = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"
    noise: float = 0.0
    average_every: int = 1
    local_steps: int = 10
    save_every: int = 50
    least: int = 1
    timeout: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        words = {"mode": ("split", "federated"), "labels": ("holders", "server"), "fronts": ("shared", "own"),
                 "schedule": ("cosine", "constant")}  # fmt: skip
        for name, allowed in words.items():
            if getattr(self, name) not in allowed:
                raise WatermarkError(f"{name} is {' or '.join(map(repr, allowed))}, not {getattr(self, name)!r}")
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise WatermarkError(f"{name} is {getattr(self, name)}: it is at least 1")
        if not (self.rate > 0 and 0 <= self.momentum < 1 and self.decay >= 0 and math.isfinite(self.rate)):
            raise WatermarkError(
                f"rate {self.rate:g}, momentum {self.momentum:g} and decay {self.decay:g} train nothing: the rate is "
                "above 0, momentum from 0 to below 1, decay not negative"
            )
        if not 0 <= self.noise < 1e3:
            raise WatermarkError(f"noise of {self.noise:g} standard deviations is none: give 0 to 10")
        if not 0 < self.timeout < 1e6:
            raise WatermarkError(f"nobody can be waited for {self.timeout:g} s: give 1 to 3600")

    def rate_at(self, number: int) -> float:
        """Return the learning rate of a round."""
        if self.schedule == "constant":
            return self.rate
        return self.rate * 0.5 * (1 + math.cos(math.pi * number / self.rounds))

    def description(self) -> dict[str, Any]:
        """Return it as a checkpoint says it: without what does not matter for what is trained."""
        found = dataclasses.asdict(self)
        for name in ("timeout", "save_every", "least"):
            del found[name]
        return found

    def fingerprint(self) -> int:
        """Return a number that two processes with the same settings have in common."""
        text = json.dumps(self.description(), sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def load_job(where: str) -> Job:
    """Return the job that ``module:function`` or ``file.py:function`` makes; ``?text`` at the end is its argument.

    Raises
    ------
    FileFormatError
        If there is no such module, file or function.
    WatermarkError
        If what it returns is no job.
    """
    where, _, argument = where.partition("?")
    make = load_function(where, "a job")
    job = make(argument) if argument else make()
    if not isinstance(job, Job):
        raise WatermarkError(f"{where} returned {type(job).__name__}: return a Job")
    return job


def load_function(where: str, what: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` or ``file.py:function`` names; the module's code is run.

    Raises
    ------
    FileFormatError
        If there is no such module, file or function.
    """
    place, _, name = where.rpartition(":")
    if not place or not name:
        raise FileFormatError(f"{where!r} names no {what.removeprefix('a ')}: give module:function or file.py:function")
    try:
        module = _module_of_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except (ImportError, OSError, SyntaxError, ValueError) as error:
        raise FileFormatError(f"{what} cannot be loaded from {where!r}: {error}") from error
    make: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(make):
        raise FileFormatError(f"{place} has no function {name!r} that makes {what}")
    return make


def _module_of_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"split_job_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise OSError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
