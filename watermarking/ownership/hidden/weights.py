"""Weights of H and R on disk: safetensors in half precision, with what they are written into the file."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any, Final

from watermarking.deep.tensors import first_mismatch, read_metadata, read_tensors, write_tensors
from watermarking.errors import WeightsError
from watermarking.ownership.hidden.networks import HiddenNetworks, HiddenSpec

__all__ = ["BUILT_IN", "load_hidden", "save_hidden"]

_FOLDER: Final = Path(__file__).parent / "weights"
BUILT_IN: Final = ("hidden", "hidden-initial")


def save_hidden(networks: HiddenNetworks, path: str | Path, card: dict[str, Any]) -> None:
    """Write H and R.

    Parameters
    ----------
    path : path of a safetensors file
    card : dict
        For people: how they were trained, on what, with which licence.
    """
    about = {"spec": json.dumps(dataclasses.asdict(networks.spec)), "card": json.dumps(card)}
    write_tensors(Path(path), {name: value.half() for name, value in networks.state_dict().items()}, about)


@functools.lru_cache(maxsize=8)
def load_hidden(name: str) -> HiddenNetworks:
    """Read H and R, in evaluation mode.

    Parameters
    ----------
    name : str
        One of ``BUILT_IN``, or a safetensors file.

    Raises
    ------
    WeightsError
        If there is no such file, or it holds something else.
    """
    path = _FOLDER / f"{name}.safetensors" if name in BUILT_IN else Path(name)
    tensors, about = read_tensors(path), read_metadata(path)
    try:
        networks = HiddenNetworks(HiddenSpec(**json.loads(about["spec"])))
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} holds no H and R of a hidden picture: give what save_hidden wrote") from error
    try:
        networks.load_state_dict({key: value.float() for key, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(
            f"{path} does not fit its own description ({first_mismatch(error)}): it is damaged"
        ) from error
    return networks.eval()
