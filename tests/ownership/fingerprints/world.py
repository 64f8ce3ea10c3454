"""A small trained-looking network, its folder of copies, and shorthand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from watermarking import Key
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.fingerprints.issue import Issuer, start
from watermarking.ownership.fingerprints.mark import WeightMark

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

KEY = Key(bytes(range(16)))
SMALL = WeightMark(length=304, colluders=3)
SHAPES = {"residual": (1, 16, 16), "c2": (1, 16, 16), "mlp": (64,)}


def network(name: str = "c2", seed: int = 0) -> nn.Module:
    """Return a network whose normalisation has seen something, in evaluation mode."""
    module = build_classifier(name, 10, SHAPES[name], seed=seed)
    given = torch.rand((32, *SHAPES[name]), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        module.train()(given)
    return module.eval()


def begun(folder: Path, module: Any = None, mark: WeightMark = SMALL, **more: Any) -> Issuer:
    """Begin to issue copies of a network."""
    return start(folder, network() if module is None else module, name="net 1", key=KEY, mark=mark, **more)


def loaded(module: nn.Module, weights: dict[str, Any]) -> nn.Module:
    """Return the network with other weights."""
    import copy

    found = copy.deepcopy(module)
    found.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()})
    return found.eval()
