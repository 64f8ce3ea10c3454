"""What was read of each place, and what it says of each customer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.codes.tracing.identifiers import identify
from watermarking.codes.tracing.levels import accuse_levels
from watermarking.interface import Detection
from watermarking.ownership.fingerprints.carrier import turning
from watermarking.significance import any_of, rademacher_p_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from watermarking.codes.tracing.designs import AndCode
    from watermarking.keys import Key
    from watermarking.ownership.fingerprints.carrier import Levels
    from watermarking.ownership.fingerprints.mark import WeightMark

    F64 = npt.NDArray[np.float64]

__all__ = ["judged", "judged_by_layers"]

_SHRUNK: Final = 0.05
_SURE: Final = 4.0  # standard deviations
_MORE: Final = 8  # copies beyond those that an AND code is for, whose average its places are compared with
_MISFIT: Final = 5.0  # times: so much better do levels of more copies fit than those of as many as the code is for
_LIKELY: Final = 1e-4  # p-values at which an AND code's word counts as one that fits
_ANY: Final = 1e-12  # what a spread is at least
_TELLING: Final = 1e-3
"""A layer adds something where somebody's p-value is below this, and above it by all weights."""


def judged(levels: Levels, mark: WeightMark, customers: Sequence[str], *, key: Key) -> dict[str, Detection]:
    """Return the verdict on each customer, the likeliest first; each p-value counts all of them.

    An identifier names one customer at most, who may be nobody's: the others' p-values are 1.

    Parameters
    ----------
    levels : Levels
    mark : WeightMark
    customers : sequence of str
        Everybody who has a copy, in the order of issue, which AND codes go by.
    key : Key
        Of the model's fingerprints.
    """
    spread = np.maximum(levels.spread, _ANY)
    if mark.code == "tardos":
        found = accuse_levels(mark.tardos(), levels.values, spread, customers, key=key, keep=max(len(customers), 1))
        return found.detections
    if mark.code == "and":
        verdicts = _by_design(levels, spread, mark, key)
        return dict(sorted(zip(customers, verdicts, strict=False), key=lambda item: item[1].p_value))
    name, detection = identify(2 * np.nan_to_num(levels.values) / spread**2, customers, key=key)
    nobody = Detection(0.0, 1.0, detection.statistic)
    first = {} if name is None else {name: detection}
    return first | {one: nobody for one in customers if one != name}


def judged_by_layers(
    levels: Levels, layers: Mapping[str, Levels], mark: WeightMark, customers: Sequence[str], *, key: Key, n_looks: int
) -> tuple[dict[str, Detection], list[str]]:
    """Return the verdict on each customer by all weights and by each layer alone, and the layers that added something.

    Who took whole layers from several copies leaves in each a single customer's word, and of all weights together
    that of the largest. Whoever shows in one layer alone is judged by that; each p-value counts all the looks.

    Parameters
    ----------
    levels : Levels
        Of all weights.
    layers : mapping of layers' names to Levels
        Of each, or of those that added something when all were looked at.
    mark, customers, key : see :func:`judged`
    n_looks : int
        How often was looked, whatever was kept of it.
    """
    best, adding = judged(levels, mark, customers, key=key), []
    whole = dict(best)
    for name, part in layers.items():
        found = judged(part, mark, customers, key=key)
        better = [one for one in found if found[one].p_value < _TELLING < whole[one].p_value]
        if better:
            adding.append(name)
        for one in better:
            best[one] = min(best[one], found[one], key=lambda verdict: verdict.p_value)
    counted = {
        one: dataclasses.replace(verdict, p_value=any_of(verdict.p_value, n_looks)) for one, verdict in best.items()
    }
    return dict(sorted(counted.items(), key=lambda item: item[1].p_value)), adding


def _by_design(levels: Levels, spread: F64, mark: WeightMark, key: Key) -> list[Detection]:
    """Return the verdict on each word of an AND code.

    The code's own p-values take it for granted that somebody's copy was read. That it was must show as well: a word's
    signs and what was read go together no better than the key's signs would make them by chance, unless the word, or
    others, which all AND codes have most ones in common with, was put in. And a mark that has shrunk makes of every
    average a zero, which would speak against the innocent: where what all have should be 1 and is less, nobody is
    named; nor where the levels are those of more copies than the code is for, or more are found than that.
    """
    design, turn = mark.design(), turning(key, mark.length)
    read = np.nan_to_num(levels.values)
    turned = turn.T @ read
    verdicts = design.accuse(_of_all(turned, spread, design.order), key=key)
    if _has_shrunk(turned, spread, design, key):
        return _nobody(verdicts, "the mark has shrunk")
    if _of_too_many(turned, spread, design.order):
        return _nobody(verdicts, "more copies were averaged than the code is for")
    found = []
    for number, verdict in enumerate(verdicts):
        along = turn @ np.where(design.word(number, key=key), 1.0, -1.0)
        norm = float(np.linalg.norm(along * levels.norms))
        there = any_of(rademacher_p_value(float(along @ read) / norm if norm > 0 else 0.0), len(verdicts))
        found.append(Detection(verdict.score, max(verdict.p_value, there), verdict.statistic))
    if sum(one.p_value <= _LIKELY for one in found) > design.order:
        return _nobody(verdicts, "more words fit than the code can tell apart")
    return found


def _nobody(verdicts: Sequence[Detection], why: str) -> list[Detection]:
    return [Detection(verdict.score, 1.0, f"{verdict.statistic}; {why}") for verdict in verdicts]


def _of_too_many(values: F64, spread: F64, order: int) -> bool:
    """Say whether the levels are those of averages of more than ``order`` copies, and of no fewer."""

    def misfit(n: int) -> float:
        steps = np.clip(np.rint((1 - values) * n / 2), 0, n)
        return float(np.mean(((values - (1 - 2 * steps / n)) / spread) ** 2))

    fewer, more = (min(map(misfit, some)) for some in (range(1, order + 1), range(order + 1, order + _MORE + 1)))
    return fewer > _MISFIT * max(more, 1.0)


def _has_shrunk(values: F64, spread: F64, design: AndCode, key: Key) -> bool:
    """Say whether the places that all colluders have in common, if they are as many as the code bears, lie below 1."""
    zeros = int((~design.word(0, key=key)).sum())
    common = max(1, len(values) - design.order * zeros)
    highest = float(np.sort(values)[-common:].mean())
    noise = float(np.sqrt(np.mean(spread**2) / common))
    return highest < 1 - _SHRUNK - _SURE * noise


def _of_all(values: F64, spread: F64, colluders: int) -> F64:
    """Return log-likelihood ratios of all colluders having a one: an average is 1 then, and at most 1 - 2 / c else.

    Noise is taken as the spread, or as what lies beyond what averages can show, whichever is more.
    """
    beyond = values[values > 1] - 1
    noise = max(float(np.sqrt(np.mean(spread**2))), float(np.sqrt(np.mean(beyond**2))) if beyond.size else 0.0)
    least = 1 - 2 / colluders
    return np.asarray(((values - least) ** 2 - (values - 1) ** 2) / (2 * noise**2))
