"""JPEG as a layer: the real codec forwards, the identity of its rounding backwards."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["jpeg", "quantiser_steps", "round_through"]

# ITU-T T.81, annex K.1: the tables that libjpeg scales by the quality.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99,
) + (99,) * 32  # fmt: skip
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def round_through(x: Tensor) -> Tensor:
    """Round to integers; the gradient passes as if nothing had happened (straight-through)."""
    return x + (x.round() - x).detach()


def quantiser_steps(quality: int, *, chroma: bool) -> Tensor:
    """Return libjpeg's (8, 8) float32 table of steps for a quality of 1 to 100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    table = torch.tensor(_CHROMA if chroma else _LUMA, dtype=torch.float64)
    return ((table * scale + 50) / 100).floor().clamp(1, 255).reshape(8, 8).float()


@lru_cache(maxsize=8)
def _dct(device: torch.device) -> Tensor:
    """Return the orthonormal (64, 64) matrix of the 8 x 8 DCT: one large product is far faster than many small ones."""
    k = torch.arange(8, dtype=torch.float64)
    basis = torch.cos(math.pi * (2 * k[None] + 1) * k[:, None] / 16) / 2
    basis[0] /= math.sqrt(2)
    return torch.kron(basis, basis).float().to(device)


@lru_cache(maxsize=512)
def _steps_on(quality: int, chroma: bool, device: torch.device) -> Tensor:
    return quantiser_steps(quality, chroma=chroma).reshape(64).to(device)


def _code(plane: Tensor, quality: int, chroma: bool) -> Tensor:
    """Quantise the 8x8 DCT of planes (N, H, W) in grey levels around 0, sides multiples of 8."""
    n, height, width = plane.shape
    basis = _dct(plane.device)
    blocks = plane.reshape(n, height // 8, 8, width // 8, 8).transpose(2, 3).reshape(-1, 64)
    steps = _steps_on(quality, chroma, plane.device)
    coefficients = round_through(blocks @ basis.T / steps) * steps
    return (coefficients @ basis).reshape(n, height // 8, width // 8, 8, 8).transpose(2, 3).reshape(n, height, width)


def _mix(x: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("ij,njhw->nihw", torch.tensor(matrix, device=x.device), x)


def jpeg(image: Tensor, quality: int, *, subsample: bool = True) -> Tensor:
    """Compress and decompress pictures.

    Parameters
    ----------
    image : Tensor (N, 3, H, W) float32 in [0, 1]
    quality : int
        libjpeg's scale, 1 to 100.
    subsample : bool
        4:2:0 with triangular upsampling, as libjpeg does by default; False for 4:4:4.

    Returns
    -------
    Tensor (N, 3, H, W) in [0, 1], on 8-bit levels
    """
    height, width = image.shape[-2:]
    x = functional.pad(image * 255, (0, -width % 16, 0, -height % 16), mode="replicate")
    ycc = _mix(x, _TO_YCC)
    luma, colour = ycc[:, 0] - 128, ycc[:, 1:]
    if subsample:
        colour = functional.avg_pool2d(colour, 2)
    n, _, rows, columns = colour.shape
    luma = _code(round_through(luma), quality, False) + 128
    colour = _code(round_through(colour).reshape(n * 2, rows, columns), quality, True).reshape(n, 2, rows, columns)
    if subsample:
        colour = functional.interpolate(colour, scale_factor=2, mode="bilinear", align_corners=False)
    rgb = _mix(torch.cat([luma[:, None], colour], 1), _TO_RGB)[..., :height, :width]
    return round_through(rgb.clamp(0, 255)) / 255
