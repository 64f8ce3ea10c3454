"""Trained networks on disk: half-precision safetensors and a JSON card that says what they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from watermarking.deep.devices import find_device
from watermarking.deep.networks.nets import NetSpec
from watermarking.deep.networks.pairs import build_pair
from watermarking.deep.tensors import first_mismatch, read_tensors, write_tensors
from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from watermarking.deep.networks.lattice_nets import LatticeHider, LatticeReader
    from watermarking.deep.networks.nets import Hider, Reader

__all__ = ["CODE_VERSION", "Weights", "built_in", "load_weights", "save_weights"]

CODE_VERSION: Final = 1
"""Raised when networks of the same shape would compute something else; weights of another version are refused."""
MAX_BYTES: Final = 4_000_000
_PICKLES: Final = {".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt"}
_FOLDER: Final = Path(__file__).parent / "weights"


@dataclass(frozen=True, eq=False)
class Weights:
    """A pair of networks and its card.

    Attributes
    ----------
    hider, reader : networks in evaluation mode
    card : mapping
        ``name``, ``code_version``, ``net``, ``working`` (side of the working picture), ``payload``, ``blank``,
        ``block``, ``sha256`` and, for people, ``training``, ``licence``, ``metrics``.
    logo : Tensor (side, side, 3) uint8 or None
        The one picture that weights for a fixed payload carry; None for the built-in one.
    """

    hider: Hider | LatticeHider
    reader: Reader | LatticeReader
    card: dict[str, Any]
    logo: Tensor | None = None

    @property
    def spec(self) -> NetSpec:
        """Shape of the networks."""
        return self.hider.spec

    @property
    def working(self) -> int:
        """Side of the square that every cover is brought to."""
        return int(self.card["working"])

    @property
    def side(self) -> int:
        """Side of the payload."""
        return self.working // self.spec.payload_ratio


def built_in() -> tuple[str, ...]:
    """List the weights that the package ships."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.safetensors")))


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
    path = Path(name) if Path(name).suffix else _FOLDER / f"{name}.safetensors"
    if path.suffix in _PICKLES:
        raise WeightsError(
            f"{path} may be a pickle, which can run code when it is loaded: only .safetensors are accepted"
        )
    found = _digest(path)
    tensors = read_tensors(path)
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
        for kind, module in zip(("hider", "reader"), pair, strict=True):
            own = {k.removeprefix(f"{kind}."): v.float() for k, v in tensors.items() if k.startswith(f"{kind}.")}
            module.load_state_dict(own)
            module.to(target).eval().requires_grad_(False)
    except TypeError as error:
        raise WeightsError(
            f"{path.with_suffix('.json')} describes networks that this code does not know: {error}"
        ) from error
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit the networks on its card: {first_mismatch(error)}") from error
    return Weights(pair[0], pair[1], card, tensors.get("logo"))


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
