"""The networks that thieves use: CNet, Res9, Res16 and UNet, thin for CPUs or of the published sizes.

All learn a residual: what is added to the input. The ``paper`` preset follows the generators of the code published with
[1] (they are DeblurGAN's): there, one convolution makes a residual block, instance normalisation has no weights, and
half of a block's activations are dropped in training. CNet is the same without blocks. The thin ones see the picture
through a pixel unshuffle by 2 and carry no normalisation, so that a few minutes on one core are enough.

References
----------
.. [1] Zhang et al., Model Watermarking for Image Processing Networks, AAAI 2020, arXiv:2002.11088.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ["NETWORKS", "PRESETS", "Surrogate", "build_network", "to_tensor"]

NETWORKS: Final = ("cnet", "res9", "res16", "unet")
PRESETS: Final = ("thin", "paper")
_UNSHUFFLE: Final = 2
_LEAK: Final = 0.1  # without, whole layers died in the first steps and the network stayed at the input
_UNET_WIDTHS: Final = (24, 48, 64)


class Surrogate(nn.Module):
    """A network that adds what it learnt to its input.

    Parameters
    ----------
    body : Module
        (N, 3, H, W) in [-1, 1] to what is added, (N, 3, H, W) in the same units.
    stride : int
        H and W must be multiples of it; :func:`watermarking.ownership.surrogates.train.answers` pads.
    least : int
        Least H and W.
    """

    def __init__(self, body: nn.Module, stride: int, least: int) -> None:
        super().__init__()
        self.body, self.stride, self.least = body, stride, least

    def forward(self, image: Tensor) -> Tensor:
        """Map pictures (N, 3, H, W) in [0, 1] to answers, clipped to [0, 1] except in training."""
        out: Tensor = image + self.body(2 * image - 1) / 2
        return out if self.training else out.clamp(0, 1)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.LeakyReLU(_LEAK), nn.Conv2d(width, width, 3, 1, 1)
        )
        with torch.no_grad():
            for parameter in self.body[2].parameters():
                parameter.mul_(0.3)  # without normalisation, sixteen blocks would add up

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x))


def _head(width: int) -> nn.Sequential:
    """Return the way out of a thin network; it starts small, so that training starts near the input."""
    last = nn.Conv2d(width, 3 * _UNSHUFFLE**2, 3, 1, 1)
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(0.1)
    return nn.Sequential(last, nn.PixelShuffle(_UNSHUFFLE))


def _stem(width: int) -> list[nn.Module]:
    return [nn.PixelUnshuffle(_UNSHUFFLE), nn.Conv2d(3 * _UNSHUFFLE**2, width, 3, 1, 1), nn.LeakyReLU(_LEAK)]


def _thin_plain(width: int = 48, n_layers: int = 6) -> nn.Module:
    layers = _stem(width)
    for _ in range(n_layers):
        layers += [nn.Conv2d(width, width, 3, 1, 1), nn.LeakyReLU(_LEAK)]
    return nn.Sequential(*layers, _head(width))


def _thin_residual(n_blocks: int, width: int) -> nn.Module:
    return nn.Sequential(*_stem(width), *(_Block(width) for _ in range(n_blocks)), _head(width))


class _ThinUnet(nn.Module):
    """Two halvings below the unshuffle, two convolutions a level, skips added."""

    def __init__(self, widths: tuple[int, ...] = _UNET_WIDTHS) -> None:
        super().__init__()

        def level(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
            first, second = nn.Conv2d(n_in, n_out, 3, stride, 1), nn.Conv2d(n_out, n_out, 3, 1, 1)
            return nn.Sequential(first, nn.LeakyReLU(_LEAK), second, nn.LeakyReLU(_LEAK))

        self.unshuffle = nn.PixelUnshuffle(_UNSHUFFLE)
        first = level(3 * _UNSHUFFLE**2, widths[0])
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList([first, *(level(a, b, 2) for a, b in pairs)])
        self.narrow = nn.ModuleList([nn.Conv2d(b, a, 1) for a, b in pairs])
        self.up = nn.ModuleList([level(a, a) for a in widths[:-1]])
        self.head = _head(widths[0])

    def forward(self, image: Tensor) -> Tensor:
        x = self.unshuffle(image)
        skips = []
        for part in self.down:
            x = part(x)
            skips.append(x)
        for i in range(len(self.up) - 1, -1, -1):
            x = functional.interpolate(self.narrow[i](x), scale_factor=2, mode="nearest")
            x = self.up[i](x + skips[i])
        out: Tensor = self.head(x)
        return out


def _norm(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=False, track_running_stats=True)


class _PaperBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), _norm(width), nn.ReLU(), nn.Dropout(0.5)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x))


def _paper_residual(n_blocks: int, width: int = 64) -> nn.Module:
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), _norm(width), nn.ReLU()]
    for i in (1, 2):
        layers += [nn.Conv2d(width * i, 2 * width * i, 3, 2, 1), _norm(2 * width * i), nn.ReLU()]
    layers += [_PaperBlock(4 * width) for _ in range(n_blocks)]
    for i in (2, 1):
        up = nn.ConvTranspose2d(2 * width * i, width * i, 3, 2, 1, output_padding=1)
        layers += [up, _norm(width * i), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


class _PaperLevel(nn.Module):
    """One level of the pix2pix U-Net around the next deeper one; the outermost has no skip of its own."""

    def __init__(self, outer: int, inner: int, deeper: nn.Module | None, *, outermost: bool = False) -> None:
        super().__init__()
        self.outermost = outermost
        n_in = 3 if outermost else outer
        down: list[nn.Module] = [] if outermost else [nn.LeakyReLU(0.2)]
        down.append(nn.Conv2d(n_in, inner, 4, 2, 1))
        if deeper is not None and not outermost:
            down.append(_norm(inner))
        up: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(inner * (1 if deeper is None else 2), n_in, 4, 2, 1)]
        up.append(nn.Tanh() if outermost else _norm(n_in))
        self.body = nn.Sequential(*down, *([] if deeper is None else [deeper]), *up)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.body(x)
        return found if self.outermost else torch.cat([x, found], 1)


def _paper_unet(n_downs: int = 7, width: int = 64) -> nn.Module:
    widths = [min(width << i, 8 * width) for i in range(n_downs)]
    deeper: nn.Module | None = None
    for i in range(n_downs - 1, 0, -1):
        deeper = _PaperLevel(widths[i - 1], widths[i], deeper)
    return _PaperLevel(3, widths[0], deeper, outermost=True)


_BUILD: Final[dict[tuple[str, str], tuple[Callable[[], nn.Module], int, int]]] = {
    ("cnet", "thin"): (_thin_plain, _UNSHUFFLE, 8),
    ("res9", "thin"): (lambda: _thin_residual(9, 32), _UNSHUFFLE, 8),
    ("res16", "thin"): (lambda: _thin_residual(16, 24), _UNSHUFFLE, 8),
    ("unet", "thin"): (_ThinUnet, _UNSHUFFLE << (len(_UNET_WIDTHS) - 1), 8),
    ("cnet", "paper"): (lambda: _paper_residual(0), 4, 16),
    ("res9", "paper"): (lambda: _paper_residual(9), 4, 16),
    ("res16", "paper"): (lambda: _paper_residual(16), 4, 16),
    ("unet", "paper"): (_paper_unet, 128, 256),
}


def build_network(name: str, preset: str = "thin", *, seed: int = 0) -> Surrogate:
    """Make an untrained network; the caller's random state stays as it is.

    Parameters
    ----------
    name : {"cnet", "res9", "res16", "unet"}
    preset : {"thin", "paper"}

    Raises
    ------
    WatermarkError
        If there is no such network or preset.
    """
    if name not in NETWORKS or preset not in PRESETS:
        raise WatermarkError(
            f"there is no network {name!r} with the preset {preset!r}: the networks are {', '.join(NETWORKS)}, the "
            f"presets {', '.join(PRESETS)}"
        )
    build, stride, least = _BUILD[name, preset]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = build()
        if preset == "paper":
            for module in body.modules():
                if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                    nn.init.normal_(module.weight, 0.0, 0.02)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
    return Surrogate(body, stride, least)


def to_tensor(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """Return (N, H, W, 3) uint8 as (N, 3, H, W) in [0, 1], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
