"""Training of H, R and D: one step, and the loop that survives a kill."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed

from watermarking.deep import losses, noise
from watermarking.deep.checkpoint import load_checkpoint, save_checkpoint
from watermarking.deep.nets import Critic, Hider, Reader
from watermarking.deep.payloads import PictureBank, draw_bits, draw_pilot, fixed_logo
from watermarking.deep.resample import resample
from watermarking.deep.strength import apply_strength
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watermarking.deep.config import TrainConfig
    from watermarking.deep.data import Photographs

__all__ = ["Progress", "Sample", "Trainer", "TrainingError", "grow"]


class TrainingError(WatermarkError):
    """The loss is no number any more; the message says which term, and where the last good checkpoint is."""


@dataclass(frozen=True)
class Sample:
    """One step's random draw, everything but the pixels' noise."""

    cover: Tensor
    payload: Tensor
    pilot: Tensor
    psnr: Tensor
    grey: Tensor
    attack: str
    value: float


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


def grow(residual: Tensor, drawn: Sample) -> Tensor:
    """Bring a residual to its covers' size; on grey covers the mark is grey too."""
    residual = residual.float()
    residual = torch.where(drawn.grey, residual.mean(1, keepdim=True), residual)
    return resample(residual, (drawn.cover.shape[2], drawn.cover.shape[3]))


