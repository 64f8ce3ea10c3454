"""One training step's random draw, the same however many processes share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from watermarking.deep.logo import read_logo
from watermarking.deep.training.config import LONGEST
from watermarking.deep.training.payloads import PictureBank, draw_bits, draw_pilot
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from watermarking.deep.training.config import TrainConfig
    from watermarking.deep.training.data import Photographs

__all__ = ["Sample", "Sampler"]


@dataclass(frozen=True)
class Sample:
    """Tiles, payloads and what happens to them; ``seeds`` (2, B) fix the noise on each marked and unmarked tile."""

    cover: Tensor
    payload: Tensor
    pilot: Tensor
    psnr: Tensor
    grey: Tensor
    seeds: Tensor
    attack: str
    value: float


class Sampler:
    """Draws steps: everything random in step i follows from (seed, i), so that a resumed run goes on unchanged.

    Parameters
    ----------
    config : TrainConfig
    photographs : Photographs
    bank : PictureBank or None
        Needed for ``payload = "pictures"``.

    Attributes
    ----------
    logo : Tensor (side, side, 3) uint8 or None
        What ``payload = "fixed"`` hides.

    Raises
    ------
    FileFormatError
        If the logo's file cannot be read as a picture.
    """

    def __init__(self, config: TrainConfig, photographs: Photographs, bank: PictureBank | None) -> None:
        self.config, self.photographs, self.bank = config, photographs, bank
        self.device = photographs.device
        self.logo: Tensor | None = None
        if config.payload == "fixed":
            self.logo = torch.from_numpy(read_logo(config.logo, config.tile // config.net.payload_ratio))
            self._hidden = self.logo.permute(2, 0, 1).float().to(self.device) / 127.5 - 1

    def draw(self, step: int, ramp: float = 1.0, share: tuple[int, int] = (0, 1)) -> Sample:
        """Draw a step's covers, payloads, strengths and attack.

        Parameters
        ----------
        step : int
        ramp : float
            How far the strength has come from ``start_psnr`` to its range, 0 to 1.
        share : (int, int)
            Part i of n of the batch: the i-th n-th of either half, because the losses compare the halves.
        """
        config, net = self.config, self.config.net
        # One generator for choices, alike on all devices, one for values.
        choices, values = torch.Generator(), torch.Generator(self.device)
        choices.manual_seed((config.seed << 32) + step)
        values.manual_seed((config.seed << 32) + step + 1)
        u = torch.rand(4, generator=choices).tolist()
        size = self._size(u[0], u[1])
        covers = self.photographs.draw(config.groups, config.group, size, choices)
        weights = torch.tensor([float(entry[0]) for entry in config.attacks.values()])
        attack = list(config.attacks)[int(torch.multinomial(weights, 1, generator=choices))]
        _, least, most = config.attacks[attack]
        psnr = config.psnr[0] + (config.psnr[1] - config.psnr[0]) * torch.rand(config.groups, generator=choices)
        psnr = config.start_psnr + (psnr - config.start_psnr) * ramp
        grey = (torch.rand(config.groups, generator=choices) < config.grey).repeat_interleave(config.group)
        n = config.groups * config.group
        seeds = torch.randint(2**62, (2, n), generator=choices)
        payload = self._payload(n, values)
        pilot = draw_pilot(n, max(1, config.tile // (net.pilot_ratio or config.tile)), values, self.device)
        mine = torch.arange(n).reshape(1 if share[1] == 1 else 2, share[1], -1)[:, share[0]].reshape(-1)
        here = mine.to(self.device)
        cover = self.photographs.cut(type(covers)(*(part[mine] for part in vars(covers).values())), size)
        strengths = psnr.repeat_interleave(config.group)[mine].to(self.device)
        colourless = grey[mine].to(self.device).reshape(-1, 1, 1, 1)
        cover = torch.where(colourless, (cover.mean(1, keepdim=True) * 255).round() / 255, cover)
        value = least + (most - least) * u[2]
        return Sample(cover, payload[here], pilot[here], strengths, colourless, seeds[:, mine], attack, value)

    def _size(self, scale: float, shape: float) -> tuple[int, int]:
        """Choose the tiles' own size; steps of 16 keep distinct shapes few, which cuDNN's autotuner rewards."""
        config = self.config
        low, high = config.reach
        reach = low * (high / low) ** scale
        sides = [16 * round(config.tile * reach * part / 16) for part in (0.87 + 0.26 * shape, LONGEST - 0.26 * shape)]
        return max(config.tile, sides[0]), max(config.tile, sides[1])

    def _payload(self, n: int, values: torch.Generator) -> Tensor:
        config = self.config
        side = config.tile // config.net.payload_ratio
        if config.payload == "fixed":
            return self._hidden.expand(n, -1, -1, -1)
        if config.payload == "bits":
            return draw_bits(n, side, side, values, self.device)
        if self.bank is None:
            raise WatermarkError("payload = 'pictures' needs pictures to hide")
        payload = self.bank.draw(n, side, values)
        if config.losses.consistency:
            payload = torch.cat([payload[: n // 2]] * 2)
        return payload
