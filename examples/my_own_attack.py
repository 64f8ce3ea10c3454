"""An attack of one's own, and what the default scheme makes of it: python examples/my_own_attack.py PHOTO."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

import watermarking as wm
from watermarking.attacks.attack import Attack, Pixels, number, round_pixels
from watermarking.pictures.files import read_picture


@dataclass(frozen=True)
class Vignette(Attack):
    """Darkens the corners by a share, as a cheap lens does."""

    id = "vignette"
    family = "values"
    share: float = number(0.5, 0.0, 1.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Multiply by light that falls off with the square of the distance; grey or colour, 8 bits."""
        rows, cols = (np.linspace(-1, 1, n) ** 2 / 2 for n in pixels.shape[:2])
        light = 1 - self.share * (rows[:, None] + cols)
        return round_pixels(pixels * light.reshape(*light.shape, *(1,) * (pixels.ndim - 2)))


def main(photo: str) -> None:
    """Mark the photograph and read it from darker and darker corners."""
    marker = wm.Marker(key=wm.Key.generate())
    marked = marker.embed(read_picture(photo).array, "mine")
    for share in (0.0, 0.5, 1.0):
        found = marker.extract(Vignette(share=share)(marked, rng=np.random.default_rng(0)))
        print(f"vignette {share}: {found.text!r}, p = {found.detection.p_value:.1g}")


if __name__ == "__main__":
    main(sys.argv[1])
