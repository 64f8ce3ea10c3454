"""How large a marked plane was: a second set of waves, counted from its far corner.

The first set says where each pixel of a moved picture was, counted from the first corner. A mark that lies over the
whole picture also needs to know where the picture ended, which a part of it does not show. The second set is the same
signal of a subkey, put in upside down: what it adds to the first is how far the two corners are apart.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.pictures.opencv import cv2_module
from watermarking.sync.template import PERIOD, signal, template
from watermarking.sync.warp import LONGEST
from watermarking.sync.whitening import whitened

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.sync.align import Alignment
    from watermarking.sync.template import Template

__all__ = ["framing_waves", "sizes_of"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_LABEL: Final = "sync/extent"
_FAR: Final = 0.3
"""Of the waves' energy, what those of the far corner have: there is less to find out once the place is known."""
_STANDS_OUT: Final = 5.0
"""Standard deviations: chance alone gives the best of all places 4 to 4.8, a plane with the waves 6 and more."""
_PEAKS: Final = 2
_NEAR: Final = 31  # bins
_ASIDE: Final = 6  # pixels to each side that belong to one peak
_SMALLEST: Final = 64
_USUAL: Final = 1300
"""Working pixels: no plane is longer, strips apart."""
_STRIP: Final = 256  # working pixels: strips are narrower
_WAYS: Final = 2
_MOST: Final = 3_000_000  # pixels
_SHOWN: Final = 0.4
"""Of what was put back, how much the picture covers at least: there may be something else round it."""


def framing_waves(plane: F32, key: Key) -> F32:
    """Return the waves of both corners over a plane, (h, w) float32 of about unit mean square."""
    near = signal(plane, key, 1 - _FAR)
    return near + signal(plane[::-1, ::-1], key.derive(_LABEL), _FAR)[::-1, ::-1]


def sizes_of(found: Alignment, key: Key) -> list[tuple[int, int]]:
    """Return what size (rows, columns) the marked plane may have had, the most credible first; four at most.

    The waves say it but for whole periods, of which there is mostly one way alone to add them: the plane is not much
    smaller than what was put back of it, and no plane is longer than 1300 working pixels unless it is a strip. Where
    no place of the corner stands out, nothing is returned: a plane that was put back wrongly is not worth a reading.
    """
    region = found.region
    clean = np.where(found.inside, whitened(found.plane), np.float32(0))
    if min(clean.shape) < _SMALLEST or not clean.any():
        return []
    surface = _corners(clean, (region.row, region.col), template(key.derive(_LABEL)))
    near = np.arange(-_ASIDE, _ASIDE + 1)
    sizes: list[tuple[int, int]] = []
    for _ in range(_PEAKS):
        row, col = divmod(int(surface.argmax()), PERIOD)
        if surface[row, col] < _STANDS_OUT:
            break
        surface[np.ix_((row + near) % PERIOD, (col + near) % PERIOD)] = 0
        ways = itertools.product(_lengths(row + 1, region.row, region.rows), _lengths(col + 1, region.col, region.cols))
        sizes += sorted(filter(_is_plane, ways), key=math.prod)[:_WAYS]
    return sizes


def _lengths(length: int, start: int, shown: int) -> list[int]:
    """Return the lengths that a plane may have had, all alike but for whole periods, of which a part was put back."""
    low, high = max(_SMALLEST, start + int(_SHOWN * shown)), min(LONGEST, max(_USUAL, start + shown + PERIOD))
    return [n for n in range(length % PERIOD, high + 1, PERIOD) if n >= low]


def _is_plane(size: tuple[int, int]) -> bool:
    return math.prod(size) <= _MOST and (max(size) <= _USUAL or min(size) < _STRIP)


def _corners(clean: F32, start: tuple[int, int], waves: Template) -> F64:
    """Return how well the far corner's waves fit each place of the corner, but for whole periods, (PERIOD, PERIOD).

    In standard deviations. Each wave counts by what the picture itself has near its frequency: little where that is
    much.
    """
    v, u = waves.waves.T
    turn = -2j * np.pi / PERIOD
    rows = np.exp(turn * (start[0] + np.arange(clean.shape[0])[:, None]) * v).astype(np.complex64)
    cols = np.exp(turn * (start[1] + np.arange(clean.shape[1])[:, None]) * u).astype(np.complex64)
    along = clean @ np.concatenate([cols.real, cols.imag], 1)
    phasors = np.einsum("rk,rk->k", along[:, : u.size] + 1j * along[:, u.size :], rows)
    weights = 1 / _power_near(clean, waves)
    field = np.zeros((PERIOD, PERIOD // 2 + 1), np.complex128)
    field[v % PERIOD, u] = phasors * np.exp(1j * waves.phases) * weights
    total = np.fft.irfft2(field, s=(PERIOD, PERIOD)) * (PERIOD * PERIOD / 2)
    return np.asarray(total / math.sqrt(float(weights.sum()) / 2), np.float64)


def _power_near(clean: F32, waves: Template) -> F64:
    """Return the mean power of a plane's spectrum round the frequency of each wave, (n_waves,)."""
    cv2 = cv2_module()
    power = np.square(np.abs(np.fft.rfft2(clean))).astype(np.float32)
    level = cv2.blur(power, (_NEAR, _NEAR), borderType=cv2.BORDER_REFLECT)
    row, col = (np.rint(f * n).astype(int) for f, n in zip(waves.frequencies.T, clean.shape, strict=True))
    return np.asarray(level[row, col], np.float64) + 1e-9
