"""What activations show: a network that rebuilds the inputs from what crosses the cut.

The attacker is the server, or whoever listens, at its strongest: it knows the first layers' weights (from a holder, or
where training began) and has pictures of the same kind. It trains a decoder on its own pictures' activations, noise
included, and applies it to those of the holders (Dosovitskiy and Brox, "Inverting visual representations with
convolutional networks", CVPR 2016; He, Zhang and Lee, "Model inversion attacks against collaborative inference", ACSAC
2019, their white-box setting).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.errors import WatermarkError
from watermarking.ownership.split.batches import with_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Decoder", "mean_psnr", "rebuild", "train_decoder"]

_BATCH: Final = 32
_RATE: Final = 2e-3


class Decoder(nn.Module):
    """Maps activations (N, *cut) to pictures (N, channels, H, W) in [0, 1].

    Parameters
    ----------
    cut : tuple of int
        Shape of activations: (channels, h, w), or (features,).
    shape : tuple of int
        Of a picture: (channels, H, W).
    width : int
        Channels inside.
    """

    def __init__(self, cut: Sequence[int], shape: Sequence[int], width: int = 32) -> None:
        super().__init__()
        if len(cut) not in (1, 3) or len(shape) != 3:
            raise WatermarkError(
                f"activations of shape {tuple(cut)} are not made pictures of shape {tuple(shape)}: (channels, h, w) "
                "or (features,), and (channels, H, W) are needed"
            )
        self.shape = tuple(shape)
        coarse = (-(-shape[1] // 4), -(-shape[2] // 4))
        begin: list[nn.Module] = [nn.Conv2d(cut[0], width, 3, 1, 1)]
        if len(cut) == 1:
            begin = [nn.Linear(cut[0], width * math.prod(coarse)), nn.Unflatten(1, (width, *coarse))]
        side = cut[1] if len(cut) == 3 else coarse[0]
        layers = [*begin, nn.ReLU()]
        while side < shape[1]:
            layers += [nn.Conv2d(width, 4 * width, 3, 1, 1), nn.PixelShuffle(2), nn.ReLU()]
            side *= 2
        layers += [nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(), nn.Conv2d(width, shape[0], 3, 1, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, activations: Tensor) -> Tensor:
        """Rebuild pictures."""
        found: Tensor = self.layers(activations)
        if found.shape[2:] != self.shape[1:]:
            found = functional.interpolate(found, self.shape[1:], mode="bilinear", align_corners=False)
        return torch.sigmoid(found)


def train_decoder(
    front: nn.Module, pictures: Tensor, *, noise: float = 0.0, steps: int = 500, width: int = 32, seed: int = 0
) -> Decoder:
    """Train a decoder on an attacker's own pictures.

    Parameters
    ----------
    front : Module
        The first layers, as they are.
    pictures : Tensor (n, channels, H, W) in [0, 1]
    noise : float
        That holders add, in standard deviations of the activations.
    steps, width : int
        Of training, 32 pictures each; channels of the decoder.
    seed : int
    """
    front.eval()
    with torch.no_grad():
        cut = tuple(front(pictures[:1]).shape[1:])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = Decoder(cut, tuple(pictures.shape[1:]), width)
        optimiser = torch.optim.Adam(decoder.parameters(), _RATE)
        plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
        for _ in range(steps):
            wanted = pictures[torch.randint(len(pictures), (_BATCH,))]
            with torch.no_grad():
                seen = with_noise(front(wanted), noise)
            loss = functional.mse_loss(decoder(seen), wanted)
            optimiser.zero_grad()
            torch.autograd.backward([loss])
            optimiser.step()
            plan.step()
    return decoder.eval()


def rebuild(decoder: Decoder, front: nn.Module, pictures: Tensor, *, noise: float = 0.0, seed: int = 0) -> Tensor:
    """Return what the decoder makes of the activations of pictures that it was not trained on."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        found: Tensor = decoder(with_noise(front.eval()(pictures), noise))
        return found


def mean_psnr(rebuilt: Tensor, pictures: Tensor) -> float:
    """Return the mean over pictures (n, channels, H, W) in [0, 1] of their PSNR, in dB."""
    error = (rebuilt - pictures).square().mean(dim=(1, 2, 3)).clamp_min(1e-10)
    return float((-10 * error.log10()).mean())
