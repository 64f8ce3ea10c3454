"""References that carry the mark themselves, or lean away from it: found before they hide it, or feign it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.estimate import measure, views
from watermarking.ownership.classifiers.evidence import next_checkpoint
from watermarking.ownership.classifiers.labels import label_verdict, odds_verdicts
from watermarking.ownership.classifiers.verdict import verdicts

if TYPE_CHECKING:
    from watermarking.interface import Detection
    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.verdict import Compared

__all__ = ["check_course", "check_references"]

_SURE: Final = 1e-7
"""Each reference is tried in up to 21 ways on two sides: together they refuse a clean one once in 240,000 times."""
_CHECKPOINTS: Final = 32
"""Of evidence that is gathered query by query there are no more: 65,536 queries."""


def check_references(compared: Compared, mark: SoftLabelMark, key: Key, *, keys: int = 1) -> None:
    """Refuse answers of the owner's model and of references that lean towards the mark of the key, or away from it.

    Each is tested against all others, and by itself. One that carries the mark would hide it in a suspect; one that
    leans away would show it in everybody, which is how an owner who knows his key could accuse the innocent (Liu et
    al., "False claims against model ownership resolution", USENIX Security 2024). The latter is seen beside references
    that are honest, not where the owner's answers are all that there is: then whoever judges must bring models of his
    own. That one is refused depends on the key, but so seldom for clean models that the verdict's p-value holds all
    the same, within a factor of 1.00001 for each.

    Parameters
    ----------
    compared, mark, key
        See :func:`watermarking.ownership.classifiers.proof.compare`.
    keys : int
        How many are checked one after the other: a clean reference is refused by any of them as seldom as by one.

    Raises
    ------
    WatermarkError
        If one does; the message names it.
    """
    tests, sure = _tested(compared, mark, key), _SURE / keys
    odd = [
        (number, test) for number, test in tests
        if test.p_value < sure or (test.score < 0 and 1 - test.p_value < sure)  # 1 of no score is that of no evidence
    ]  # fmt: skip
    if not odd:
        return
    # Beside one that leans, others seem to lean against it; of two alike, a marked one is likelier than a forged one.
    number, test = max(odd, key=lambda one: (round(abs(one[1].score), 1), one[1].score))
    who = _name(number, compared.n_references)
    if test.score > 0:
        raise WatermarkError(
            f"{who} carries the mark of this key itself (p = {test.p_value:.1e}, {test.statistic}): it would hide the "
            "mark of the suspect; take the model without its wrapper, and references that never saw marked answers"
        )
    raise WatermarkError(
        f"{who} leans away from the mark of this key (cosine {test.score:.3f}, {test.statistic}): beside it everybody "
        "would seem to carry the mark; take models that were trained without the key"
    )


def check_course(compared: Compared, mark: SoftLabelMark, key: Key) -> None:
    """Check references as :func:`check_references` does, after each number of queries at which evidence is gathered.

    An e-value never falls: what leans at first and back later, so that nothing is left of it in the end, has done its
    work by then.

    Raises
    ------
    WatermarkError
        If one leans at any of them.
    """
    n = 0
    while (n := next_checkpoint(n)) < len(compared.rows):
        check_references(_first(compared, n), mark, key, keys=_CHECKPOINTS)
    check_references(compared, mark, key, keys=_CHECKPOINTS)


def _first(compared: Compared, n: int) -> Compared:
    return replace(compared, rows=compared.rows[:n], suspect=compared.suspect[:n])


def _tested(compared: Compared, mark: SoftLabelMark, key: Key) -> list[tuple[int, Detection]]:
    """Return the verdicts on each of the owner's answers, with its number.

    Each is looked at by itself, beside all others, and, where there are smoothed references, beside those that a
    suspect is compared with while it is not: what leans among the smoothed ones shows in the clean ones.
    """
    everyone, top = np.asarray(compared.sides[:, compared.rows], np.float64), compared.top
    at, looks, keyed = mark.coarse.whitened(compared.numbers), views(mark.delta, mark.n_classes), mark.keyed(key)
    sums = measure(everyone, top, at, keyed, looks)
    found, n_clean = [], 1 + compared.n_references
    clean, smoothed = list(range(1, n_clean)), list(range(n_clean, len(everyone)))
    for number, one in enumerate(everyone):
        others = [other for other in range(len(everyone)) if other != number]
        groups = [[], others] if others else [[]]
        if number and clean and smoothed:
            groups.append([0, *(smoothed if number < n_clean else clean)])
        for group in groups:
            found += [(number, look) for look in verdicts(sums.of([number, *group]), keyed, looks)]
        if mark.reach and others:
            labels = np.asarray(one.argmax(1), np.int64)
            found.append((number, label_verdict(labels, everyone[others[0]], everyone[others[1:]], at, mark, key)))
    if mark.reach:
        found += odds_verdicts(everyone, at, mark, key)
    return found


def _name(number: int, n_references: int) -> str:
    if not number:
        return "your own model, as given,"
    return f"reference {number - 1}" if number <= n_references else f"smoothed reference {number - 1 - n_references}"
