"""P-values from models that never saw the mark: how often one of them scores as high as the suspect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Control", "check_enough", "n_needed", "null_p_value"]


@dataclass(frozen=True)
class Control:
    """What surrogates of unmarked models say of the suspect's score.

    Attributes
    ----------
    p_value : float
        Exact if the suspect, innocent, is one more of them: of its score and theirs each is equally likely the highest.
    level : float, at which it was to be able to convict
    scores : of the controls, in the order in which they were given
    """

    p_value: float
    level: float
    scores: tuple[float, ...]


def n_needed(level: float) -> int:
    """Return how many controls it takes for a p-value as low as a level.

    Raises
    ------
    WatermarkError
        If the level is not between 0 and 1.

    Examples
    --------
    >>> n_needed(0.01), n_needed(0.05), n_needed(0.3)
    (99, 19, 3)
    """
    if not 0 < level < 1:
        raise WatermarkError(f"{level} is no level of significance: give one between 0 and 1, as 0.01")
    return math.ceil(1 / level * (1 - 1e-12)) - 1


def check_enough(n: int, level: float) -> None:
    """Refuse controls that cannot give a p-value as low as a level, whatever they score.

    Raises
    ------
    WatermarkError
        If they are too few; the message says how many are needed.
    """
    if n < (needed := n_needed(level)):
        lowest = math.ceil(10**6 / (n + 1)) / 10**6
        instead = f", or ask for a level of {lowest:g}" if n else ""
        what = "1 control gives" if n == 1 else f"{n:,} controls give"
        raise WatermarkError(
            f"{what} no p-value below {1 / (n + 1):.3g}: for a level of {level:g} give {needed:,} models of unmarked "
            f"answers{instead}"
        )


def null_p_value(score: float, null_scores: Sequence[float], *, level: float | None = None) -> float:
    """Return the p-value of a score among those of unmarked models: (1 + #{null >= score}) / (n + 1).

    Parameters
    ----------
    score : float
        Of the suspect; higher speaks for the mark.
    null_scores : sequence of float
        Of models that never saw the mark, asked the same queries.
    level : float, optional
        Refuse too few of them for p-values as low as this.

    Raises
    ------
    WatermarkError
        If there are too few controls, or a score is NaN.

    Examples
    --------
    >>> null_p_value(0.9, [0.1, 0.2, -0.3])
    0.25
    """
    if level is not None:
        check_enough(len(null_scores), level)
    if math.isnan(score) or any(math.isnan(one) for one in null_scores):
        raise WatermarkError("a score is NaN: it can be compared with none")
    return (1 + sum(one >= score for one in null_scores)) / (len(null_scores) + 1)
