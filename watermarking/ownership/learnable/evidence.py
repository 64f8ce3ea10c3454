"""Evidence that is gathered query by query and may be stopped at any time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.learnable.pairs import added, measured, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.learnable.estimate import Sums
    from watermarking.ownership.learnable.family import Family

__all__ = ["Evidence", "calibrated", "gather", "increment"]

_STATISTIC: Final = "e-value"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the queries so far say.

    Attributes
    ----------
    n_queries : int
    e_value : float
        Never falls. Of a suspect that does not know the key the chance that it *ever* reaches ``1 / a``, however many
        queries are asked and whenever one stops, is at most a.
    latest : Detection
        Of all queries so far together, as if their number had been fixed before: not to be used for stopping.
    """

    n_queries: int
    e_value: float
    latest: Detection

    @property
    def detection(self) -> Detection:
        """Return the verdict that holds whenever one stopped: the inverse of the e-value bounds the p-value."""
        return Detection(math.log10(max(self.e_value, 1e-300)), min(1.0, 1 / max(self.e_value, 1e-300)), _STATISTIC)


def gather(
    queries: Iterable[tuple[Image, Image] | tuple[Image, Image, Sequence[Image]]], *, key: Key
) -> Iterator[Evidence]:
    """Yield the evidence after each query.

    Why one may stop at any time. Suppose that the suspect does not know the key, and that which queries are asked, and
    in which order, was settled without it. Then all answers are fixed things and only the key's direction is random:
    uniform on its sphere. After the first n answers the p-value of the direction that they show is therefore exactly
    uniform, for every n, and ``E_n``, its calibrated e-value, has the mean 1 over keys. These E_n are not independent
    (they share the one direction), so their product would prove nothing. A *sum with weights fixed beforehand* needs no
    independence: ``w_1 E_{n_1} + w_2 E_{n_2} + ...`` over checkpoints ``n_k`` has at most the mean ``sum w_k = 1``,
    and, since every term is positive, it never falls. That it ever reaches 1/a is thus the same event as that its last
    value does, which Markov's inequality gives a chance of at most a. Ville's inequality says the same of any
    nonnegative supermartingale; here the running sum needs no more than Markov's.

    The checkpoints are 1, 2, 3, 4, 6, 8, 12, 16, 24, ... queries and ``w_k = 1 / (k (k + 1))``, so that waiting costs
    little: at 96 queries a factor of 182. What is not allowed is to choose the *next picture* by what came out so far.

    Parameters
    ----------
    queries : iterable of (suspect's answer, own unmarked answer) or (the same, answers of unmarked surrogates)
        Taken one at a time, so that it may ask the suspect as it goes.
    key : Key

    Yields
    ------
    Evidence

    Raises
    ------
    WatermarkError
        If a query's answers differ in shape, or the number of surrogates changes.
    """
    return accumulated(_verdicts(queries, key))


def accumulated(verdicts: Iterable[Detection]) -> Iterator[Evidence]:
    """Yield the evidence after each query; a verdict says of all queries so far together, and is exact over keys."""
    e_value = 0.0
    for n, latest in enumerate(verdicts, 1):
        e_value += increment(n, latest.p_value)
        yield Evidence(n, e_value, latest)


def _verdicts(queries: Iterable[Any], key: Key) -> Iterator[Detection]:
    kinds: list[tuple[Sums, Family]] = []
    n_references = 0
    for n, (suspect, own, *rest) in enumerate(queries, 1):
        references = rest[0] if rest else ()
        if n > 1 and len(references) != n_references:
            raise WatermarkError(
                f"query {n} comes with {len(references)} references, those before with {n_references}: gather queries "
                "with and without references apart"
            )
        n_references = len(references)
        kinds = added([*kinds, measured(suspect, own, references, key=key)])
        yield together(kinds)


def calibrated(p_value: float) -> float:
    """Turn a p-value into an e-value: ``(1 - p + p ln p) / (p ln^2 p)``, of mean 1 if p is uniform.

    It is the mean of ``k p^(k - 1)`` over k in [0, 1]: Vovk and Wang, "E-values: calibration, combination and
    applications", Annals of Statistics 49(3), 2021, section 2.

    Examples
    --------
    >>> round(calibrated(1.0), 3), f"{calibrated(1e-9):.1e}"
    (0.5, '2.3e+06')
    """
    x = -math.log(p_value)
    return 0.5 + x / 6 if x < 1e-4 else (math.expm1(x) - x) / (x * x)


def increment(n: int, p_value: float) -> float:
    """Return what the n-th query adds to the e-value: 0 between the checkpoints 1, 2, 3, 4, 6, 8, 12, 16, 24, ...

    Examples
    --------
    >>> [round(increment(n, 0.01), 3) for n in range(1, 7)]
    [2.225, 0.742, 0.371, 0.223, 0.0, 0.148]
    """
    power = (n & -n).bit_length() - 1
    if n >> power == 1:
        k = max(1, 2 * power)
    elif n >> power == 3:
        k = 2 * power + 3
    else:
        return 0.0
    return calibrated(p_value) / (k * (k + 1))
