"""Networks that classify: a small convolutional one, a residual one, and a perceptron.

All of them are plain modules without dropout, so that :class:`watermarking.ownership.classifiers.tasks.stack.Stack` can
run many at once; the last layer is called ``head`` and works in float32 whatever the rest works in.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CLASSIFIERS", "Classifier", "build_classifier"]

_LEAST_SIDE: Final = 8
_MEAN, _SPREAD = 0.35, 0.35
_SMALL: Final = (16, 32)
_SMALL_HIDDEN: Final = 64
_RESIDUAL: Final = (32, 64, 128)
_PERCEPTRON: Final = (256, 128)


class Classifier(nn.Module):
    """A trunk that makes features, and a linear head.

    Parameters
    ----------
    trunk : Module
        Standardised inputs to features (N, width).
    width, n_classes : int
    shape : tuple of int
        Of one input: (channels, H, W), or (features,).
    """

    def __init__(self, trunk: nn.Module, width: int, n_classes: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(width, n_classes)
        self.shape, self.n_classes = tuple(shape), n_classes

    def features(self, x: Tensor) -> Tensor:
        """Return what the head sees, (N, width): ``x`` is (N, *shape), pictures in [0, 1]."""
        found: Tensor = self.trunk((x - _MEAN) / _SPREAD if x.ndim == 4 else x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (N, *shape), pictures in [0, 1], to logits (N, n_classes) in float32.

        Logits of bfloat16 would round away what a soft mark is made of, so the head leaves the autocast.
        """
        found = self.features(x)
        with torch.autocast(found.device.type, enabled=False):
            logits: Tensor = self.head(found.float())
        return logits


class _Block(nn.Module):
    """Two normalised convolutions beside a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(n_out), nn.BatchNorm2d(n_out)])
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or n_in != n_out:
            self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.norms[0](self.first(x)))
        return functional.relu(torch.add(self.norms[1](self.second(inner)), self.shortcut(x)))


class _Average(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def _small(channels: int, side: tuple[int, int]) -> tuple[nn.Module, int]:
    one, two = _SMALL
    flat = two * (side[0] // 4) * (side[1] // 4)
    layers: list[nn.Module] = [nn.Conv2d(channels, one, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(one, two, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(flat, _SMALL_HIDDEN), nn.ReLU()), _SMALL_HIDDEN


def _residual(channels: int, side: tuple[int, int]) -> tuple[nn.Module, int]:
    del side  # averaged away
    stem = [nn.Conv2d(channels, _RESIDUAL[0], 3, 1, 1, bias=False), nn.BatchNorm2d(_RESIDUAL[0]), nn.ReLU()]
    blocks = [_Block(_RESIDUAL[0], _RESIDUAL[0], 1)]
    blocks += [_Block(n_in, n_out, 2) for n_in, n_out in pairwise(_RESIDUAL)]
    return nn.Sequential(*stem, nn.MaxPool2d(2), *blocks, _Average()), _RESIDUAL[-1]


def _perceptron(n_inputs: int) -> tuple[nn.Module, int]:
    widths = (n_inputs, *_PERCEPTRON)
    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers), widths[-1]


CLASSIFIERS: Final = ("c2", "residual", "mlp")
"""A small convolutional network (two layers and one hidden one), a residual one of seven, a perceptron."""


def build_classifier(name: str, n_classes: int, shape: Sequence[int], *, seed: int = 0) -> Classifier:
    """Make an untrained classifier; the caller's random state stays as it is.

    Parameters
    ----------
    name : {"c2", "residual", "mlp"}
    n_classes : int
    shape : (channels, H, W) or (features,)
        Of one input; one or three channels, sides of at least 8. Features are for ``mlp`` alone.
    seed : int

    Raises
    ------
    WatermarkError
        If there is no such network, or it does not take such inputs.
    """
    if name not in CLASSIFIERS:
        raise WatermarkError(f"there is no network {name!r}: the networks are {', '.join(CLASSIFIERS)}")
    if n_classes < 2:
        raise WatermarkError(f"{n_classes} classes are nothing to choose from: give at least 2")
    pictures = len(shape) == 3
    if not pictures and (len(shape) != 1 or name != "mlp" or shape[0] < 1):
        raise WatermarkError(
            f"{name} takes no inputs of shape {tuple(shape)}: give (channels, H, W), or (features,) to 'mlp'"
        )
    if pictures and (shape[0] not in (1, 3) or min(shape[1:]) < _LEAST_SIDE):
        raise WatermarkError(
            f"pictures of {tuple(shape)} cannot be classified: give 1 or 3 channels, sides of {_LEAST_SIDE} or more"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "mlp":
            trunk, width = _perceptron(math.prod(shape))
        else:
            trunk, width = (_small if name == "c2" else _residual)(shape[0], (shape[1], shape[2]))
        return Classifier(trunk, width, n_classes, shape)
