"""The networks: H hides a picture in a cover, R reads it back, D criticises patches.

Both small networks see pictures through a pixel unshuffle by 4, so that nearly all work happens on a sixteenth of the
pixels. Convolutions carry no normalisation: a mark at 38 dB and one at 52 dB must both be read, and statistics taken
over a whole picture would tie a tile's reading to the rest of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["STRIDE", "Critic", "Hider", "NetSpec", "Reader", "Thin", "UNet", "pad", "silence"]

STRIDE = 4
"""Pixels of the working picture per cell of the trunk, along each axis."""
_MULTIPLE = 16
_ROOM = 32.0  # the residual fades over the last 8 grey levels before black and white


@dataclass(frozen=True, kw_only=True)
class NetSpec:
    """Shape of a pair of networks; the part of a weights card that rebuilds them.

    Attributes
    ----------
    payload_ratio : int
        Working pixels per payload pixel along each axis: 1, 2 or 4, or a multiple of 4.
    payload_channels : int
        1 (grey, code raster) or 3 (RGB).
    pilot_ratio : int
        Working pixels per pilot sign along each axis, a multiple of 4; 0 for no pilot.
    hider_widths : tuple of int
        Channels of the U-Net's levels, finest first.
    reader_width, reader_blocks : int
        Channels and residual blocks of R's trunk.
    stem_width : int
        Channels of R's first layers, at half the working resolution.
    bound : float
        Largest value of the raw residual, in units of full scale; without meaning on a lattice.
    limit, border, untinted : float, int, bool
        How the residual is kept from showing, see :func:`watermarking.deep.networks.shaping.shape_residual`; 0 for not
        at all. Without meaning on a lattice. R need not know.
    lattice : bool
        Whether the networks bend and clean what a lattice says; see :mod:`watermarking.deep.networks.lattice_nets`.
    """

    payload_ratio: int = 2
    payload_channels: int = 3
    pilot_ratio: int = 16
    hider_widths: tuple[int, ...] = (64, 96, 128)
    reader_width: int = 80
    reader_blocks: int = 7
    stem_width: int = 32
    bound: float = 0.25
    limit: float = 0.0
    border: int = 0
    untinted: bool = False
    lattice: bool = False


def silence(layer: nn.Conv2d) -> None:
    """Let a convolution answer with zeros until it has learnt something."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


class Block(nn.Module):
    """Residual block of two 3x3 convolutions; the second starts at zero, so that depth costs no stability."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        silence(self.second)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, h, w) to the same shape."""
        change: Tensor = self.second(functional.leaky_relu(self.first(functional.leaky_relu(x, 0.1)), 0.1))
        return x + change


def pad(x: Tensor) -> Tensor:
    """Repeat the edge so that both sides are multiples of the coarsest cell."""
    below, right = -x.shape[-2] % _MULTIPLE, -x.shape[-1] % _MULTIPLE
    return functional.pad(x, (0, right, 0, below), mode="replicate") if below or right else x


def _to_cells(x: Tensor, ratio: int, cells: tuple[int, int]) -> Tensor:
    """Bring a payload map to the trunk's grid, (N, C, h, w) -> (N, C', rows, columns)."""
    if ratio < STRIDE:
        fold = STRIDE // ratio
        grown = functional.interpolate(x, (cells[0] * fold, cells[1] * fold), mode="nearest")
        return functional.pixel_unshuffle(grown, fold)
    return functional.interpolate(x, cells, mode="nearest")


class UNet(nn.Module):
    """The trunk of H: residual blocks at halving resolutions, with skips.

    Parameters
    ----------
    spec : NetSpec
    n_in, n_out : int
        Channels of a cell before and after.
    """

    def __init__(self, spec: NetSpec, n_in: int, n_out: int) -> None:
        super().__init__()
        self.spec = spec
        widths = spec.hider_widths
        self.enter = nn.Conv2d(n_in, widths[0], 3, padding=1)
        self.down = nn.ModuleList(Block(width) for width in widths)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairwise(widths))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(Block(width) for width in widths[:-1])
        self.leave = nn.Conv2d(widths[0], n_out, 3, padding=1)

    def descend_and_return(self, x: Tensor) -> Tensor:
        """Run the trunk over cells (N, n_in, h, w); return (N, n_out, h, w)."""
        x = self.enter(x)
        skips = []
        for block, shrink in zip(self.down, self.shrink, strict=False):
            x = block(x)
            skips.append(x)
            x = shrink(x)
        x = self.down[-1](x)
        for i in range(len(self.up) - 1, -1, -1):
            x = self.up[i](self.grow[i](x) + skips[i])
        out: Tensor = self.leave(functional.leaky_relu(x, 0.1))
        return out


