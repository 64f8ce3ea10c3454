"""The two stages: H and R together, then R alone on a surrogate's answers [1].

The terms are the paper's, over what R measures: it should be the direction on marked answers (watermark), nothing on
inputs and unmarked answers (clean), and the same on answers that carry one direction (consistency). Two things are
added. Answers of unmarked surrogates are among the clean ones, so that R cannot take a surrogate for a mark. And R sees
imitated thefts from the start: an unmarked surrogate's answer with a part of what H would add, each dimension weakened
by chance.

References
----------
.. [1] Zhang et al., Model Watermarking for Image Processing Networks, AAAI 2020, arXiv:2002.11088.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from watermarking.deep.devices import find_device
from watermarking.deep.training.losses import consistency, perceptual
from watermarking.errors import WatermarkError
from watermarking.ownership.hidden.lessons import Batch, Lessons, disturbed, luma_of, smoothed, strength_of
from watermarking.ownership.hidden.networks import MULTIPLE, HiddenNetworks, HiddenSpec
from watermarking.ownership.surrogates.runs import load_run, save_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["TrainingChoices", "teach_reader", "train_hidden"]

_CLIP: Final = 1.0
_SHARES: Final = (0.25, 1.0)
"""How much of each dimension a surrogate learns, as far as it is imitated."""
_CONSISTENCY: Final = 0.1
_SAVE_EVERY: Final = 500
_LEAST_CROP: Final = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingChoices:
    """How a stage is trained.

    Attributes
    ----------
    steps, batch, crop : int
        An even number of pictures a step, squares of ``crop`` pixels.
    rate : float
        Adam's, at the start; it falls along half a cosine.
    seen : float
        Weight of what shows (squared error, less where contrast hides it), for H.
    imitated : float
        Weight of imitated thefts; 0 trains as the paper does.
    """

    steps: int = 4000
    batch: int = 16
    crop: int = 96
    rate: float = 2e-3
    seen: float = 0.02
    imitated: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.steps < 1 or self.batch < 2 or self.batch % 2 or self.crop < _LEAST_CROP or self.crop % MULTIPLE:
            raise WatermarkError(
                f"{self.steps} steps of {self.batch} squares of {self.crop} pixels cannot be trained on: give 1 step, "
                f"an even batch, and a multiple of {MULTIPLE} pixels from {_LEAST_CROP} on"
            )
        if not 0 < self.rate < 1:
            raise WatermarkError(f"a rate of {self.rate:g} trains nothing: give more than 0 and less than 1")


class _Stage:
    """One stage's networks, optimiser and identity, for its checkpoint."""

    def __init__(self, networks: HiddenNetworks, trained: nn.Module, choices: TrainingChoices, about: dict[str, Any]):
        self.networks, self.choices = networks, choices
        self.optimiser: torch.optim.Optimizer = torch.optim.Adam(trained.parameters(), lr=choices.rate)
        self.modules: dict[str, nn.Module] = {"networks": networks}
        self.optimisers = {"trained": self.optimiser}
        self.about = about | dataclasses.asdict(choices) | {"spec": json.dumps(dataclasses.asdict(networks.spec))}

    def set_rate(self, step: int) -> None:
        share = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.choices.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = self.choices.rate * share * min(1.0, (step + 1) / 100)


