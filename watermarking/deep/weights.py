"""Trained networks on disk: half-precision safetensors and a JSON card that says what they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import shlex
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch

from watermarking.deep.adapter import add_residual, is_grey, waves_over, working_picture
from watermarking.deep.devices import find_device
from watermarking.deep.fit import fit_residual, grown_error
from watermarking.deep.networks.nets import NetSpec
from watermarking.deep.networks.pairs import build_pair
from watermarking.deep.tensors import first_mismatch, read_metadata, read_tensors, write_tensors
from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from watermarking.deep.networks.pairs import Pair
    from watermarking.interface import Image

__all__ = ["CODE_VERSION", "Weights", "built_in", "load_weights", "save_weights"]

F32 = npt.NDArray[np.float32]
CODE_VERSION: Final = 1
"""Raised when networks of the same shape would compute something else; weights of another version are refused."""
MAX_BYTES: Final = 4_000_000
_TINY: Final = 1e-20
_PICKLES: Final = {".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt"}
_FOLDER: Final = Path(__file__).parent / "weights"


@dataclass(frozen=True, eq=False)
class Weights:
    """A pair of networks and its card.

    Attributes
    ----------
    pair : Pair
        H and R in evaluation mode.
    card : mapping
        ``name``, ``code_version``, ``net``, ``working`` (side of the working picture), ``payload``, ``blank``,
        ``block``, ``sha256`` and, for people, ``training``, ``licence``, ``metrics``. Where the file holds H alone,
        ``reader`` names the weights whose R belongs to it, and ``reader_sha256`` says which they are.
    logo : Tensor (side, side, 3) uint8 or None
        The one picture that weights for a fixed payload carry; None for the built-in one.
    """

    pair: Pair
    card: dict[str, Any]
    logo: Tensor | None = None

    @property
    def spec(self) -> NetSpec:
        """Shape of the networks."""
        return self.pair.spec

    @property
    def working(self) -> int:
        """Side of the square that every cover is brought to."""
        return int(self.card["working"])

    @property
    def side(self) -> int:
        """Side of the payload."""
        return self.working // self.spec.payload_ratio

    @property
    def _device(self) -> torch.device:
        return next(self.pair.parameters()).device

    @torch.no_grad()
    def mark(
        self, image: Image, payload: F32, pilot: F32, psnr: float, waves: F32 | None = None, share: float = 0.0
    ) -> Image:
        """Return a copy of a picture that carries a payload (C, side, side) and a pilot (1, k, k) at a strength in dB.

        Parameters
        ----------
        waves : (h, w) float32, optional
            A change of luma at the picture's working scale, to be added beside the residual. H sees the cover with it
            and hides in both, so that it disturbs what R reads less than an attack of that strength would. Only of
            networks whose residual is scaled.
        share : float
            Of the mark's energy, what the waves are given.

        Raises
        ------
        WatermarkError
            If networks over a lattice cannot make so faint a mark in 8 bits.
        """
        cover, hidden = working_picture(image, self.working), (payload, pilot)
        if waves is None or not waves.any():
            return add_residual(image, self._residual(image, cover, hidden, psnr)[0].float().cpu().numpy(), psnr)
        power = 10 ** (-psnr / 10)
        beside = waves_over(image, waves, untinted=self.spec.untinted)
        beside = beside.scaled(math.sqrt(share * power / beside.power))
        cover = np.clip(cover + beside.on_square(self.working), 0, 1)
        residual = self._residual(image, cover, hidden, psnr - 10 * math.log10(1 - share)).float()
        if is_grey(image):
            residual = residual.mean(1, keepdim=True).expand_as(residual)
        own = grown_error(residual, (image.shape[0], image.shape[1]))
        residual = residual * math.sqrt((1 - share) * power / max(own, _TINY))
        return add_residual(image, residual[0].cpu().numpy(), psnr, beside)

    def _residual(self, image: Image, cover: F32, hidden: tuple[F32, F32], psnr: float) -> Tensor:
        """Return H's residual (1, 3, side, side) in a cover (3, side, side)."""
        tensors = tuple(torch.from_numpy(one)[None].to(self._device) for one in (cover, *hidden))
        return fit_residual(self.pair, (tensors[0], tensors[1], tensors[2]), psnr, image)

    @torch.no_grad()
    def read(self, image: Image) -> tuple[F32, F32]:
        """Return what R reads in a picture, payload (C, side, side) and pilot (1, k, k)."""
        seen = torch.from_numpy(working_picture(image, self.working))[None].to(self._device)
        payload, pilot = self.pair.reader(seen)
        return payload[0].float().cpu().numpy(), pilot[0].float().cpu().numpy()


