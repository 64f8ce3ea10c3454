"""Training of H, R and D: one step, and the loop that survives a kill."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from watermarking.deep.networks.nets import Critic
from watermarking.deep.networks.pairs import build_pair
from watermarking.deep.networks.resample import resample
from watermarking.deep.training import losses, noise, ranks
from watermarking.deep.training.checkpoint import Origin, fill, load_checkpoint, save_checkpoint
from watermarking.deep.training.config import differences
from watermarking.deep.training.strength import mark
from watermarking.deep.weights import built_in, load_weights
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.deep.training.sampling import Sample, Sampler

__all__ = ["Progress", "Trainer", "TrainingError"]


class TrainingError(WatermarkError):
    """The loss is no number any more; the message says which term, and where the last good checkpoint is."""


@dataclass(frozen=True)
class Progress:
    """What a run tells its caller every so many steps."""

    step: int
    steps: int
    terms: dict[str, float]
    seconds_per_step: float

    @property
    def seconds_left(self) -> float:
        """Estimate the time to the last step."""
        return (self.steps - self.step) * self.seconds_per_step


class Trainer:
    """A run of a configuration over photographs.

    A resumed run goes on as if it had never stopped. Under ``torchrun`` every process draws the same steps, works on
    its share of the tiles and takes the same step downhill, so that the result is that of one process but for rounding.

    Parameters
    ----------
    sampler : Sampler
        Draws the steps, from the photographs to learn from.
    folder : Path
        Where ``checkpoint.safetensors`` is read and written.

    Raises
    ------
    WatermarkError
        If the groups cannot be shared out among the processes, or the checkpoint in the folder is another run's.

    Attributes
    ----------
    changed : mapping
        Entries of the configuration that are not what the checkpoint was made with: name -> (there, here).
    """

    def __init__(self, sampler: Sampler, folder: Path) -> None:
        self.sampler, self.config, self.device, self.folder = sampler, sampler.config, sampler.device, folder
        config = self.config
        self.share = ranks.rank(), ranks.n_ranks()
        if self.share[1] > 1 and config.groups % (2 * self.share[1]):
            raise WatermarkError(
                f"{config.groups} groups cannot be shared by {self.share[1]} processes: use a multiple of "
                f"{2 * self.share[1]}, or fewer processes"
            )
        torch.manual_seed(config.seed)
        self.pair = build_pair(config.net, config.group)
        self.pair.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        if config.reader:
            self._keep_reader(config.reader)
        self.modules: dict[str, torch.nn.Module] = {"hider": self.pair.hider, "reader": self.pair.reader}
        self.parameters: list[Tensor] = list(self.pair.parameters())
        settings = {"lr": config.learning_rate, "betas": (0.9, 0.98), "fused": self.device.type == "cuda"}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "main": torch.optim.AdamW(self.parameters, weight_decay=config.weight_decay, **settings)  # type: ignore[arg-type]
        }
        self.critic: Critic | None = None
        if config.losses.adversarial:
            self.critic = Critic(config.critic_width).to(self.device)
            self.modules["critic"] = self.critic
            self.optimisers["critic"] = torch.optim.AdamW(self.critic.parameters(), **settings)  # type: ignore[arg-type]
        self.averages = {name: p.detach().clone() for name, p in self.pair.named_parameters()}
        self.step, self.origin = 0, Origin(config, sampler.logo)
        self.changed: dict[str, tuple[Any, Any]] = {}
        if self.checkpoint.exists():
            state = self.modules, self.averages, self.optimisers
            self.step, before = load_checkpoint(self.checkpoint, *state, self.origin)
            self.changed = {} if before is None else differences(before.config, config)

    def _keep_reader(self, name: str) -> None:
        """Take the R of released weights, which is not trained."""
        released = load_weights(name).pair.reader.state_dict()
        fill(self.pair.reader, released, Path(name))
        self.pair.reader.requires_grad_(False)

    @property
    def checkpoint(self) -> Path:
        """The file that the run continues from."""
        return self.folder / "checkpoint.safetensors"

    def start_from(self, source: str | Path) -> None:
        """Take over the weights of another run's checkpoint, or released ones by name or file."""
        if str(source) in built_in() or Path(source).with_suffix(".json").exists():  # a checkpoint has no card
            released = load_weights(str(source)).pair.state_dict()
            fill(self.pair, released, Path(source))
            torch._foreach_copy_(list(self.averages.values()), [p.detach() for p in self.parameters])
            return
        load_checkpoint(Path(source), self.modules, self.averages, {})

    def save(self) -> None:
        """Write the checkpoint; in a group of processes only the first one does."""
        if self.share[0] == 0:
            save_checkpoint(self.checkpoint, self.modules, self.averages, self.optimisers, self.step, self.origin)

    def terms(self, drawn: Sample) -> tuple[dict[str, Tensor], Tensor]:
        """Run H, the strength, the attack and R; return the weighted loss terms and the marked tiles."""
        config, cover = self.config, drawn.cover
        size = (config.tile, config.tile)
        work = resample(cover, size).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            residual = self.pair.hider(work, drawn.payload, drawn.pilot, drawn.psnr)
        marked = mark(self.pair, drawn, residual)
        n_clean = self.pair.n_clean(cover.shape[0]) if config.losses.clean else 0
        seeds = torch.cat([drawn.seeds[0], drawn.seeds[1, :n_clean]])
        struck = noise.strike(torch.cat([marked, cover[:n_clean]]), drawn.attack, drawn.value, seeds)
        seen = resample(struck, size).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            payload, pilot = self.pair.read(seen, torch.cat([drawn.psnr, drawn.psnr[:n_clean]]))
        n, weights = cover.shape[0], config.losses
        payload, pilot = payload.float(), pilot.float()
        found = {"watermark": weights.watermark * losses.reading(payload[:n], drawn.payload)}
        if weights.basic:
            found["basic"] = weights.basic * losses.basic(marked, cover, drawn.psnr)
        if weights.perceptual:
            strength = self.pair.strength(marked, cover, drawn.psnr)
            found["perceptual"] = weights.perceptual * self.ramp(self.step) * losses.perceptual(marked, cover, strength)
        if weights.seen or weights.peaks:
            windows = losses.windows(cover, marked, drawn.seeds[0], config.window)
            shown = losses.visible(*windows, seen=weights.seen, peaks=weights.peaks)
            found |= {name: self.ramp(self.step) * term for name, term in shown.items()}
        if weights.pilot and config.net.pilot_ratio:
            found["pilot"] = weights.pilot * losses.reading(pilot[:n], drawn.pilot)
            if n_clean:
                found["pilot"] = found["pilot"] + weights.pilot * 0.5 * losses.blankness(pilot[n:], 0.0)
        if n_clean:
            found["clean"] = weights.clean * losses.blankness(payload[n:], config.blank)
        if weights.consistency:
            found["consistency"] = weights.consistency * losses.consistency(payload[:n])
        if self.critic is not None:
            corner = marked[..., : config.tile, : config.tile]
            found["adversarial"] = weights.adversarial * losses.deception(self.critic(corner))
        return found, marked

    def _descend(self, kind: str, loss: Tensor, parameters: list[Tensor]) -> None:
        optimiser = self.optimisers[kind]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        ranks.average([p.grad for p in parameters if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in optimiser.param_groups:
            group["lr"] = self.rate(self.step)
        optimiser.step()

    def ramp(self, step: int) -> float:
        """Return how far the first, easy phase is over at a step, 0 to 1."""
        return min(1.0, step / max(1, self.config.ramp))

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: warm-up, level, then a cosine to zero."""
        config = self.config
        falling = max(1, round(config.decay * config.steps))
        share = max(0.0, (step - (config.steps - falling)) / falling)
        return config.learning_rate * min(1.0, (step + 1) / config.warm_up) * 0.5 * (1 + math.cos(math.pi * share))

    def advance(self) -> dict[str, Tensor]:
        """Take one step; return its weighted loss terms, still on the device."""
        drawn = self.sampler.draw(self.step, self.ramp(self.step), self.share)
        found, marked = self.terms(drawn)
        self._descend("main", torch.stack(list(found.values())).sum(), self.parameters)
        if self.critic is not None:
            side = self.config.tile  # a corner shows the critic as much as the whole, at a fraction of the cost
            genuine, fake = drawn.cover[..., :side, :side], marked.detach()[..., :side, :side]
            loss = losses.critic_loss(self.critic(genuine), self.critic(fake))
            self._descend("critic", loss, list(self.critic.parameters()))
            found["critic"] = loss
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.averages.values()), [p.detach() for p in self.parameters], 1 - decay)
        self.step += 1
        return {name: term.detach() for name, term in found.items()}

    def run(
        self,
        report: Callable[[Progress], None],
        seconds: float = math.inf,
        begun: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Train to the last step, or until the time is up; the checkpoint is written either way.

        Parameters
        ----------
        report : callable
            Receives the progress every ``log_every`` steps, in every process.
        seconds : float
            Counted by each process; the first whose time is up stops all.
        begun : callable
            Receives the seconds that the first step took, once it is done.

        Raises
        ------
        TrainingError
            If a term is no finite number in any process. The checkpoint of the last good steps stays.
        """
        config, began = self.config, time.monotonic()
        since, first = began, self.step
        while self.step < config.steps and not ranks.any_rank(time.monotonic() - began >= seconds, self.device):
            found = self.advance()
            if self.step == first + 1 and since == began:
                begun(time.monotonic() - began)
            saving = self.step % config.save_every == 0
            if saving or self.step % config.log_every == 0 or self.step == config.steps:
                terms = torch.stack(list(found.values()))
                ranks.average([terms])
                values = dict(zip(found, terms.tolist(), strict=True))
                self._refuse_nan(values)
                now = time.monotonic()
                report(Progress(self.step, config.steps, values, (now - since) / max(1, self.step - first)))
                since, first = now, self.step
            if saving:
                self._save_if_finite()
        self._save_if_finite()

    def _save_if_finite(self) -> None:
        """Save; a gradient can break the weights in a step whose loss was still a number."""
        self._refuse_nan({"weights": float(torch.stack([p.detach().sum() for p in self.parameters]).sum())})
        self.save()

    def _refuse_nan(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            if not math.isfinite(value):
                kept = "no checkpoint was saved yet"
                if self.checkpoint.exists():
                    kept = f"the last good checkpoint is {self.checkpoint}"
                what = "the weights are" if name == "weights" else f"the {name} loss is"
                raise TrainingError(f"{what} {value} at step {self.step}: {kept}; lower learning_rate and start again")
