"""From a finished training run to weights that can be shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from watermarking.deep.logo import read_logo
from watermarking.deep.networks.pairs import build_pair
from watermarking.deep.training.checkpoint import Origin, fill, read_averages
from watermarking.deep.training.payloads import BLOCK
from watermarking.deep.weights import load_weights, save_weights
from watermarking.errors import FileFormatError, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from watermarking.deep.training.config import TrainConfig

__all__ = ["release"]

_WORKING: Final = 256


def release(
    checkpoint: Path,
    config: TrainConfig | None,
    out: Path,
    *,
    notes: dict[str, Any],
    working: int | None = None,
) -> Path:
    """Write a checkpoint's averaged weights and their card.

    Parameters
    ----------
    checkpoint : Path
        As a training run leaves it.
    config : TrainConfig or None
        Of the run, perhaps with another name; by default what the checkpoint says. The fixed logo is always the
        checkpoint's, whatever has become of its file.
    out : Path
        Folder; gets ``<name>.safetensors`` and ``<name>.json``.
    notes : mapping
        What people want to know: training data, licence, machine, time, metrics.
    working : int, optional
        Side of the square that covers are brought to; a multiple of 16. By default 256, with a fixed logo the tile that
        it was trained on.

    Returns
    -------
    Path
        Of the weights.

    Raises
    ------
    WeightsError
        If the checkpoint is damaged, of another run than ``config``, or of an earlier version that needs ``config``;
        if its logo cannot be had at another size; or if the weights are above 4 MB.
    """
    averages, origin = read_averages(checkpoint)
    origin = _checked(checkpoint, origin, config)
    config = config or origin.config
    fill(build_pair(config.net), averages, checkpoint)  # weights that could not be loaded are not written
    fixed = config.payload == "fixed"
    working = working or (config.tile if fixed else _WORKING)
    card = {
        **notes,
        "name": config.name,
        "working": working,
        "payload": config.payload,
        "blank": config.blank,
        "block": BLOCK if config.payload == "pictures" else 1,
        "psnr": list(config.psnr),
        "config_sha256": origin.config.sha256,
    }
    logo = _logo(checkpoint, origin, working // config.net.payload_ratio) if fixed else None
    if config.reader:  # which was not trained: its own weights hold it
        averages = {name: value for name, value in averages.items() if name.startswith("hider.")}
        card |= {"reader": config.reader, "reader_sha256": load_weights(config.reader).card["sha256"]}
    return save_weights(out / f"{config.name}.safetensors", averages, config.net, card, logo)


def _checked(checkpoint: Path, origin: Origin | None, config: TrainConfig | None) -> Origin:
    """Return the run that a checkpoint comes from: what it says, or where it says nothing, the configuration given."""
    if config is None:
        if origin is None:
            raise WeightsError(f"{checkpoint} does not say which configuration it was made with: name it")
        return origin
    if origin is None:
        return Origin(config)
    logo = None
    if config.payload == "fixed" and config.logo != origin.config.logo and origin.logo is not None:
        logo = torch.from_numpy(read_logo(config.logo, origin.logo.shape[0]))
    origin.refuse_other(Origin(config, logo), checkpoint)
    return origin


def _logo(checkpoint: Path, origin: Origin, side: int) -> Tensor:
    """Return the fixed logo as the checkpoint has it; at another size from its file, if that is still the picture."""
    saved = origin.logo
    if saved is not None and saved.shape[0] == side:
        return saved
    try:
        known = saved is None or torch.equal(torch.from_numpy(read_logo(origin.config.logo, saved.shape[0])), saved)
    except FileFormatError:
        known = False
    if not known and saved is not None:
        raise WeightsError(
            f"{checkpoint} has its logo at {saved.shape[1]}x{saved.shape[0]} pixels, {side}x{side} are needed, and "
            f"{origin.config.logo} is not the picture any more: put it back, or release with the working size "
            f"{saved.shape[0] * origin.config.net.payload_ratio}"
        )
    return torch.from_numpy(read_logo(origin.config.logo, side))
