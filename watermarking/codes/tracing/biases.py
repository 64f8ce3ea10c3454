"""How often code words have a one at a place: the secret that colluders must not know.

A word's place has a one with a probability, the place's bias, that is drawn for each place from a distribution. Biases
are whole 256ths, so that a byte of a keyed stream is one place of a word, and what is computed about a word's chances
is exact for the words as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["LEVELS", "Biases", "arcsine", "gauss_legendre"]

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

LEVELS: Final = 256
"""Of a bias: a byte below ``bias * LEVELS`` is a one."""
_DRAWN: Final = 1 << 16  # chances are rounded to this, so that no platform's last digit changes a code


@dataclass(frozen=True, eq=False)
class Biases:
    """A distribution of biases.

    Attributes
    ----------
    thresholds : (m,) uint8
        Biases in 256ths, 1 to 255, ascending.
    chances : (m,) float64
        How probable each one is; they add up to one.
    """

    thresholds: U8
    chances: F64

    @property
    def values(self) -> F64:
        """The biases themselves, (m,) float64."""
        return self.thresholds / LEVELS

    def draw(self, key: Key, length: int) -> U8:
        """Return the keyed thresholds (length,) uint8 of the places of a code; shorter codes begin like longer ones."""
        cuts = np.round(np.cumsum(self.chances) * _DRAWN)[:-1]
        drawn = np.frombuffer(key.stream("tracing/biases", 2 * length), "<u2")
        return self.thresholds[np.searchsorted(cuts, drawn, side="right")]


def gauss_legendre(colluders: int) -> Biases:
    """Return the few biases that are best against so many colluders.

    They are the nodes of a Gauss-Legendre quadrature with half as many points as colluders, with chances in proportion
    to the quadrature's weights over the square root of p (1 - p): with the symmetric score, what a merged copy tells of
    its colluders then depends on nothing they do (Nuida et al., "An improvement of discrete Tardos fingerprinting
    codes", Designs, Codes and Cryptography 52, 2009, theorem 1).

    Raises
    ------
    WatermarkError
        If there are not 1 to 200 colluders.

    Examples
    --------
    >>> gauss_legendre(4).thresholds.tolist(), gauss_legendre(4).chances.tolist()
    ([54, 202], [0.5, 0.5])
    """
    if not 1 <= colluders <= 200:
        raise WatermarkError(f"a code is made against 1 to 200 colluders, not {colluders}: longer ones fit nowhere")
    nodes, weights = np.polynomial.legendre.leggauss(-(-colluders // 2))
    return _gathered((1 + nodes) / 2, weights / np.sqrt(1 - nodes**2))


def arcsine(cutoff: float = 0.0) -> Biases:
    """Return the arcsine distribution, in steps of 1/256, between a cutoff and one less the cutoff.

    Tardos, "Optimal probabilistic fingerprint codes", STOC 2003; best of all for very many colluders, without a cutoff
    (Huang and Moulin, IEEE Transactions on Information Theory 58(8), 2012).

    Raises
    ------
    WatermarkError
        If the cutoff is not from 0 to below 1/2.

    Examples
    --------
    >>> biases = arcsine(0.1)
    >>> float(biases.values.min()), float(biases.values.max())
    (0.1015625, 0.8984375)
    """
    if not 0 <= cutoff < 0.5:
        raise WatermarkError(f"a cutoff of biases is from 0 to below 0.5, not {cutoff:g}: 1 / (3 colluders) is usual")
    values = np.arange(1, LEVELS) / LEVELS
    edges = np.clip((np.arange(LEVELS) + 0.5) / LEVELS, 0, 1)
    edges[0], edges[-1] = 0, 1  # what is rarer than a byte can say counts as the rarest it can
    share = np.diff(np.arcsin(np.sqrt(edges)))
    return _gathered(values, np.where(np.minimum(values, 1 - values) >= cutoff, share, 0))


def _gathered(values: F64, weights: F64) -> Biases:
    """Round biases to 256ths and put equal ones together."""
    rounded = np.clip(np.round(values * LEVELS), 1, LEVELS - 1).astype(np.uint8)
    thresholds, which = np.unique(rounded, return_inverse=True)
    chances = np.bincount(which, weights)
    kept = chances > 0
    return Biases(thresholds[kept], chances[kept] / chances.sum())
