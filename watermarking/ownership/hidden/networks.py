"""H and R, thin and keyed.

The paper's H adds one fixed change to everything, and its R learns what that change looks like, or what a surrogate
looks like: trained by the published recipe it also read surrogates of unmarked models. Here H adds one of many changes,
chosen by a direction in D dimensions, and R measures the direction. Surrogates look alike whatever the key is, so that
nothing but the mark itself can turn what R measures towards a key.

What H adds repeats with every second pixel: three patterns (columns, rows, a checkerboard) in three colours, each more
or less strong by what the picture shows. Networks that upsample by 2 or more learn that quickly, since their last layer
makes those phases anyhow, and pictures hold next to nothing of the kind, so that R reads it off one small picture. Free
networks in the place of these patterns were tried: after 4,000 steps they used a tenth of the dimensions.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.deep.networks.nets import Block

__all__ = ["LUMA", "MULTIPLE", "N_COLOURS", "HiddenNetworks", "HiddenSpec", "Hider", "Reader"]

MULTIPLE: Final = 4
"""Sides are extended to multiples of it."""
_QUIET: Final = 1e-3
"""Mean square below which a change is not brought to the strength asked for."""
_LIMIT: Final = 2.5 / 255
_RIDGE: Final = 0.02
_COLOURS: Final = ((0.0, -0.3303, 1.7003), (1.5427, -0.7858, 0.0), (1.0, 1.0, 1.0))
"""RGB changes that a unit of Cb, Cr and luma makes, of norm sqrt 3."""
LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of R, G and B to which the changes of Cb and Cr are blind."""
N_COLOURS: Final = len(_COLOURS)
"""Luma is the last: of grey pictures the last third of the dimensions counts."""
_PATTERNS: Final = (((1, -1), (1, -1)), ((1, 1), (-1, -1)), ((1, -1), (-1, 1)))
_N_MAPS: Final = len(_COLOURS) * len(_PATTERNS)


@dataclass(frozen=True, kw_only=True)
class HiddenSpec:
    """Sizes of a pair of networks.

    Attributes
    ----------
    modulators : int
        Maps of what a picture shows, beside a constant, that make the patterns stronger or weaker.
    content_width, content_blocks : int
        Channels and residual blocks of the network that finds them.
    attention_width : int
        Channels of the network that says where R may trust what it sees.
    """

    modulators: int = 7
    content_width: int = 24
    content_blocks: int = 1
    attention_width: int = 24

    @property
    def directions(self) -> int:
        """Dimensions D of the hidden direction of a colour picture; a grey one has a third of them."""
        return _N_MAPS * (self.modulators + 1)