class Hider(UNet):
    """H: a U-Net over the stacked cover, payload and pilot that answers with a bounded residual.

    Parameters
    ----------
    spec : NetSpec
    """

    def __init__(self, spec: NetSpec) -> None:
        fold = max(1, STRIDE // spec.payload_ratio)
        n_in = 3 * STRIDE**2 + spec.payload_channels * fold**2 + (1 if spec.pilot_ratio else 0) + 1
        super().__init__(spec, n_in, 3 * STRIDE**2)

    def forward(self, cover: Tensor, payload: Tensor, pilot: Tensor, psnr: Tensor) -> Tensor:
        """Return the residual, before it is scaled to the strength asked for.

        Parameters
        ----------
        cover : Tensor (N, 3, H, W) in [0, 1]
        payload : Tensor (N, C, h, w) in [-1, 1]
        pilot : Tensor (N, 1, k, l) of -1 and +1; ignored by networks without a pilot
        psnr : Tensor (N,) in dB, the strength that the residual will be scaled to

        Returns
        -------
        Tensor (N, 3, H, W) in [-bound, bound]
        """
        height, width = cover.shape[-2:]
        x = functional.pixel_unshuffle(pad(cover) - 0.5, STRIDE)
        cells = (x.shape[-2], x.shape[-1])
        parts = [x, _to_cells(payload, self.spec.payload_ratio, cells)]
        if self.spec.pilot_ratio:
            parts.append(functional.interpolate(pilot, cells, mode="nearest"))
        parts.append(((psnr - 44) / 8).reshape(-1, 1, 1, 1).expand(-1, 1, *cells))
        x = functional.pixel_shuffle(self.descend_and_return(torch.cat(parts, 1)), STRIDE)
        change = self.spec.bound * torch.tanh(x[..., :height, :width])
        # Near black and white there is no room: what would be clipped must not count as strength.
        room = torch.where(change < 0, cover, 1 - cover)
        return change * (room * _ROOM).clamp(0, 1)


class Thin(nn.Module):
    """The trunk of R: a stem at half the working resolution, residual blocks at a quarter.

    Parameters
    ----------
    spec : NetSpec
    n_in : int
        Channels that enter, at half the working resolution.
    """

    def __init__(self, spec: NetSpec, n_in: int) -> None:
        super().__init__()
        self.spec = spec
        stem, width = spec.stem_width, spec.reader_width
        self.enter = nn.Conv2d(n_in, stem, 3, padding=1)
        self.stem = Block(stem)
        self.fold = nn.Conv2d(stem, width, 4, 2, padding=1)
        self.trunk = nn.Sequential(*(Block(width) for _ in range(spec.reader_blocks)))

    def look(self, x: Tensor) -> Tensor:
        """Run the trunk over (N, n_in, h, w); return (N, reader_width, h / 2, w / 2)."""
        x = self.stem(self.enter(x))
        return functional.leaky_relu(self.trunk(self.fold(functional.leaky_relu(x, 0.1))), 0.1)


class Reader(Thin):
    """R: a thin residual network that answers with the payload and the pilot, or blank.

    Parameters
    ----------
    spec : NetSpec
    """

    def __init__(self, spec: NetSpec) -> None:
        super().__init__(spec, 12)
        width, ratio = spec.reader_width, spec.payload_ratio
        if ratio < STRIDE:
            self.payload = nn.Conv2d(width, spec.payload_channels * (STRIDE // ratio) ** 2, 3, padding=1)
        else:
            self.payload = nn.Conv2d(width, spec.payload_channels, ratio // STRIDE, ratio // STRIDE)
        step = max(1, spec.pilot_ratio // STRIDE)
        self.pilot = nn.Conv2d(width, 1, step, step)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Read a picture.

        Parameters
        ----------
        image : Tensor (N, 3, H, W) in [0, 1]

        Returns
        -------
        payload : Tensor (N, C, ceil(H / ratio), ceil(W / ratio)), about [-1, 1]
        pilot : Tensor (N, 1, k, l), about [-1, 1], 0 where nothing is there
        """
        x = self.look(functional.pixel_unshuffle(pad(image) - 0.5, 2))
        payload = self.payload(x)
        ratio = self.spec.payload_ratio
        if ratio < STRIDE:
            payload = functional.pixel_shuffle(payload, STRIDE // ratio)
        rows, columns = -(-image.shape[-2] // ratio), -(-image.shape[-1] // ratio)
        return payload[..., :rows, :columns], self.pilot(x)


class Critic(nn.Module):
    """D: a patch discriminator, four strided convolutions and a score for each patch [1].

    With ``width=64`` it is the paper's: 1,555,585 parameters, 16 x 16 scores at 256 x 256.

    References
    ----------
    .. [1] Zhang et al., Model Watermarking for Image Processing Networks, AAAI 2020, arXiv:2002.11088.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 2, 1), nn.LeakyReLU(0.2)]
        for i in range(3):
            layers += [
                nn.Conv2d(width << i, width << (i + 1), 3, 2, 1),
                nn.InstanceNorm2d(width << (i + 1)),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(width << 3, 1, 3, 1, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Score the patches of (N, 3, H, W) pictures in [0, 1]; 1 for genuine, 0 for marked."""
        scores: Tensor = self.layers(image)
        return scores