def train_hidden(
    lessons: Lessons,
    *,
    spec: HiddenSpec | None = None,
    choices: TrainingChoices | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    device: str = "cpu",
) -> HiddenNetworks:
    """Train H and R together: the initial stage.

    Parameters
    ----------
    lessons : Lessons
        Their ``stolen`` answers are not looked at.
    checkpoint : path, optional
        Written every 500 steps, and gone on from if it is there.
    progress : callable, optional
        Given the step (from 1) and the terms of the loss, every fiftieth step.
    device : str

    Raises
    ------
    WatermarkError
        If the loss is no number, the checkpoint is of another run, or torch has no such device.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = HiddenNetworks(spec or HiddenSpec())
    plain = dataclasses.replace(lessons, stolen=())
    return _carried_out(networks, networks, plain, choices or TrainingChoices(), seed, checkpoint, progress, device)


def teach_reader(
    networks: HiddenNetworks,
    lessons: Lessons,
    *,
    choices: TrainingChoices | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    device: str = "cpu",
) -> HiddenNetworks:
    """Train R further on a surrogate's answers: the adversarial stage. H stays as it is.

    Parameters
    ----------
    lessons : Lessons
        ``stolen`` holds the answers of surrogates that were trained on answers marked by this H; one is enough.

    Others are those of :func:`train_hidden`.

    Returns
    -------
    HiddenNetworks
        New ones; those given stay as they are.

    Raises
    ------
    WatermarkError
        As there, or if ``stolen`` is empty.
    """
    if not lessons.stolen:
        raise WatermarkError("the adversarial stage needs a surrogate's answers to marked queries: give stolen=...")
    taught = copy.deepcopy(networks)
    chosen = choices or TrainingChoices(steps=1500, rate=5e-4)
    return _carried_out(taught, taught.reader, lessons, chosen, seed, checkpoint, progress, device)


def _carried_out(
    networks: HiddenNetworks, trained: nn.Module, lessons: Lessons, choices: TrainingChoices, seed: int,
    checkpoint: Path | None, progress: Callable[[int, dict[str, float]], None] | None, device: str,
) -> HiddenNetworks:  # fmt: skip
    """Train a part of the networks and return them, on the processor and in evaluation mode."""
    where = find_device(device)
    about = {"seed": seed, "lessons": lessons.digest(), "start": _digest(networks)} if checkpoint else {}
    networks.to(where)
    stage = _Stage(networks, trained, choices, about)
    first = load_run(stage, checkpoint)
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        for step in range(first, choices.steps):
            torch.manual_seed(seed * 1_000_003 + step)
            rng = np.random.default_rng([seed, step])
            drawn = lessons.draw(rng, choices.batch, choices.crop, directions=networks.spec.directions).to(where)
            terms = _terms(networks, drawn, choices, hides=trained is networks)
            _descend(stage, trained, sum(terms.values(), torch.zeros((), device=where)), step)
            if progress is not None and ((step + 1) % 50 == 0 or step + 1 == choices.steps):
                progress(step + 1, {name: float(value.detach()) for name, value in terms.items()})
            if checkpoint is not None and ((step + 1) % _SAVE_EVERY == 0 or step + 1 == choices.steps):
                save_run(stage, checkpoint, step + 1)
    return networks.cpu().eval()


def _digest(networks: HiddenNetworks) -> str:
    """Return a hash of the weights that training starts from."""
    found = hashlib.sha256()
    for name, tensor in networks.state_dict().items():
        found.update(name.encode() + tensor.cpu().numpy().tobytes())
    return found.hexdigest()


def _descend(stage: _Stage, trained: nn.Module, loss: Tensor, step: int) -> None:
    stage.set_rate(step)
    stage.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own is not typed
    size = nn.utils.clip_grad_norm_(trained.parameters(), _CLIP)
    looks = (step + 1) % _SAVE_EVERY == 0 or step + 1 == stage.choices.steps
    if looks and not torch.isfinite(size):
        raise WatermarkError(f"the loss is no number at step {step + 1}: use a smaller rate")
    stage.optimiser.step()


def _terms(networks: HiddenNetworks, batch: Batch, choices: TrainingChoices, *, hides: bool) -> dict[str, Tensor]:
    """Return the weighted terms of the loss on a batch."""
    n, point = len(batch.cover), batch.direction
    size = strength_of(n, batch.cover.device)
    with torch.set_grad_enabled(hides):
        marked = batch.cover + size * _change(networks, batch.cover, point, batch.grey)
        shown = [marked]
        if choices.imitated:
            low, high = _SHARES
            shares = low + (high - low) * torch.rand_like(point)
            seen = [batch.cover, batch.surrogate, smoothed(batch.cover, 1.0)][int(torch.randint(3, ()))]
            shown.append(batch.surrogate + size * _change(networks, seen, point * shares, batch.grey))
    shown += [batch.cover, batch.query, batch.surrogate]
    if batch.stolen is not None:
        shown.append(batch.stolen)
    found = list(networks.reader(disturbed(torch.cat(shown))).split(n))
    terms = {
        "watermark": _away(found[0], point),
        "consistency": _CONSISTENCY * networks.spec.directions * consistency(_halved(found[0])),
    }
    if choices.imitated:
        terms["imitated"] = choices.imitated * _away(found[1], point)
    clean = found[1 + bool(choices.imitated) :][:3]
    terms["clean"] = sum((one.square().sum(1).mean() for one in clean), torch.zeros_like(terms["watermark"]))
    if batch.stolen_direction is not None:
        terms["stolen"] = _away(found[-1], batch.stolen_direction)
    if hides:
        psnr = -20 * torch.log10(size.reshape(n))
        terms["seen"] = choices.seen * perceptual(marked, batch.cover, psnr)
    return terms


def _change(networks: HiddenNetworks, cover: Tensor, point: Tensor, grey: Tensor) -> Tensor:
    """Return what H adds, of mean square 1; the same to all channels of a grey picture."""
    change: Tensor = networks.hider(cover, point)
    luma = luma_of(change).expand_as(change)
    luma = luma / torch.sqrt(luma.square().mean((1, 2, 3), keepdim=True) + 1e-6)
    return torch.where(grey[:, None, None, None], luma, change)


def _away(found: Tensor, point: Tensor) -> Tensor:
    return (found - point).square().sum(1).mean()


def _halved(found: Tensor) -> Tensor:
    """Return the batch with the neighbours, which share a direction, in its two halves."""
    return torch.cat([found[0::2], found[1::2]])
