"""How colluders make one copy of several: the chance that it shows a one, by how many of them have one.

The marking assumption is that where all have the same symbol, the merged copy has it, too; elsewhere they may do what
they like. Which rule they used is not known to whoever traces them, but it can be estimated: how often the merged copy
shows a one at places of each bias says much about it, and the words of colluders who are known already say the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MIXING_RULES", "Rule", "chances_of_ones", "estimate", "rule"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Rule: TypeAlias = Literal["interleaving", "majority", "minority", "all-one", "all-zero", "coin"]

_ROUNDS: Final = 150
_PRIOR: Final = 0.5  # places that spoke for interleaving before anything was seen, for each number of ones


def _between(choose: Callable[[F64], F64]) -> Callable[[F64], F64]:
    """Return a rule that keeps to the marking assumption."""

    def of(share: F64) -> F64:
        return np.asarray(np.where(share <= 0, 0.0, np.where(share >= 1, 1.0, choose(share))))

    return of


MIXING_RULES: Final[dict[str, Callable[[F64], F64]]] = {
    "interleaving": lambda share: share,
    "majority": _between(lambda share: np.where(share == 0.5, 0.5, share > 0.5)),
    "minority": _between(lambda share: np.where(share == 0.5, 0.5, share < 0.5)),
    "all-one": _between(np.ones_like),
    "all-zero": _between(np.zeros_like),
    "coin": _between(lambda share: np.full_like(share, 0.5)),
}
"""From the share of colluders with a one to the chance that the merged copy shows it."""


def rule(name: str, colluders: int) -> F64:
    """Return a mixing rule by name: chances (colluders + 1,) float64 of a one, by how many have it.

    Raises
    ------
    WatermarkError
        If there is no such rule, or nobody to collude.

    Examples
    --------
    >>> rule("minority", 4).tolist()
    [0.0, 1.0, 0.5, 0.0, 1.0]
    """
    if name not in MIXING_RULES:
        raise WatermarkError(f"there is no mixing rule {name!r}: it is one of {', '.join(MIXING_RULES)}")
    if colluders < 1:
        raise WatermarkError(f"{colluders} colluders make no copy: at least 1 is needed")
    return MIXING_RULES[name](np.arange(colluders + 1) / colluders)


def chances_of_ones(biases: F64, n: int) -> F64:
    """Return how probable 0 ... n ones among n words are at each place, (places, n + 1) float64."""
    ones = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(ones + 1) - gammaln(n - ones + 1)
    return np.asarray(np.exp(ways) * biases[:, None] ** ones * (1 - biases[:, None]) ** (n - ones))


def estimate(seen: F64, biases: F64, held: I64, n_held: int, colluders: int) -> F64:
    """Estimate the mixing rule by maximum likelihood, beginning at interleaving.

    Expectation and maximisation over the number of ones that nobody sees: the likelihood is concave in the chances, so
    there is nothing to be trapped in. Ends are estimated, too: symbols that were read wrongly are part of the rule.

    Parameters
    ----------
    seen : (n, 2) float64
        How probable what was read at a place is, if it shows a zero and if it shows a one, in any scale.
    biases : (n,) float64
    held : (n,) int64
        How many of the ``n_held`` colluders who are known have a one there.
    colluders : int
        As which it is explained; more than are known.

    Returns
    -------
    (colluders + 1,) float64
    """
    rows = np.column_stack([seen / np.maximum(seen.sum(axis=1, keepdims=True), 1e-300), biases, held])
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    others = chances_of_ones(kinds[:, 2], colluders - n_held)
    ones = kinds[:, 3].astype(np.int64)[:, None] + np.arange(colluders - n_held + 1)
    weights = np.zeros((len(kinds), colluders + 1))
    np.put_along_axis(weights, ones, others, axis=1)
    start = np.arange(colluders + 1) / colluders
    chances = np.clip(start, 0.01, 0.99)
    for _ in range(_ROUNDS):
        shows_one, shows_zero = kinds[:, 1, None] * chances, kinds[:, 0, None] * (1 - chances)
        share = counts / ((shows_one + shows_zero) * weights).sum(axis=1)
        as_one = (share @ (weights * kinds[:, 1, None])) * chances + _PRIOR * start
        as_zero = (share @ (weights * kinds[:, 0, None])) * (1 - chances) + _PRIOR * (1 - start)
        chances = as_one / (as_one + as_zero)
    return chances
