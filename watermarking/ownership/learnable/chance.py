"""How often a direction that has nothing to do with what was seen draws a mark that looks as much like it."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betainc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    F64 = npt.NDArray[np.float64]

__all__ = ["correlation", "correlation_p_value", "cosine", "direction_p_value", "orthonormal"]

_SMALLEST: Final = sys.float_info.min
_LARGEST: Final = 1 - 1e-12
"""Of a correlation: what is closer to 1 is rounding, and its p-value is below anything that matters."""
_NOTHING: Final = 1e-9
"""Of the largest singular value."""
_N_NODES: Final = 200


def correlation(seen: F64, drawn: F64, direction: F64) -> float:
    """Return the cosine between what was seen and what a direction draws; 0 if either is nothing.

    Parameters
    ----------
    seen : (m,) float64
    drawn : (m, D) float64
        What a unit of each of the direction's entries draws.
    direction : (D,) float64
    """
    return cosine(seen, drawn @ direction)


def cosine(one: F64, other: F64) -> float:
    """Return the cosine between two arrays of one shape, taken as vectors; 0 if either is nothing."""
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.vdot(one, other)) / lengths if lengths > 0 else 0.0


def orthonormal(vectors: Sequence[F64], size: int) -> F64:
    """Return orthonormal rows (k, size) that span vectors, leaving out those that others span."""
    kept = [vector / np.linalg.norm(vector) for vector in vectors if np.linalg.norm(vector) > 0]
    if not kept:
        return np.zeros((0, size))
    _, values, rows = np.linalg.svd(np.stack(kept), full_matrices=False)
    return np.asarray(rows[values > 1e-6 * values[0]], np.float64)


def correlation_p_value(rho: float, seen: F64, drawn: F64) -> float:
    """Return the probability that a uniform direction has at least this correlation with what was seen.

    Let ``u = seen / |seen|``, ``a = drawn^T u``, ``B = drawn^T drawn``, and z normal, which points anywhere alike. For
    rho > 0 the event ``a z >= rho |drawn z|`` is ``a z > 0`` and ``z (a a^T - rho^2 B) z >= 0``, by symmetry half of
    the latter. That matrix has one eigenvalue above zero; with mu_i the ratios of the others to it, their signs turned,

        p = 1/2 P(z_0^2 >= sum mu_i z_i^2) = 1/pi int_0^{pi/2} prod (1 + mu_i / sin^2 t)^{-1/2} dt,

    from Craig's form of the normal distribution's tail. All of it is positive: it is exact to rounding however small.
    Where every entry draws alike it is ``1/2 I_{1 - rho^2}((D - 1) / 2, 1/2)``, the share of a sphere under a cap.

    Examples
    --------
    >>> seen = np.eye(40)[0]
    >>> correlation_p_value(0.0, seen, np.eye(40)), f"{correlation_p_value(0.8, seen, np.eye(40)):.1e}"
    (0.5, '1.7e-10')
    """
    length = float(np.linalg.norm(seen))
    if length == 0 or not drawn.any():
        return 1.0
    if rho <= 0:
        return 0.5 if rho == 0 else 1 - correlation_p_value(-rho, seen, drawn)
    left, sizes, _ = np.linalg.svd(drawn, full_matrices=False)
    kept = sizes > _NOTHING * sizes[0]
    within, sizes = left[:, kept].T @ (seen / length), sizes[kept]  # what no direction draws leaves the event as it is
    reach = float(np.linalg.norm(within))
    if sizes.size < 2 or reach == 0:
        return 1.0
    towards = sizes * within / reach
    values = np.linalg.eigvalsh(np.outer(towards, towards) - np.diag((min(rho / reach, _LARGEST) * sizes) ** 2))
    ratios = np.maximum(-values[:-1], 0) / values[-1]
    nodes, weights = np.polynomial.legendre.leggauss(_N_NODES)
    squares = np.sin((nodes + 1) * math.pi / 4) ** 2
    heights = np.exp(-0.5 * np.log1p(ratios[:, np.newaxis] / squares).sum(0))
    return max(_SMALLEST, min(1.0, float(heights @ weights) / 4))


def direction_p_value(rho: float, dimensions: int) -> float:
    """Return the probability that a uniform direction has at least this cosine with any fixed one.

    ``1/2 I_{1 - rho^2}((d - 1) / 2, 1/2)`` for positive cosines, with I the regularised incomplete beta function: what
    :func:`correlation_p_value` gives where every entry draws alike.

    Examples
    --------
    >>> direction_p_value(0.0, 40), f"{direction_p_value(0.8, 40):.1e}"
    (0.5, '1.7e-10')
    """
    if dimensions < 2:
        return 1.0
    tail = 0.5 * float(betainc((dimensions - 1) / 2, 0.5, max(0.0, 1 - rho * rho)))
    return max(_SMALLEST, tail if rho >= 0 else 1 - tail)
