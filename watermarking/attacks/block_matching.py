"""BM3D, the denoiser that others are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.attacks.attack import Attack, number, round_pixels

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.attacks.attack import Pixels

    Planes = npt.NDArray[np.float32]

__all__ = ["Bm3d"]

_STEP: Final = 4
_RADIUS: Final = 16
_ALIKE: Final = (3000.0, 400.0)
"""Mean squared differences from which on blocks are not alike, in the first stage and in the second."""
_OPPONENT: Final = np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 0, -1 / 2], [1 / 4, -1 / 2, 1 / 4]], dtype=np.float32)


@dataclass(frozen=True)
class Bm3d(Attack):
    """Denoise by BM3D, hard thresholding and then a Wiener filter over stacks of alike blocks.

    `sigma` is the standard deviation of the noise, or of the mark, in grey levels. Blocks of 8x8 pixels, every fourth
    is a reference, up to 16 are stacked from 33x33 places; colours are denoised in an opponent space by the stacks of
    its first plane. 0.4 MP of colour take some seconds. (Dabov, Foi, Katkovnik and Egiazarian, IEEE TIP 16(8), 2007;
    written anew, since the authors' package may not be used freely.)
    """

    id = "bm3d"
    family = "filters"
    sigma: float = number(5.0, 0.1, 100.0)

    def apply(self, pixels: Pixels, _rng: np.random.Generator) -> Pixels:
        """Filter the planes; sides shorter than a block are filled up for the while."""
        height, width = pixels.shape[:2]
        margin = ((0, max(0, 8 - height)), (0, max(0, 8 - width)))
        if pixels.ndim == 2:
            planes, sigmas = np.pad(pixels, margin, mode="edge")[None].astype(np.float32), np.ones(1)
        else:
            filled = np.pad(pixels, (*margin, (0, 0)), mode="edge")
            planes = np.ascontiguousarray(np.moveaxis(filled @ _OPPONENT.T, 2, 0), dtype=np.float32)
            sigmas = np.sqrt(np.square(_OPPONENT.astype(np.float64)).sum(axis=1))
        clean = _denoised(planes, (self.sigma * sigmas).astype(np.float32))[:, :height, :width]
        if pixels.ndim == 2:
            return round_pixels(clean[0])
        return round_pixels(np.moveaxis(clean, 0, 2) @ np.linalg.inv(_OPPONENT).T)


def _denoised(planes: Planes, sigmas: Planes) -> Planes:
    """Take both stages."""
    from scipy.fft import dct

    from watermarking.kernels.bm3d import SIDE, empirical_wiener, hard_threshold

    basis = np.ascontiguousarray(dct(np.eye(SIDE), axis=0, norm="ortho"), dtype=np.float32)
    window = np.outer(np.kaiser(SIDE, 2.0), np.kaiser(SIDE, 2.0)).astype(np.float32)
    rows, columns = (np.append(np.arange(0, side - SIDE, _STEP), side - SIDE) for side in planes.shape[1:])
    n, out = len(planes), np.zeros((2 * len(planes), *planes.shape[1:]), np.float32)
    hard_threshold(planes, sigmas, rows, columns, _RADIUS, _ALIKE[0], basis, window, out)
    pilots = np.asarray(out[:n] / out[n:], dtype=np.float32)
    out[:] = 0
    empirical_wiener(planes, pilots, sigmas, rows, columns, _RADIUS, _ALIKE[1], basis, window, out)
    return np.asarray(out[:n] / out[n:], dtype=np.float32)
