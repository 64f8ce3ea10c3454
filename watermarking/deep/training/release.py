"""From a finished training run to weights that can be shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from watermarking.deep.logo import read_logo
from watermarking.deep.tensors import read_tensors
from watermarking.deep.training.payloads import BLOCK
from watermarking.deep.weights import save_weights

if TYPE_CHECKING:
    from pathlib import Path

    from watermarking.deep.training.config import TrainConfig

__all__ = ["release"]


def release(checkpoint: Path, config: TrainConfig, out: Path, *, working: int, notes: dict[str, Any]) -> Path:
    """Write a checkpoint's averaged weights and their card.

    Parameters
    ----------
    checkpoint : Path
        As a training run leaves it.
    config : TrainConfig
        Of the run.
    out : Path
        Folder; gets ``<name>.safetensors`` and ``<name>.json``.
    working : int
        Side of the square that covers are brought to; a multiple of 16.
    notes : mapping
        What people want to know: training data, licence, machine, time, metrics.

    Returns
    -------
    Path
        Of the weights.

    Raises
    ------
    WeightsError
        If the checkpoint is damaged or the weights are above 4 MB.
    """
    averages = {n.removeprefix("average/"): t for n, t in read_tensors(checkpoint).items() if n.startswith("average/")}
    card = {
        **notes,
        "name": config.name,
        "working": working,
        "payload": config.payload,
        "blank": config.blank,
        "block": BLOCK if config.payload == "pictures" else 1,
        "psnr": list(config.psnr),
    }
    logo = None
    if config.payload == "fixed":
        logo = torch.from_numpy(read_logo(config.logo, working // config.net.payload_ratio))
    return save_weights(out / f"{config.name}.safetensors", averages, config.net, card, logo)
