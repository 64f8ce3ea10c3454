"""How long a code must be, for so many customers, so many colluders, and a false-accusation probability over all.

In units of 2 c^2 ln(n / a), for c colluders of n customers at a probability a: what the best decoder that judges
customers one by one needs for c without bound (Huang and Moulin, 2012; Laarhoven, 2016). Two answers. One is measured:
:data:`MEASURED`, at which every copy of a million customers' that was tried betrayed a colluder, for six mixing rules
(benchmarks/fingerprints.py; one colluder: the tests). The other is proven, for the symmetric score and whatever the
colluders do within the marking assumption.

The bound. With p and y fixed, customer j is accused if s S_j - K(s) >= L for some s >= 0, L = ln(n / a) and what the
first round's share adds: Chernoff's bound on an innocent's exact p-value is then low enough, so the exact one is, too
(the rounding of terms to whole numbers, which adds under 1 % of variance, is left out). If the c colluders' sum reaches
s (S_1 + ... + S_c) - c K(s) >= c L, one of them is. Sums run over places, which are independent for the key's owner:
let u(k, y, p) be the sum of s times the colluders' terms less c times ln E exp(s term) at a place of bias p where k
colluders have a one and y is shown. Colluders see k at every place, not p, and y may depend on all they see; but given
all else at the other places, E exp(-b u) at a place is at most

    M = sum over k of max over y allowed of E_p[C(c, k) p^k (1 - p)^(c - k) exp(-b u(k, y, p))].

So the chance that nobody is accused is at most exp(b c L) M^n for any b, s > 0, and n places are enough where that is
the failure allowed. The bound is computed for the best b and s.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from watermarking.codes.tracing.accuse import ROUND_SHARES
from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.mixing import chances_of_ones
from watermarking.codes.tracing.scores import symmetric_terms
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from watermarking.codes.tracing.biases import Biases

__all__ = ["MEASURED", "bound", "code_for", "length_for", "unit_length"]

F64 = npt.NDArray[np.float64]

MEASURED: Final = {1: 1.5, 2: 1.2, 3: 1.35, 4: 1.2}
"""Length over the unit, by colluders, of fewer than five."""
MEASURED_FROM_FIVE: Final = 1.2


def unit_length(customers: int, colluders: int, fpr: float) -> float:
    """Return 2 c^2 ln(n / a), in places.

    Raises
    ------
    WatermarkError
        If a number is below 1, or the probability not between 0 and 1.

    Examples
    --------
    >>> round(unit_length(1_000_000, 10, 1e-6))
    5526
    """
    if customers < 1 or colluders < 1:
        raise WatermarkError(f"{customers} customers and {colluders} colluders were given: both are at least 1")
    if not 0 < fpr < 1:
        raise WatermarkError(f"the probability of accusing an innocent is between 0 and 1, not {fpr:g}: 1e-6 is usual")
    return 2 * colluders**2 * math.log(customers / fpr)


def length_for(customers: int, colluders: int, fpr: float = 1e-6, *, read_wrongly: float = 0.0) -> int:
    """Return how many places are enough, as measured.

    Parameters
    ----------
    customers, colluders : int
    fpr : float
        Of accusing any innocent at all.
    read_wrongly : float
        Share e of the places that are read wrongly, below 1/2: the code grows by 1 / (1 - 2 e)^2, a rule of thumb.

    Examples
    --------
    >>> length_for(1_000_000, 10), length_for(1000, 5), length_for(1000, 5, read_wrongly=0.1)
    (6632, 1244, 1943)
    """
    if not 0 <= read_wrongly < 0.5:
        raise WatermarkError(f"a share of {read_wrongly:g} read wrongly carries nothing: it is from 0 to below 0.5")
    ratio = MEASURED.get(colluders, MEASURED_FROM_FIVE)
    return math.ceil(ratio * unit_length(customers, colluders, fpr) / (1 - 2 * read_wrongly) ** 2)


def code_for(customers: int, colluders: int, fpr: float = 1e-6, *, room: int | None = None) -> TardosCode:
    """Return a code that is long enough.

    Parameters
    ----------
    customers, colluders, fpr
        As of :func:`length_for`.
    room : int, optional
        Places there are: all are used.

    Raises
    ------
    WatermarkError
        If there are fewer than the code needs; the message says how many.

    Examples
    --------
    >>> code_for(1000, 3)
    TardosCode(length=504, colluders=3, biases='gauss-legendre', cutoff=0.0)
    """
    needed = length_for(customers, colluders, fpr)
    if room is not None and room < needed:
        raise WatermarkError(
            f"{room} places are given, {needed} are needed to find {colluders} colluders among {customers} customers: "
            "mark more, or make the code against fewer"
        )
    return TardosCode(length=room or needed, colluders=colluders)


def bound(customers: int, colluders: int, fpr: float, failure: float, *, biases: Biases) -> int:
    """Return how many places are enough, proven, with the symmetric score: for every mixing rule, adaptive ones, too.

    Parameters
    ----------
    customers, colluders : int
    fpr : float
        Of accusing any innocent at all.
    failure : float
        Of accusing nobody, though no more colluders took part.
    biases : Biases

    Raises
    ------
    WatermarkError
        If nothing can be proven with these biases.
    """
    logarithm = unit_length(customers, colluders, fpr) / (2 * colluders**2) - math.log(ROUND_SHARES[0])
    wanted = colluders * logarithm
    shown = _shown(biases, colluders)

    def places(logs: npt.NDArray[np.float64]) -> float:
        tilt, weight = np.exp(np.clip(logs, -20, 5))
        rate = -_log_most(shown, biases, colluders, tilt, weight)
        return (weight * wanted - math.log(failure)) / rate if rate > 0 else math.inf

    starts = [np.log([tilt / colluders, weight]) for tilt in (0.3, 0.7, 1.5) for weight in (0.1, 0.5, 1.5)]
    best = min(
        (minimize(places, start, method="Nelder-Mead") for start in starts if math.isfinite(places(start))),
        key=lambda found: float(found.fun), default=None,
    )  # fmt: skip
    if best is None:
        raise WatermarkError(f"nothing is proven for {colluders} colluders with these biases: use gauss_legendre")
    return math.ceil(float(best.fun))


def _shown(biases: Biases, colluders: int) -> F64:
    """Return the colluders' summed terms, (2, m, colluders + 1) float64: what is shown, bias, how many have a one."""
    ones = np.arange(colluders + 1)
    sums = []
    for symbol in (0, 1):
        seen = np.zeros((biases.values.size, 2))
        seen[:, symbol] = 1
        zero, one = symmetric_terms(seen, biases.values).T[:, :, None]
        sums.append(one * ones + zero * (colluders - ones))
    return np.stack(sums)


def _log_most(shown: F64, biases: Biases, colluders: int, tilt: float, weight: float) -> float:
    """Return the logarithm of M."""
    p = biases.values
    ways = chances_of_ones(p, colluders) * biases.chances[:, None]
    costs = []
    for symbol in (0, 1):
        seen = np.zeros((p.size, 2))
        seen[:, symbol] = 1
        zero, one = symmetric_terms(seen, p).T
        log_mean = np.log((1 - p) * np.exp(tilt * zero) + p * np.exp(tilt * one))
        gain = tilt * shown[symbol] - colluders * log_mean[:, None]
        costs.append((ways * np.exp(np.clip(-weight * gain, -700, 700))).sum(axis=0))
    costs[0][-1] = costs[1][0] = 0.0  # the marking assumption
    return float(np.log(np.maximum(*costs).sum()))