class Content(nn.Module):
    """What a picture shows, coarsely, (N, 3, H, W) to (N, 1 + modulators, H / 2, W / 2): a constant first."""

    def __init__(self, spec: HiddenSpec) -> None:
        super().__init__()
        width = spec.content_width
        self.enter = nn.Conv2d(3 * MULTIPLE**2, width, 3, padding=1)
        self.trunk = nn.Sequential(*(Block(width) for _ in range(spec.content_blocks)))
        self.leave = nn.Conv2d(width, spec.modulators, 3, padding=1)
        with torch.no_grad():
            self.enter.weight.mul_(6)
            self.leave.weight.mul_(4)

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps; the sides are multiples of 4."""
        x = functional.leaky_relu(self.enter(functional.pixel_unshuffle(image - 0.5, MULTIPLE)), 0.1)
        x = 1.5 * torch.tanh(self.leave(functional.leaky_relu(self.trunk(x), 0.1)))
        x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return torch.cat([torch.ones_like(x[:, :1]), x], 1)


class Hider(nn.Module):
    """H: a picture and a direction to what is added.

    Parameters
    ----------
    spec : HiddenSpec
    """

    def __init__(self, spec: HiddenSpec) -> None:
        super().__init__()
        self.content = Content(spec)
        self.drawn: Tensor
        self.register_buffer("drawn", _drawn(), persistent=False)

    def forward(self, cover: Tensor, direction: Tensor) -> Tensor:
        """Return the change, before it is scaled.

        Parameters
        ----------
        cover : Tensor (N, 3, H, W) in [0, 1], sides multiples of 4
        direction : Tensor (N, D), unit vectors

        Returns
        -------
        Tensor (N, 3, H, W), of mean square 1 over each picture unless H has nearly nothing to add
        """
        shown = self.content(cover)
        weights = direction.reshape(len(cover), _N_MAPS, -1)
        strengths = torch.einsum("nmg,nghw->nmhw", weights, shown)
        strengths = strengths / torch.sqrt(strengths.square().mean((1, 2, 3), keepdim=True) + _QUIET)
        strengths = strengths / torch.sqrt(1 + strengths.square() / 16)  # a few strong places would show
        change = functional.pixel_shuffle(torch.einsum("nmhw,mo->nohw", strengths, self.drawn), 2)
        size = change.square().mean((1, 2, 3), keepdim=True)
        return change / torch.sqrt(size + _QUIET)


class Reader(nn.Module):
    """R: a picture to the direction that is hidden in it, about 0 where nothing is.

    It takes the patterns out of the picture, limits what is too large to be a mark, and fits the maps of what the
    picture shows to what is left, by least squares weighted by how much each place is to be trusted.

    Parameters
    ----------
    spec : HiddenSpec
    content : Content
        H's, of which R takes a copy.
    """

    def __init__(self, spec: HiddenSpec, content: Content) -> None:
        super().__init__()
        self.content = copy.deepcopy(content)
        self.taken: Tensor
        self.register_buffer("taken", _taken(), persistent=False)
        width = spec.attention_width
        self.limit = nn.Parameter(torch.full((1, _N_MAPS, 1, 1), _LIMIT))
        self.attend = nn.Sequential(
            nn.Conv2d(2 * _N_MAPS, width, 3, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.1), nn.Conv2d(width, _N_MAPS, 1),
        )  # fmt: skip
        self.gain = nn.Parameter(torch.full((spec.directions,), 0.4 / _LIMIT))

    def forward(self, image: Tensor) -> Tensor:
        """Measure the direction over each picture.

        Parameters
        ----------
        image : Tensor (N, 3, H, W) in [0, 1], sides multiples of 4

        Returns
        -------
        Tensor (N, D), about the unit vector that H was given, times the share of the mark that is left
        """
        found = functional.conv2d(functional.pad(image, (1, 1, 1, 1), mode="reflect"), self.taken, stride=2)
        limit = self.limit.abs() + 1e-4
        limited = limit * torch.tanh(found / limit)
        busy = torch.log1p(found.abs() / _LIMIT)
        trust = functional.softplus(1 + self.attend(torch.cat([busy, limited / _LIMIT], 1)))
        shown = self.content(image)
        # Weighted least squares, for each of the nine maps by itself.
        gram = torch.einsum("nmhw,nghw,nkhw->nmgk", trust, shown, shown)
        cross = torch.einsum("nmhw,nghw->nmg", trust * limited, shown)
        size = torch.diagonal(gram, dim1=-2, dim2=-1).mean(-1)[..., None, None]
        solved = torch.linalg.solve(gram + _RIDGE * size * torch.eye(gram.shape[-1], device=gram.device), cross)
        measured: Tensor = self.gain * solved.flatten(1)
        return measured


class HiddenNetworks(nn.Module):
    """H and R, which belong together.

    Parameters
    ----------
    spec : HiddenSpec
    """

    def __init__(self, spec: HiddenSpec) -> None:
        super().__init__()
        self.spec, self.hider = spec, Hider(spec)
        self.reader = Reader(spec, self.hider.content)


def _drawn() -> Tensor:
    """Return what each map adds to the twelve values of a 2 x 2 cell, in pixel_shuffle's order, (9, 12)."""
    patterns = torch.tensor(_PATTERNS, dtype=torch.float32).reshape(3, 4)
    return torch.einsum("cr,ps->cprs", torch.tensor(_COLOURS), patterns).reshape(_N_MAPS, 12) / 3


def _taken() -> Tensor:
    """Return the filters that measure each map on a cell and around it, (9, 3, 4, 4), blind to smooth changes."""
    narrow, wide = torch.tensor([-1.0, 2.0, -1.0]) / 4, torch.tensor([1.0, 2.0, 1.0]) / 4
    axes = ((wide, narrow), (narrow, wide), (narrow, narrow))
    filters = torch.zeros(3, 4, 4)
    for filt, (rows, columns), pattern in zip(filters, axes, _PATTERNS, strict=True):
        for y in (0, 1):
            for x in (0, 1):
                filt[y : y + 3, x : x + 3] += pattern[y][x] * torch.outer(rows, columns) / 4
    inverse = torch.linalg.pinv(torch.tensor(_COLOURS)).T  # colour's row: what of R, G and B makes a unit of it
    return torch.einsum("cr,pyx->cpryx", inverse, filters).reshape(_N_MAPS, 3, 4, 4)