class Trainer:
    """A run of a configuration over photographs.

    Everything random in step i comes from a generator seeded with (seed, i), so a resumed run goes on as if it had
    never stopped. Under ``torchrun`` every rank draws the same step and works on its share of the photographs.

    Parameters
    ----------
    config : TrainConfig
    photographs : Photographs
    bank : PictureBank or None
        Needed for ``payload = "pictures"``.
    folder : Path
        Where ``checkpoint.safetensors`` is read and written.
    """

    def __init__(self, config: TrainConfig, photographs: Photographs, bank: PictureBank | None, folder: Path) -> None:
        self.config, self.photographs, self.bank, self.folder = config, photographs, bank, folder
        self.device = photographs.device
        self.rank = distributed.get_rank() if distributed.is_initialized() else 0
        self.world = distributed.get_world_size() if distributed.is_initialized() else 1
        if config.groups % self.world:
            raise WatermarkError(f"{config.groups} groups cannot be shared by {self.world} processes: use a multiple")
        torch.manual_seed(config.seed)
        self.hider = Hider(config.net).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.reader = Reader(config.net).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.modules: dict[str, torch.nn.Module] = {"hider": self.hider, "reader": self.reader}
        parameters = [*self.hider.parameters(), *self.reader.parameters()]
        settings = {"lr": config.learning_rate, "betas": (0.9, 0.98), "fused": self.device.type == "cuda"}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "main": torch.optim.AdamW(parameters, weight_decay=config.weight_decay, **settings)  # type: ignore[arg-type]
        }
        self.critic: Critic | None = None
        if config.losses.adversarial:
            self.critic = Critic(config.critic_width).to(self.device)
            self.modules["critic"] = self.critic
            self.optimisers["critic"] = torch.optim.AdamW(self.critic.parameters(), **settings)  # type: ignore[arg-type]
        self.parameters = parameters
        names = [f"{kind}.{name}" for kind in ("hider", "reader") for name, _ in self.modules[kind].named_parameters()]
        self.averages = {n: p.detach().clone() for n, p in zip(names, parameters, strict=True)}
        self.step = 0
        side = config.tile // config.net.payload_ratio
        self._logo = torch.from_numpy(fixed_logo(side)).permute(2, 0, 1).float().to(self.device) / 127.5 - 1
        if (folder / "checkpoint.safetensors").exists():
            self.step = self._load()

    @property
    def checkpoint(self) -> Path:
        """The file that the run continues from."""
        return self.folder / "checkpoint.safetensors"

    def _load(self) -> int:
        return load_checkpoint(self.checkpoint, self.modules, self.averages, self.optimisers)

    def start_from(self, path: Path) -> None:
        """Take over the weights and averages of another run's checkpoint, for a new run from step 0."""
        load_checkpoint(path, self.modules, self.averages, {})

    def save(self) -> None:
        """Write the checkpoint; in a group of processes only the first one does."""
        if self.rank == 0:
            save_checkpoint(self.checkpoint, self.modules, self.averages, self.optimisers, self.step)

    def _generators(self, step: int) -> tuple[torch.Generator, torch.Generator]:
        """Return step's generators: one for choices, alike on all ranks and devices, one for values."""
        seed = (self.config.seed << 32) + step
        choices, values = torch.Generator(), torch.Generator(self.device)
        choices.manual_seed(seed)
        values.manual_seed(seed + 1)
        return choices, values

    def sample(self, step: int) -> tuple[Sample, torch.Generator]:
        """Draw one step's covers, payloads, strengths and attack; return the generator for pixel noise too."""
        config, net = self.config, self.config.net
        choices, values = self._generators(step)
        u = torch.rand(4, generator=choices).tolist()
        low, high = config.reach
        reach = low * (high / low) ** u[0]
        # Sizes in steps of 16 keep the number of distinct shapes small, which cuDNN's autotuner rewards.
        sides = [16 * round(config.tile * reach * stretch / 16) for stretch in (0.87 + 0.26 * u[1], 1.13 - 0.26 * u[1])]
        size = (max(config.tile, sides[0]), max(config.tile, sides[1]))
        n = config.groups * config.group
        covers = self.photographs.draw(config.groups, config.group, size, choices)
        weights = torch.tensor([float(entry[0]) for entry in config.attacks.values()])
        attack = list(config.attacks)[int(torch.multinomial(weights, 1, generator=choices))]
        _, least, most = config.attacks[attack]
        psnr = config.psnr[0] + (config.psnr[1] - config.psnr[0]) * torch.rand(config.groups, generator=choices)
        psnr = config.start_psnr + (psnr - config.start_psnr) * self.ramp(step)
        grey = (torch.rand(config.groups, generator=choices) < config.grey).repeat_interleave(config.group)
        payload = self._payload(n, values)
        pilot = draw_pilot(n, max(1, config.tile // (net.pilot_ratio or config.tile)), values, self.device)
        share = n // self.world
        mine = slice(self.rank * share, (self.rank + 1) * share)
        cover = self.photographs.cut(type(covers)(*(part[mine] for part in vars(covers).values())), size)
        strengths = psnr.repeat_interleave(config.group)[mine].to(self.device)
        colourless = grey[mine].to(self.device).reshape(-1, 1, 1, 1)
        cover = torch.where(colourless, (cover.mean(1, keepdim=True) * 255).round() / 255, cover)
        values.manual_seed(values.initial_seed() + 7919 * (self.rank + 1))
        drawn = Sample(cover, payload[mine], pilot[mine], strengths, colourless, attack, least + (most - least) * u[2])
        return drawn, values

    def _payload(self, n: int, values: torch.Generator) -> Tensor:
        config = self.config
        side = config.tile // config.net.payload_ratio
        if config.payload == "fixed":
            return self._logo.expand(n, -1, -1, -1)
        if config.payload == "bits":
            return draw_bits(n, side, side, values, self.device)
        if self.bank is None:
            raise WatermarkError("payload = 'pictures' needs pictures to hide")
        payload = self.bank.draw(n, side, values)
        if config.losses.consistency:
            payload = torch.cat([payload[: n // 2]] * 2)
        return payload

    def terms(self, drawn: Sample, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """Run H, the strength, the attack and R; return the weighted loss terms and the marked tiles."""
        config, cover = self.config, drawn.cover
        size = (config.tile, config.tile)
        work = resample(cover, size).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            residual = self.hider(work, drawn.payload, drawn.pilot, drawn.psnr)
        marked = apply_strength(cover, grow(residual, drawn), drawn.psnr, config.group)
        n_clean = cover.shape[0] // 2 if config.losses.clean else 0
        struck = noise.strike(torch.cat([marked, cover[:n_clean]]), drawn.attack, drawn.value, generator)
        seen = resample(struck, size).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            payload, pilot = self.reader(seen)
        n, weights = cover.shape[0], config.losses
        payload, pilot = payload.float(), pilot.float()
        found = {"watermark": weights.watermark * losses.reading(payload[:n], drawn.payload)}
        if weights.basic:
            found["basic"] = weights.basic * losses.basic(marked, cover, drawn.psnr)
        if weights.perceptual:
            found["perceptual"] = (
                weights.perceptual * self.ramp(self.step) * losses.perceptual(marked, cover, drawn.psnr)
            )
        if weights.pilot and config.net.pilot_ratio:
            found["pilot"] = weights.pilot * (
                losses.reading(pilot[:n], drawn.pilot) + 0.5 * losses.blankness(pilot[n:], 0.0)
            )
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
        if self.world > 1:
            gradients = [p.grad for p in parameters if p.grad is not None]
            flat = torch.cat([g.reshape(-1) for g in gradients])
            distributed.all_reduce(flat)
            flat /= self.world
            for g, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
                g.copy_(part.reshape(g.shape))
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
        drawn, generator = self.sample(self.step)
        found, marked = self.terms(drawn, generator)
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

    def run(self, report: Callable[[Progress], None], seconds: float = math.inf) -> None:
        """Train to the last step, or until the time is up; the checkpoint is written either way.

        Raises
        ------
        TrainingError
            If a term is no finite number. The checkpoint of the last good steps stays.
        """
        config, began = self.config, time.monotonic()
        since, first = began, self.step
        while self.step < config.steps and time.monotonic() - began < seconds:
            found = self.advance()
            if self.step % config.log_every == 0 or self.step == config.steps:
                values = dict(zip(found, torch.stack(list(found.values())).tolist(), strict=True))
                self._refuse_nan(values)
                now = time.monotonic()
                report(Progress(self.step, config.steps, values, (now - since) / max(1, self.step - first)))
                since, first = now, self.step
                if self.step % config.save_every == 0:
                    self.save()
        self._refuse_nan({"weights": float(torch.stack([p.detach().sum() for p in self.parameters]).sum())})
        self.save()

    def _refuse_nan(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            if not math.isfinite(value):
                kept = "no checkpoint was saved yet"
                if self.checkpoint.exists():
                    kept = f"the last good checkpoint is {self.checkpoint}"
                raise TrainingError(
                    f"the {name} loss is {value} at step {self.step}: {kept}; lower learning_rate and start again"
                )