def built_in() -> tuple[str, ...]:
    """List the weights that the package ships."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.safetensors")))


def _path_of(name: str) -> Path:
    return Path(name) if Path(name).suffix else _FOLDER / f"{name}.safetensors"


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        known = ", ".join(built_in()) or "none"
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}; built in are: {known}") from error


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read the weights card {path}: {error}") from error
    if not isinstance(card, dict) or not {"code_version", "net", "working", "sha256", "blank", "block"} <= card.keys():
        raise WeightsError(f"{path} is no weights card: entries are missing")
    return card


def _without_card(path: Path) -> str:
    """Say what weights are that have no card: most often what a training run goes on from."""
    if "config_sha256" in read_metadata(path):
        file = shlex.quote(str(path))
        return (
            f"{path} is the checkpoint of a training run, not weights: run 'watermarking deep release {file} WEIGHTS' "
            "first, and name the .safetensors file that it writes"
        )
    return f"{path} has no card beside it, {path.with_suffix('.json').name}: fetch both, they belong together"


def _shared_reader(path: Path, card: dict[str, Any]) -> dict[str, Tensor]:
    """Return the R of the weights that a card names; nothing if they have their own."""
    if "reader" not in card:
        return {}
    if "reader" in _read_card(_path_of(card["reader"]).with_suffix(".json")):
        raise WeightsError(f"{path} names the weights {card['reader']} for their reader, which have none of their own")
    lender = load_weights(card["reader"])
    if lender.card["sha256"] != card.get("reader_sha256"):
        raise WeightsError(
            f"{path} was made for the reader of other weights {card['reader']} than these: install the version of the "
            "package that the weights came with"
        )
    return {f"reader.{name}": value for name, value in lender.pair.reader.state_dict().items()}


@lru_cache(maxsize=8)
def load_weights(name: str, device: str = "cpu") -> Weights:
    """Load weights that the package ships, or a ``.safetensors`` file with its card beside it.

    Raises
    ------
    WeightsError
        If there are no such weights, they are a pickle, or they do not fit their card or this version of the code; if
        torch cannot use the device.
    """
    target = find_device(device)
    path = _path_of(name)
    if path.suffix in _PICKLES:
        raise WeightsError(
            f"{path} may be a pickle, which can run code when it is loaded: only .safetensors are accepted"
        )
    found = _digest(path)
    tensors = read_tensors(path)
    if not path.with_suffix(".json").exists():
        raise WeightsError(_without_card(path))
    card = _read_card(path.with_suffix(".json"))
    if card["sha256"] != found:
        raise WeightsError(
            f"{path} has the sha256 {found[:12]}, its card says {str(card['sha256'])[:12]}: fetch both again"
        )
    if card["code_version"] != CODE_VERSION:
        raise WeightsError(
            f"{path} was made for version {card['code_version']} of the networks, this package has {CODE_VERSION}: "
            "install the version of the package that the weights came with"
        )
    try:
        shape: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in card["net"].items()}
        spec = NetSpec(**shape)
        pair = build_pair(spec)
        own = {name: value.float() for name, value in tensors.items() if name.startswith(("hider.", "reader."))}
        own |= _shared_reader(path, card)
        pair.load_state_dict(own)
        pair.to(target).eval().requires_grad_(False)
    except TypeError as error:
        raise WeightsError(
            f"{path.with_suffix('.json')} describes networks that this code does not know: {error}"
        ) from error
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit the networks on its card: {first_mismatch(error)}") from error
    return Weights(pair, card, tensors.get("logo"))


def save_weights(
    path: Path, parameters: dict[str, Tensor], spec: NetSpec, card: dict[str, Any], logo: Tensor | None = None
) -> Path:
    """Write half-precision weights and their card; the sha256 and the version are filled in.

    Parameters
    ----------
    path : Path
        Ends in ``.safetensors``; the card goes beside it as ``.json``.
    parameters : mapping
        ``"hider.<name>"`` and ``"reader.<name>"`` -> tensor, as in ``Trainer.averages``.
    logo : Tensor (side, side, 3) uint8, optional
        The fixed payload.

    Raises
    ------
    WeightsError
        If the file would exceed 4 MB, the limit for what a wheel carries.
    """
    stored = {name: value.half() for name, value in parameters.items()}
    if logo is not None:
        stored["logo"] = logo
    size = sum(value.nbytes for value in stored.values())
    if size > MAX_BYTES:
        raise WeightsError(f"the weights take {size} bytes, {MAX_BYTES} are allowed: choose narrower networks")
    write_tensors(path, stored, {})
    full = {**card, "code_version": CODE_VERSION, "net": dataclasses.asdict(spec), "sha256": _digest(path)}
    path.with_suffix(".json").write_text(json.dumps(full, indent=1, sort_keys=True) + "\n", "utf-8")
    return path
