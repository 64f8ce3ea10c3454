"""Noise layers: what happens to a marked picture between H and R, differentiable."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from watermarking.deep.networks.resample import resample
from watermarking.deep.training.jpeg import jpeg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LAYERS", "blur", "colour", "crop", "gaussian_noise", "resize", "strike"]


def _generators(seeds: Tensor, device: torch.device) -> Iterator[torch.Generator]:
    """Make a generator for each picture, so that its noise is the same in any batch and on any process."""
    return (torch.Generator(device).manual_seed(seed) for seed in seeds.tolist())


def resize(image: Tensor, factor: float) -> Tensor:
    """Shrink or enlarge (N, 3, H, W) pictures by a factor along both axes."""
    height, width = image.shape[-2:]
    return resample(image, (max(1, round(height * factor)), max(1, round(width * factor))))


def _blur_matrix(length: int, sigma: float, device: torch.device) -> Tensor:
    """Return the (length, length) matrix of a Gaussian along one axis, the edge pixel reflected but not repeated."""
    radius = max(1, min(math.ceil(4 * sigma), length - 1))
    offsets = torch.arange(-radius, radius + 1, device=device)
    taps = torch.exp(-(offsets.float() ** 2) / (2 * max(sigma, 1e-3) ** 2))
    rows = torch.arange(length, device=device)[:, None]
    columns = (rows + offsets).abs()
    columns = torch.where(columns >= length, 2 * (length - 1) - columns, columns)
    matrix = torch.zeros((length, length), device=device)
    return matrix.scatter_add_(1, columns, (taps / taps.sum()).expand(length, -1))


def blur(image: Tensor, sigma: float) -> Tensor:
    """Blur with a Gaussian, sigma in pixels, edges reflected."""
    down, across = (_blur_matrix(length, sigma, image.device) for length in image.shape[-2:])
    return down @ image @ across.T


def gaussian_noise(image: Tensor, sigma: float, seeds: Tensor) -> Tensor:
    """Add white noise of a standard deviation in grey levels (of 255), clipped to the range."""
    noise = [torch.randn(image.shape[1:], generator=g, device=image.device) for g in _generators(seeds, image.device)]
    return (image + torch.stack(noise) * (sigma / 255)).clamp(0, 1)


def crop(image: Tensor, kept: float, seeds: Tensor) -> Tensor:
    """Keep a window of a share of the area, in place, another one in each picture; the rest becomes mid-grey.

    It stands for a crop whose geometry has been undone by the synchronisation.
    """
    height, width = image.shape[-2:]
    rows, columns = max(1, round(height * math.sqrt(kept))), max(1, round(width * math.sqrt(kept)))
    mask = torch.zeros((image.shape[0], 1, height, width))
    for i, generator in enumerate(_generators(seeds, torch.device("cpu"))):
        where = torch.rand(2, generator=generator).tolist()
        top, left = int(where[0] * (height - rows + 1)), int(where[1] * (width - columns + 1))
        mask[i, :, top : top + rows, left : left + columns] = 1
    mask = mask.to(image.device)
    return image * mask + 0.5 * (1 - mask)


def colour(image: Tensor, change: float) -> Tensor:
    """Scale contrast around mid-grey by 1 + change and saturation by 1 - change, clipped."""
    image = (image - 0.5) * (1 + change) + 0.5
    grey = (image * torch.tensor([0.299, 0.587, 0.114], device=image.device).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    return (grey + (image - grey) * (1 - change)).clamp(0, 1)


LAYERS: Final[dict[str, Callable[[Tensor, float, Tensor], Tensor]]] = {
    "none": lambda image, _value, _seeds: image,
    "jpeg": lambda image, value, _seeds: jpeg(image, round(value)),
    "resize": lambda image, value, _seeds: resize(image, value),
    "crop": crop,
    "blur": lambda image, value, _seeds: blur(image, value),
    "noise": gaussian_noise,
    "colour": lambda image, value, _seeds: colour(image, value),
}
"""Layer by name: (pictures, parameter, seeds) -> pictures, perhaps of another size."""


def strike(image: Tensor, name: str, value: float, seeds: Tensor) -> Tensor:
    """Apply one named layer to pictures (N, 3, H, W) in [0, 1]; ``seeds`` (N,) fix what is random in each.

    Raises
    ------
    KeyError
        If no layer has this name.
    """
    return LAYERS[name](image, value, seeds)
