"""Everything that a training run is made of, as one JSON file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from watermarking.deep.networks.nets import NetSpec
from watermarking.errors import WeightsError

__all__ = ["LONGEST", "LossWeights", "TrainConfig", "differences", "load_config"]

_FOLDER: Final = Path(__file__).parents[1] / "configs"
LONGEST: Final = 1.13
"""Longest side of a cover over the side that its reach asks for: covers are not square."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the loss terms, the paper's by its names; a term of weight 0 is not computed."""

    basic: float = 1.0
    perceptual: float = 0.1
    seen: float = 0.0
    peaks: float = 0.0
    adversarial: float = 0.0
    watermark: float = 1.0
    pilot: float = 0.1
    clean: float = 0.25
    consistency: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run.

    Attributes
    ----------
    name : str
        Name of the weights, for example ``"deep-any"``.
    net : NetSpec
    payload : {"bits", "fixed", "pictures"}
        What is hidden: random cells of -1 and +1, the logo, or pictures cut into scrambled blocks.
    logo : str
        Picture file that ``payload = "fixed"`` hides; empty for the built-in logo.
    blank : float
        What R answers to an unmarked picture, in [-1, 1]. 0 (mid-grey) is the only value that a keyed inversion
        leaves alone; 1 (white) is the paper's.
    tile : int
        Side of a training tile at the working size, in pixels.
    groups, group : int
        Photographs per step and tiles per photograph. The strength is set over a photograph's tiles together.
    reach : (float, float)
        Range of a tile's own size over its working size.
    shrink : tuple of float
        Sizes at which the photographs are used; below 1, so that a file's own JPEG grid is gone.
    psnr : (float, float)
        Range of strengths in dB.
    grey : float
        Share of the photographs that are made grey.
    ramp, start_psnr : int, float
        Over the first ``ramp`` steps the strength goes from ``start_psnr`` dB down to the range above and the
        perceptual term comes in: before anything can be read, it would only teach H to hide nothing.
    attacks : mapping of layer name to (weight, lowest, highest parameter)
    steps, learning_rate, warm_up, decay : int, float, int, float
        The rate rises over ``warm_up`` steps, stays, and falls to 0 over the last ``decay`` share of the steps.
    ema : float
        Decay of the averaged weights that are shipped.
    critic_width : int
        Width of D, where the adversarial term is on.
    reader : str
        Released weights whose R is taken and stays as it is: H alone is trained, and whatever was read before is read
        by the new weights too. Empty to train both.
    window : int
        Side of the part of a cover that the terms ``seen`` and ``peaks`` look at, in its own pixels.
    precision : {"fp32", "bf16"}
    """

    name: str
    net: NetSpec = field(default_factory=NetSpec)
    losses: LossWeights = field(default_factory=LossWeights)
    payload: Literal["bits", "fixed", "pictures"] = "pictures"
    logo: str = ""
    blank: float = 0.0
    tile: int = 128
    groups: int = 16
    group: int = 4
    reach: tuple[float, float] = (1.0, 2.5)
    shrink: tuple[float, ...] = (0.75, 0.375)
    psnr: tuple[float, float] = (37.0, 53.0)
    grey: float = 0.1
    ramp: int = 1000
    start_psnr: float = 24.0
    attacks: dict[str, tuple[float, float, float]] = field(default_factory=lambda: {"none": (1.0, 0.0, 0.0)})
    steps: int = 1000
    learning_rate: float = 1e-3
    warm_up: int = 100
    decay: float = 0.4
    ema: float = 0.999
    weight_decay: float = 1e-4
    critic_width: int = 32
    reader: str = ""
    window: int = 192
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 0
    log_every: int = 50
    save_every: int = 500

    @property
    def longest_sides(self) -> tuple[int, int]:
        """Longest side that a cover is drawn with at the least and at the most reach, in whole blocks of 16 pixels."""
        least, most = (16 * math.ceil(self.tile * reach * LONGEST / 16) for reach in self.reach)
        return least, most

    @property
    def sha256(self) -> str:
        """Hash of all that the configuration says, in hexadecimal; the same whether a number is written 1 or 1.0."""
        return hashlib.sha256(json.dumps(_canonical(dataclasses.asdict(self))).encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """Make every number of a configuration a float; the order of the attacks stays, since draws follow it."""
    if isinstance(value, dict):
        return {name: _canonical(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(entry) for entry in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def differences(one: TrainConfig, other: TrainConfig) -> dict[str, tuple[Any, Any]]:
    """Return the entries in which two configurations differ, as ``"net.reader_width": (48, 80)``."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in _flat(one).items():
        if value != (theirs := _flat(other)[name]):
            found[name] = (value, theirs)
    return found


def _flat(config: TrainConfig) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in vars(config).items():
        inner = vars(value) if dataclasses.is_dataclass(value) else None
        entries |= {name: value} if inner is None else {f"{name}.{key}": entry for key, entry in inner.items()}
    return entries


def _build(kind: type[Any], values: dict[str, Any], where: str) -> Any:
    known = {f.name: f for f in dataclasses.fields(kind)}
    for name in values:
        if name not in known:
            raise WeightsError(f"{where} has an unknown entry {name!r}: known are {', '.join(known)}")
    ready: dict[str, Any] = {}
    for name, value in values.items():
        if name in ("net", "losses"):
            value = _build(NetSpec if name == "net" else LossWeights, value, f"{where}, {name}")
        elif isinstance(value, list):
            value = tuple(value)
        elif name == "attacks":
            value = {layer: tuple(entry) for layer, entry in value.items()}
        ready[name] = value
    return kind(**ready)


def load_config(source: str | Path | dict[str, Any]) -> TrainConfig:
    """Read a training configuration: a shipped one by its name, a JSON file, or what such a file holds.

    Raises
    ------
    WeightsError
        If the file is no JSON object or has an unknown entry.
    """
    if isinstance(source, dict):
        return _config(source, "the configuration")
    shipped = _FOLDER / f"{source}.json"
    try:
        values = json.loads((shipped if shipped.exists() else Path(source)).read_text("utf-8"))
    except OSError as error:
        known = ", ".join(sorted(path.stem for path in _FOLDER.glob("*.json")))
        raise WeightsError(
            f"cannot read the training configuration {source}: {error.strerror}; built in are: {known}"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{source} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{source} holds no JSON object: a training configuration is one")
    return _config(values, str(source))


def _config(values: dict[str, Any], where: str) -> TrainConfig:
    try:
        built: TrainConfig = _build(TrainConfig, values, where)
    except TypeError as error:
        raise WeightsError(f"{where} is no training configuration: {error}") from error
    return built
