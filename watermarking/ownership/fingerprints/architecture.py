"""A model's architecture, which weights in a file lack: one of this package's networks, or a function of yours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from watermarking.errors import FileFormatError, WatermarkError, WeightsError
from watermarking.ownership.classifiers.tasks.networks import CLASSIFIERS, build_classifier
from watermarking.ownership.split.settings import load_function

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

__all__ = ["build", "filled", "settled", "trusted"]


def build(network: str, n_classes: int, shape: Sequence[int]) -> nn.Module:
    """Make an untrained network.

    Parameters
    ----------
    network : str
        ``c2``, ``residual`` or ``mlp``; or ``module:function`` or ``file.py:function``, which is called with nothing
        and returns a torch module. That is code, and is run. A module has to be importable wherever it is called.
    n_classes : int
    shape : (channels, H, W) or (features,)
        Of one input.

    Raises
    ------
    FileFormatError
        If there is no such function.
    WatermarkError
        If there is no such network, or what the function returns is no module.
    """
    if network in CLASSIFIERS:
        return build_classifier(network, n_classes, shape)
    if ":" not in network:
        raise WatermarkError(
            f"there is no network {network!r}: name one of {', '.join(CLASSIFIERS)}, or module:function of yours"
        )
    try:
        make = load_function(network, "a network")
    except FileFormatError as error:
        if _is_file(network):
            raise
        raise FileFormatError(
            f"{error}; a module has to be importable, by PYTHONPATH or installed: else give file.py:function"
        ) from error
    found = make()
    if not hasattr(found, "state_dict") or not hasattr(found, "forward"):
        raise WatermarkError(f"{network} returned {type(found).__name__}: return a torch module")
    module: nn.Module = found
    return module


def settled(network: str) -> str:
    """Return a network as a manifest keeps it: a file by its whole path, so that it is found from elsewhere, too."""
    if not _is_file(network):
        return network
    place, _, name = network.rpartition(":")
    return f"{Path(place).resolve()}:{name}"


def _is_file(network: str) -> bool:
    return network.rpartition(":")[0].endswith(".py")


def trusted(named: str, said: str | None = None) -> str:
    """Return the network to build for a folder of copies, whose manifest anybody may have written.

    Its seal is no signature, and the key's commitment in it may be public: so no code is run that it names.

    Parameters
    ----------
    named : str
        What the manifest says.
    said : str, optional
        What whoever asks says himself; that is believed.

    Raises
    ------
    WatermarkError
        If the manifest names code, or nothing, and nobody else names a network.
    """
    if said is not None or named in CLASSIFIERS:
        return said or named
    what = f"{named!r}, which is code" if named else "no network"
    raise WatermarkError(
        f"the manifest names {what}: nothing is run because a manifest says so. Say yourself what makes the network, "
        "with --network, if you trust it; to trace, --own with your model's answers does, too"
    )


def filled(module: nn.Module, weights: Mapping[str, Any]) -> nn.Module:
    """Return a module with some weights in it, in evaluation mode.

    Raises
    ------
    WeightsError
        If they are those of another architecture.
    """
    import numpy as np
    import torch

    own = module.state_dict()
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    off = [
        name for name in sorted(own.keys() | tensors.keys())
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape
    ]  # fmt: skip
    if off:
        one = off[0]
        said = [tuple(side[one].shape) if one in side else "nothing" for side in (own, tensors)]
        raise WeightsError(
            f"the weights do not fit the network, in {len(off)} places, {one!r} first ({said[0]} there, {said[1]} "
            "among the weights): name the network that they are of"
        )
    module.load_state_dict(tensors)
    return module.eval()
