"""A scheme of one's own, and what it withstands: python examples/my_own_scheme.py PHOTO."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

import watermarking as wm
from watermarking.attacks import parse_attack
from watermarking.pictures.drawing import apply_residual
from watermarking.pictures.files import read_picture
from watermarking.pictures.plane import luma_plane
from watermarking.significance import squares_p_value

if TYPE_CHECKING:
    from watermarking.interface import Bits, Image


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Adds a keyed sign to every pixel; the bits take turns, a column each."""

    psnr: float = 42.0
    id: ClassVar[str] = "columns"
    payload_kind: ClassVar[Literal["bits", "picture"]] = "bits"
    keyed: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = False

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return how many bits fit: as many as there are columns."""
        return min(shape[1], 1024) if shape[0] >= 128 else 0

    def embed(self, image: Image, payload: Bits, *, key: wm.Key) -> Image:
        """Return a marked copy."""
        signs = key.signs("columns/signs", image.shape[0] * image.shape[1]).reshape(image.shape[:2])
        bits = np.where(np.resize(payload, self.capacity(image.shape)), 1, -1)
        return apply_residual(image, (signs * np.resize(bits, image.shape[1])).astype(np.float32), self.psnr, scale=1)

    def extract(self, image: Image, *, key: wm.Key) -> wm.Extraction[Any]:
        """Add up, for each bit, how its columns' pixels, less the ones above them, agree with the signs."""
        n, plane = self.capacity(image.shape), luma_plane(image, 1)
        signed = key.signs("columns/signs", plane.size).reshape(plane.shape) * (plane - np.roll(plane, 1, 0))
        bit = np.arange(plane.shape[1]) % max(n, 1)
        sums, squares = (np.bincount(bit, part.sum(0), n)[:n] for part in (signed, np.square(signed)))
        scores = np.divide(sums, np.sqrt(squares), out=np.zeros(n), where=squares > 0).astype(np.float32)
        total = float(np.square(scores).sum())
        return wm.Extraction(scores > 0, scores, wm.Detection(total, squares_p_value(total, n), "energy"))


if __name__ == "__main__":
    marker = wm.Marker(Columns(), key=wm.Key.generate())
    marked = marker.embed(read_picture(sys.argv[1]).array, "mine")
    for attack in ("brightness(0.9)", "noise(5)", "jpeg(75)", "blur(2)"):
        found = marker.extract(parse_attack(attack)(marked, rng=np.random.default_rng(0)))
        print(f"{attack}: {found.text!r}, p = {found.detection.p_value:.1g}")
