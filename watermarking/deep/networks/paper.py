"""The paper's own networks, as a preset: a U-Net with seven halvings and a wide dilated R [1].

They take pictures of the cover's size as watermark and cost 6 and 70 GMAC at 256 x 256: for a GPU.

References
----------
.. [1] Zhang et al., Model Watermarking for Image Processing Networks, AAAI 2020, arXiv:2002.11088.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PaperHider", "PaperReader"]

_DILATIONS = (2, 2, 2, 2, 4, 4, 4, 4, 1)


class PaperHider(nn.Module):
    """H of the paper: pix2pix U-Net, (N, 2 C, H, W) stacked cover and watermark to (N, C, H, W) in [0, 1].

    Sides must be multiples of ``2 ** n_downs``. 41,832,067 parameters for RGB.
    """

    def __init__(self, channels: int = 3, width: int = 64, n_downs: int = 7) -> None:
        super().__init__()
        widths = [min(width << i, 8 * width) for i in range(n_downs)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        n_in = 2 * channels
        for i, n_out in enumerate(widths):
            innermost = i == n_downs - 1
            layers: list[nn.Module] = [] if i == 0 else [nn.LeakyReLU(0.2)]
            layers.append(nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False))
            if 0 < i < n_downs - 1:
                layers.append(nn.BatchNorm2d(n_out))
            self.down.append(nn.Sequential(*layers))
            back = channels if i == 0 else widths[i - 1]
            layers = [nn.ReLU(), nn.ConvTranspose2d(n_out if innermost else 2 * n_out, back, 4, 2, 1, bias=i == 0)]
            layers.append(nn.Sigmoid() if i == 0 else nn.BatchNorm2d(back))
            self.up.append(nn.Sequential(*layers))
            n_in = n_out

    def forward(self, cover: Tensor, watermark: Tensor) -> Tensor:
        """Return the marked picture itself, not a residual."""
        x = torch.cat([cover, watermark], 1)
        skips: list[Tensor] = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        for i in range(len(self.up) - 1, -1, -1):
            x = self.up[i](x if i == len(self.up) - 1 else torch.cat([skips[i], x], 1))
        return x


class _Dilated(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False),
            nn.InstanceNorm2d(width, affine=True),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False),
            nn.InstanceNorm2d(width, affine=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class PaperReader(nn.Module):
    """R of the paper: (N, C, H, W) to (N, C, H, W), never negative; even sides. 3,368,707 parameters for RGB."""

    def __init__(self, channels: int = 3, width: int = 128) -> None:
        super().__init__()

        def step(n_in: int, stride: int) -> list[nn.Module]:
            conv = nn.Conv2d(n_in, width, 3, stride, 1, bias=False)
            return [conv, nn.InstanceNorm2d(width, affine=True), nn.ReLU()]

        self.body = nn.Sequential(
            *step(channels, 1),
            *step(width, 1),
            *step(width, 2),
            *(_Dilated(width, dilation) for dilation in _DILATIONS),
            nn.ConvTranspose2d(width, width, 4, 2, 1),
            nn.InstanceNorm2d(width, affine=True),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.InstanceNorm2d(width, affine=True),
            nn.ReLU(),
            nn.Conv2d(width, channels, 1),
            nn.ReLU(),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Read a picture of the watermark's size."""
        read: Tensor = self.body(image)
        return read
