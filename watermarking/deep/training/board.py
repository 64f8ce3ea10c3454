"""What a training run shows in TensorBoard: the loss terms, and tiles on their way through H and R."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from watermarking.deep.networks.resample import resample
from watermarking.deep.training.validate import pass_through

if TYPE_CHECKING:
    from pathlib import Path

    from watermarking.deep.training.sampling import Sampler
    from watermarking.deep.training.train import Progress, Trainer

__all__ = ["Board"]

_N_TILES = 4
_AMPLIFIED = 20


class Board:
    """Event files of a run, or nothing where TensorBoard is not installed (``available`` says which).

    Parameters
    ----------
    folder : Path
        Gets the event files.
    sampler : Sampler
        Of the photographs that the pictures show: those held out.
    step : int
        From which the run goes on: what another run of the folder wrote after it, TensorBoard no longer shows.
    """

    def __init__(self, folder: Path, sampler: Sampler, step: int) -> None:
        self._writer: Any = None
        self._sampler = sampler
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    @property
    def available(self) -> bool:
        """Whether anything is written."""
        return self._writer is not None

    def add_terms(self, progress: Progress) -> None:
        """Write the loss terms of a step."""
        if self._writer is not None:
            for name, value in progress.terms.items():
                self._writer.add_scalar(f"loss/{name}", value, progress.step)

    def add_pictures(self, trainer: Trainer) -> None:
        """Write the same few held-out tiles as H and R treat them now: unattacked, at the middle of the strengths."""
        if self._writer is None:
            return
        config = trainer.config
        drawn = self._sampler.draw(2**31)
        level = torch.full_like(drawn.psnr, sum(config.psnr) / 2)
        drawn = replace(drawn, psnr=level, attack="none")
        marked, read, _ = pass_through(trainer, drawn)
        size = (drawn.cover.shape[2], drawn.cover.shape[3])
        shown = {
            "cover": drawn.cover,
            "marked": marked,
            f"difference_x{_AMPLIFIED}": 0.5 + _AMPLIFIED * (marked - drawn.cover),
            "payload": resample((drawn.payload + 1) / 2, size),
            "read_back": resample((read.float() + 1) / 2, size),
        }
        for name, tiles in shown.items():
            row = torch.cat(list(tiles[:_N_TILES].expand(-1, 3, -1, -1).clamp(0, 1).cpu()), 2)
            self._writer.add_image(f"pictures/{name}", row, trainer.step)

    def close(self) -> None:
        """Finish the event file."""
        if self._writer is not None:
            self._writer.close()
