"""Pairs of H and R by their shape, behind one interface: what whoever trains or uses a pair must know of its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from watermarking.deep.networks.lattice_nets import LatticeHider, LatticeReader
from watermarking.deep.networks.nets import Hider, Reader
from watermarking.deep.networks.resample import sharpen
from watermarking.deep.networks.shaping import shape_residual

if TYPE_CHECKING:
    from watermarking.deep.networks.nets import NetSpec

__all__ = ["LatticePair", "Pair", "PlainPair", "build_pair"]


class Pair(nn.Module, ABC):
    """H and R of one kind; as a module, it holds ``hider.<name>`` and ``reader.<name>``.

    Parameters
    ----------
    spec : NetSpec
    group : int
        Consecutive tiles of a batch that belong to one picture, in training.

    Attributes
    ----------
    hider : Module
        H: cover (N, 3, H, W) in [0, 1], payload in [-1, 1], pilot of -1 and +1, psnr (N,) in dB -> residual of the
        cover's shape, full scale 1.
    reader : Module
        R: picture (N, 3, H, W) in [0, 1] -> payload and pilot.
    scalable : bool
        Whether a residual is scaled to the strength asked for. If not, it has the strength that it comes with, and H is
        told another one until that is right.
    """

    scalable: ClassVar[bool]
    hider: nn.Module
    reader: nn.Module

    def __init__(self, spec: NetSpec, group: int = 1) -> None:
        super().__init__()
        self.spec, self.group = spec, group

    @abstractmethod
    def before_growing(self, residual: Tensor, size: tuple[int, int], grey: Tensor | None = None) -> Tensor:
        """Return what is to be grown to a cover's size in place of H's residual (N, 3, h, w), same shape.

        Parameters
        ----------
        residual : Tensor (N, 3, h, w) float32
        size : (int, int)
            Rows and columns of the cover.
        grey : Tensor (N, 1, 1, 1) bool, optional
            Which covers have no colour and must stay without; left out where whoever adds the residual sees to it.
        """

    @abstractmethod
    def read(self, image: Tensor, psnr: Tensor) -> tuple[Tensor, Tensor]:
        """Read payload and pilot from training tiles (N, 3, H, W) that H marked, told ``psnr`` (N,)."""

    @abstractmethod
    def strength(self, marked: Tensor, cover: Tensor, psnr: Tensor) -> Tensor:
        """Return the strength (N,) in dB that came out where ``psnr`` (N,) was asked for, groups being one picture."""

    @abstractmethod
    def n_clean(self, n_tiles: int) -> int:
        """Return how many of a batch's covers R is to be shown unmarked too, in training."""


class PlainPair(Pair):
    """Networks that add to a cover: what H answers with is scaled to the strength, and R needs nothing but tiles."""

    scalable = True

    def __init__(self, spec: NetSpec, group: int = 1) -> None:
        super().__init__(spec, group)
        self.hider, self.reader = Hider(spec), Reader(spec)

    def before_growing(self, residual: Tensor, size: tuple[int, int], grey: Tensor | None = None) -> Tensor:
        """Return the residual in the shape that shows least, on grey covers its mean over the channels."""
        spec = self.spec
        shaped = shape_residual(
            residual, limit=spec.limit, border=spec.border, untinted=spec.untinted, group=self.group
        )
        return shaped if grey is None else torch.where(grey, shaped.mean(1, keepdim=True), shaped)

    def read(self, image: Tensor, psnr: Tensor) -> tuple[Tensor, Tensor]:
        """Read tiles as R does anywhere."""
        found: tuple[Tensor, Tensor] = self.reader(image)
        return found

    def strength(self, marked: Tensor, cover: Tensor, psnr: Tensor) -> Tensor:
        """Return what was asked for: scaling gave it."""
        return psnr

    def n_clean(self, n_tiles: int) -> int:
        """Return half of the tiles."""
        return n_tiles // 2


class LatticePair(Pair):
    """Networks over a lattice: a residual leads onto it and must arrive as it is.

    Raises
    ------
    WeightsError
        If the shape of the payload or of the pilot is none that the lattice carries.
    """

    scalable = False

    def __init__(self, spec: NetSpec, group: int = 1) -> None:
        super().__init__(spec, group)
        self.hider, self.reader = LatticeHider(spec, group), LatticeReader(spec, group)

    def before_growing(self, residual: Tensor, size: tuple[int, int], grey: Tensor | None = None) -> Tensor:
        """Return the residual sharpened, so that growing and shrinking leave it; it is grey on grey covers already."""
        return sharpen(residual, size)

    def read(self, image: Tensor, psnr: Tensor) -> tuple[Tensor, Tensor]:
        """Read tiles with the step told: a tile alone may be too little to find it in."""
        found: tuple[Tensor, Tensor] = self.reader(image, psnr)
        return found

    def strength(self, marked: Tensor, cover: Tensor, psnr: Tensor) -> Tensor:
        """Measure the strength: steps do not fix it."""
        error = (marked - cover).square().mean((1, 2, 3)).reshape(-1, self.group).mean(1)
        return -10 * torch.log10(error + 1e-12).repeat_interleave(self.group)

    def n_clean(self, n_tiles: int) -> int:
        """Return half of the tiles, in whole groups: their steps hang together."""
        half = n_tiles // 2
        return half - half % self.group


def build_pair(spec: NetSpec, group: int = 1) -> Pair:
    """Make H and R, untrained, for batches in which ``group`` consecutive tiles belong to one picture.

    Raises
    ------
    WeightsError
        If the networks are over a lattice that does not carry such a payload or pilot.
    """
    return (LatticePair if spec.lattice else PlainPair)(spec, group)
