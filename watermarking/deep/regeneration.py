"""Pictures drawn anew by the autoencoder that the package ships, in bands of rows."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from watermarking.deep.networks.autoencoder import CELL, REACH, Autoencoder, AutoencoderSpec
from watermarking.deep.tensors import first_mismatch, read_tensors, write_tensors
from watermarking.errors import WeightsError

__all__ = ["BUILT_IN", "load_autoencoder", "regenerated", "save_autoencoder"]

BUILT_IN: Final = Path(__file__).parent / "weights" / "regenerate" / "autoencoder.safetensors"
MAX_BYTES: Final = 1_000_000
_BAND: Final = 256
"""Rows that are drawn at a time; a multiple of ``CELL``."""


def save_autoencoder(network: Autoencoder, path: Path, card: dict[str, Any]) -> None:
    """Write half-precision weights, and a card beside them as ``.json`` with their shape and sha256.

    Raises
    ------
    WeightsError
        If they would take more than 1 MB.
    """
    stored = {name: value.half() for name, value in network.state_dict().items()}
    size = sum(value.nbytes for value in stored.values())
    if size > MAX_BYTES:
        raise WeightsError(f"the weights take {size} bytes, {MAX_BYTES} are allowed: choose fewer channels")
    write_tensors(path, stored, {})
    full = {**card, "net": dataclasses.asdict(network.spec), "sha256": _digest(path)}
    path.with_suffix(".json").write_text(json.dumps(full, indent=1, sort_keys=True) + "\n", "utf-8")


@functools.lru_cache(maxsize=4)
def load_autoencoder(path: Path = BUILT_IN) -> Autoencoder:
    """Read an autoencoder in evaluation mode, by default the one that the package ships.

    Raises
    ------
    WeightsError
        If the file or its card is missing or damaged, or they do not fit each other.
    """
    tensors = read_tensors(path)
    try:
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
        network, stated = Autoencoder(AutoencoderSpec(**card["net"])), card["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path.with_suffix('.json')} is no card of an autoencoder: {error!r}") from error
    if stated != _digest(path):
        raise WeightsError(f"{path} is not the file that its card describes: fetch both again")
    try:
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit its card: {first_mismatch(error)}") from error
    return network.eval().requires_grad_(False)


@torch.no_grad()
def regenerated(
    pixels: npt.NDArray[np.uint8], noise: float, rng: np.random.Generator, network: Autoencoder | None = None
) -> npt.NDArray[np.float32]:
    """Return a picture drawn anew, (H, W, 3) grey levels, not yet rounded.

    Parameters
    ----------
    pixels : (H, W, 3) uint8
    noise : standard deviation of the Gaussian noise that the latent gets, whose details lie within +-1
    rng : where the noise comes from
    network : by default the one that the package ships

    Notes
    -----
    Bands overlap by ``REACH``, so that they meet as if the whole had been drawn at once.
    """
    network = network or load_autoencoder()
    height, width = pixels.shape[:2]
    right, bottom = -width % CELL, -height % CELL
    cells = ((height + bottom) // CELL, (width + right) // CELL)
    added = np.float32(noise) * rng.standard_normal((network.spec.latent + 3, *cells), dtype=np.float32)
    drawn = np.empty((height, width, 3), np.float32)
    for top in range(0, height, _BAND):
        stop = min(top + _BAND, height + bottom)
        first, last = max(0, top - REACH), min(height + bottom, stop + REACH)
        rows = torch.from_numpy(pixels[first:last] / np.float32(255)).permute(2, 0, 1)[None]
        seen = functional.pad(rows, (0, right, 0, last - first - rows.shape[2]), mode="replicate")
        hiss = torch.from_numpy(added[None, :, first // CELL : last // CELL])
        band = network(seen, hiss)[0].permute(1, 2, 0).numpy()
        kept = min(stop, height)
        drawn[top:kept] = 255 * band[top - first : kept - first, :width]
    return drawn


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error
