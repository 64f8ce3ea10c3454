"""What a camera sees of a screen: its sub-pixels, and the slow waves that they and the camera's pixels make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.attacks.attack import number, round_pixels
from watermarking.attacks.geometry import GeometricAttack, Perspective
from watermarking.attacks.resampling import check_size, move, scaling

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.attacks.attack import Matrix, Pixels, Size

__all__ = ["Moire"]

_BAND_PIXELS: Final = 1 << 20
_SCREEN_GAMMA: Final = 2.2
_STRIPES: Final = np.array([-1 / 3, 0, 1 / 3], dtype=np.float32)
"""Where in a pixel its red, green and blue stripes stand."""
_GAPS: Final = 0.5
"""How strong the dark lines between a screen's rows are, of the stripes."""


@dataclass(frozen=True)
class Moire(GeometricAttack):
    """Photograph a screen's grid of sub-pixels, from a random point of view.

    Each pixel of the picture is three upright stripes, with a dark line below. What of that the lens lets through, its
    first harmonic, brightens and darkens the light by `strength`; sampled at the camera's pixels, `scale` of them to
    one of the screen along each axis, it makes coloured waves that are slow where the scale is near a whole number.
    `perspective` is that of the attack of this name. Beyond the screen it is dark.
    """

    id = "moire"
    strength: float = number(0.1, 0.0, 1.0)
    scale: float = number(1.2, 0.1, 4.0)
    perspective: float = number(0.05, 0.0, 0.95)

    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix, Size]:
        """Return the perspective, then the scaling."""
        new = (max(1, round(size[0] * self.scale)), max(1, round(size[1] * self.scale)))
        return scaling(size, new) @ Perspective(self.perspective).place(size, rng)[0], new

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Resample the picture, and multiply its light by the grid's at the same places, a band of rows at a time."""
        matrix, size = self.place((pixels.shape[0], pixels.shape[1]), rng)
        check_size(size)
        seen, back = move(pixels, matrix, size), np.asarray(np.linalg.inv(matrix), dtype=np.float64)
        band = max(1, _BAND_PIXELS // size[1])
        for top in range(0, size[0], band):
            rows = slice(top, min(size[0], top + band))
            light = self._light(rows, size[1], back)
            part = seen[rows, :, :3] if seen.ndim == 3 else seen[rows]
            part[:] = round_pixels(part * (light if seen.ndim == 3 else light.mean(axis=2)))
        return seen

    def _light(self, rows: slice, width: int, back: Matrix) -> npt.NDArray[np.float32]:
        """Return the factors (rows, width, 3) of a band's samples, in the steps of the file and not of the light."""
        x, y = np.arange(width, dtype=np.float64)[None, :], np.arange(rows.start, rows.stop, dtype=np.float64)[:, None]
        across, down, depth = (row[0] * x + row[1] * y + row[2] for row in back)
        turn = np.float32(2 * np.pi)
        stripes = (across / depth).astype(np.float32)[..., None] - _STRIPES
        gaps = np.cos(turn * (down / depth).astype(np.float32))[..., None]
        wave = (np.cos(turn * stripes) + np.float32(_GAPS) * gaps) / np.float32(1 + _GAPS)
        light = np.maximum(1 + np.float32(self.strength) * wave, 0)
        return np.asarray(light ** np.float32(1 / _SCREEN_GAMMA), dtype=np.float32)
