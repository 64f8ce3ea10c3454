"""The synchronisation signal: keyed sine waves over the whole plane, each too weak to stand out.

Pereira and Pun (IEEE TIP 9(6), 2000) put keyed peaks into the spectrum; peaks that anybody can find can be erased. Here
there are many waves, and each has about the power that the picture's own spectrum has by chance in some bin: only
who knows all the frequencies and adds up their bins sees them. Frequencies are whole multiples of 1 / 1024 cycle a
working pixel and phases are keyed, so that one inverse FFT makes the signal, and one finds where a piece of it was.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.transforms.masks import busyness_mask

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["PERIOD", "SHARE", "UNSEEN_SHARE", "Template", "signal", "template", "template_tile"]

PERIOD: Final = 1024
N_WAVES: Final = 48
_LOWEST: Final = 0.05
_HIGHEST: Final = 0.18
_AXIS: Final = 6  # bins kept free beside the axes, where edges and block grids have their energy
SHARE: Final = 0.22
"""Of the mark's energy; the rest is the payload's."""
UNSEEN_SHARE: Final = 0.16
"""The same where the mark is to show little: waves show more than the payload for what they do."""
_LABEL: Final = "sync/waves"


@dataclass(frozen=True)
class Template:
    """Keyed waves: value at (row, col) is the sum of cos(2 pi (v row + u col) / PERIOD + phase).

    Attributes
    ----------
    waves : (n, 2) int64, (v, u) in periods a PERIOD, u > 0
    phases : (n,) float64, radians
    """

    waves: npt.NDArray[np.int64]
    phases: npt.NDArray[np.float64]

    @property
    def frequencies(self) -> npt.NDArray[np.float64]:
        """(n, 2) in cycles a working pixel."""
        return self.waves / PERIOD

    @functools.cached_property
    def grid(self) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.float32]]:
        """The waves at every second place of a period.

        (PERIOD / 2, n) complex64 along the rows; (2 n, PERIOD / 2) float32 along the columns: real parts, then
        imaginary parts with the other sign, so that one real product of matrices adds up all waves.
        """
        place = np.arange(0, PERIOD, 2)
        rows, cols = (np.exp(2j * np.pi / PERIOD * np.outer(place, one)) for one in self.waves.T)
        return rows.astype(np.complex64), np.concatenate([cols.real.T, -cols.imag.T]).astype(np.float32)

    def seen_through(self, matrix: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return frequencies (n, 2) and phases (n,) of the waves in a plane that the marked one was moved to.

        ``matrix`` (2, 3) takes (row, col, 1) of the marked plane there. Through its linear part A a wave f is at
        A^-T f, and the offset moves its phase.
        """
        frequencies = self.frequencies @ np.linalg.inv(matrix[:, :2])
        return frequencies, self.phases - 2 * np.pi * (frequencies @ matrix[:, 2])


@functools.lru_cache(maxsize=8)
def template(key: Key) -> Template:
    """Draw the waves from the key: area-uniform over an annulus's half, off the axes, none twice."""
    half = int(_HIGHEST * PERIOD)
    v, u = np.mgrid[-half : half + 1, _AXIS : half + 1]
    radius = np.hypot(v, u) / PERIOD
    allowed = np.stack([v, u], -1)[(radius >= _LOWEST) & (radius <= _HIGHEST) & (np.abs(v) >= _AXIS)]
    chosen = allowed[key.permutation(_LABEL, len(allowed))[:N_WAVES]]
    phases = key.integers(f"{_LABEL}/phases", N_WAVES, 2**32).astype(np.float64) * (2 * np.pi / 2**32)
    return Template(chosen.astype(np.int64), phases)


@functools.lru_cache(maxsize=4)
def template_tile(key: Key) -> npt.NDArray[np.float32]:
    """Return one period of the signal, (PERIOD, PERIOD) float32 of mean square 1."""
    found = template(key)
    spectrum = np.zeros((PERIOD, PERIOD // 2 + 1), np.complex64)
    spectrum[found.waves[:, 0] % PERIOD, found.waves[:, 1]] = np.exp(1j * found.phases)
    tile = np.fft.irfft2(spectrum, s=(PERIOD, PERIOD))
    return np.asarray(tile * np.float32(PERIOD * PERIOD / np.sqrt(2 * N_WAVES)), np.float32)


def signal(plane: npt.NDArray[np.float32], key: Key, energy: float) -> npt.NDArray[np.float32]:
    """Return the waves over a plane (h, w), stronger where the picture is busy, of this mean square."""
    rows, cols = plane.shape
    tile = template_tile(key)[:rows, :cols]  # a strip of few rows repeats no more than them
    waves = np.tile(tile, (-(-rows // PERIOD), -(-cols // PERIOD)))[:rows, :cols] * busyness_mask(plane)
    power = float(np.mean(np.square(waves)))
    return np.asarray(waves * np.float32(np.sqrt(energy / power)), np.float32)
