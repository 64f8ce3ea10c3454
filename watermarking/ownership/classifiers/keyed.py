"""What a key decides: functions of an input, and how much each of them favours each class."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.ownership.learnable.streams import normals, uniforms

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key

    F64 = npt.NDArray[np.float64]

__all__ = ["Keyed", "draw", "functions_needed", "project"]

_LABEL: Final = "soft-label"
_FREQUENCY: Final = 1.5
_LEAST_FUNCTIONS: Final = 16
_LEAST_DIMENSIONS: Final = 60
_CLIP: Final = 2.0


def functions_needed(n_classes: int) -> int:
    """Return how many functions of an input leave the test at least 60 dimensions: 16 from five classes on.

    Examples
    --------
    >>> [functions_needed(n) for n in (2, 3, 4, 5, 100)]
    [60, 29, 18, 16, 16]
    """
    rows = n_classes * (n_classes - 2)
    return max(_LEAST_FUNCTIONS, -(-(_LEAST_DIMENSIONS - rows) // (n_classes - 1)))


@dataclass(frozen=True, eq=False)
class Keyed:
    """A key's functions and directions for K classes, M functions and A coordinates.

    Attributes
    ----------
    waves : (M, A) float64, frequencies
    phases : (M,) float64
    classes : (K, K) float64, what top class y (row) favours among the others; row sums 0, diagonal 0
    functions : (M, K) float64, what each function favours; row sums 0
    """

    waves: F64
    phases: F64
    classes: F64
    functions: F64

    def psi(self, coordinates: F64) -> F64:
        """Return the functions' values, float64 (N, M): cosines, brought to mean 0 and variance 1 for normal inputs."""
        decay = np.exp(-0.5 * (self.waves**2).sum(1))
        middle = np.cos(self.phases) * decay
        spread = np.sqrt(0.5 + 0.5 * np.cos(2 * self.phases) * decay**4 - middle**2)
        return np.asarray((np.cos(coordinates @ self.waves.T + self.phases) - middle) / spread, np.float64)

    def phi(self, top: npt.NDArray[np.int64], coordinates: F64) -> F64:
        """Return the features that the direction is sought in, float64 (N, K + M), of about unit norm."""
        k, m = len(self.classes), len(self.waves)
        found = np.zeros((len(top), k + m))
        found[np.arange(len(top)), top] = np.sqrt(0.5)
        found[:, k:] = self.psi(coordinates) / np.sqrt(2 * m)
        return found

    def favour(self, top: npt.NDArray[np.int64], coordinates: F64) -> F64:
        """Return g, float64 (N, K): how much each class is favoured, within 2, centred over all but the top one.

        The top class has 0. Of two classes nothing is centred, as one alone has no others.
        """
        m, k = self.functions.shape
        scale = 1 / np.sqrt(m if k == 2 else 2 * m)
        g = self.psi(coordinates) @ (self.functions * scale)
        if k > 2:
            g += self.classes[top] * np.sqrt(0.5)
        np.clip(g, -_CLIP, _CLIP, out=g)
        rows = np.arange(len(top))
        g[rows, top] = 0
        if k > 2:
            g -= g.sum(1, keepdims=True) / (k - 1)
            g[rows, top] = 0
        return np.asarray(g, np.float64)

    @property
    def direction(self) -> F64:
        """Classes and functions in one matrix, float64 (K + M, K)."""
        return np.concatenate([self.classes, self.functions])


@functools.lru_cache(maxsize=64)
def draw(key: Key, n_classes: int, n_axes: int) -> Keyed:
    """Draw what a key decides, from its SHAKE-256 streams.

    Parameters
    ----------
    key : Key
    n_classes : int
    n_axes : int, coordinates of an input
    """
    m = functions_needed(n_classes)
    waves = normals(key, f"{_LABEL}/waves", m * n_axes).reshape(m, n_axes) * (_FREQUENCY / np.sqrt(n_axes))
    phases = uniforms(key, f"{_LABEL}/phases", m) * (2 * np.pi)
    classes = normals(key, f"{_LABEL}/classes", n_classes**2).reshape(n_classes, n_classes)
    functions = normals(key, f"{_LABEL}/functions", m * n_classes).reshape(m, n_classes)
    return Keyed(waves, phases, *project(classes, functions))


def project(classes: F64, functions: F64) -> tuple[F64, F64]:
    """Project (K, K) and (M, K) onto what can be seen: no entry for the top class itself, no sum over the others.

    Returns
    -------
    (K, K), (M, K) float64
        In ``K (K - 2) + M (K - 1)`` dimensions.
    """
    k = len(classes)
    found = classes - np.diag(np.diag(classes))
    found = found - found.sum(1, keepdims=True) / (k - 1)
    np.fill_diagonal(found, 0)
    return found, functions - functions.mean(1, keepdims=True)
