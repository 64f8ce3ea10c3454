"""Enlarging by a network, which draws what it thinks that edges are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import choice, number
from watermarking.attacks.geometry import GeometricAttack
from watermarking.attacks.resampling import check_size, resample, scaling
from watermarking.errors import UnsupportedImageError
from watermarking.extras import needed

if TYPE_CHECKING:
    from watermarking.attacks.attack import Matrix, Pixels, Size

__all__ = ["Upscale"]


@dataclass(frozen=True)
class Upscale(GeometricAttack):
    """Enlarge both edges `scale` times with a small network. Needs ``pip install 'watermarking[upscale]'``.

    The networks are those of Anime4KCPP, whose package brings their weights: they double the edges, once or twice, and
    what is not a power of two is resampled from there. ``acnet-gan`` and ``arnet-hdn`` draw details, the others take
    more and more for noise. They were trained on drawings: of photographs they make sharp, slightly painted ones.
    Behind a shrinking it is how pictures are "restored": ``resize(0.5) | upscale(2.0)``.
    """

    id = "upscale"
    scale: float = number(2.0, 1.0, 4.0)
    network: str = choice("acnet-gan", "arnet-hdn", "acnet-hdn0", "acnet-hdn1", "acnet-hdn2", "acnet-hdn3")

    def place(self, size: Size, _rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Round the new edges."""
        new = (round(size[0] * self.scale), round(size[1] * self.scale))
        return scaling(size, new), new

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Double once or twice, and resample; alpha goes the same way."""
        package = needed("pyanime4k", "upscale")
        new = self.place((pixels.shape[0], pixels.shape[1]), rng)[1]
        factor = 2 if self.scale <= 2 else 4
        check_size((pixels.shape[0] * factor, pixels.shape[1] * factor))
        processor = package.pyac.core.Processor("cpu", 0, self.network)
        if not processor.ok():
            raise UnsupportedImageError(f"pyanime4k cannot use {self.network} here: {processor.error()}")
        return resample(np.asarray(processor(pixels, float(factor)), dtype=np.uint8), new, "auto")
