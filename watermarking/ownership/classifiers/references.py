"""References that carry the mark themselves: found before they hide it in a suspect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.estimate import Group
from watermarking.ownership.classifiers.labels import label_verdict
from watermarking.ownership.classifiers.verdict import each_view

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.classifiers.verdict import Compared

__all__ = ["check_references"]

_SURE: Final = 1e-7
"""Each reference is tried in up to 13 ways: together they refuse a clean one less than once in 100,000 times."""


def check_references(compared: Compared, mark: SoftLabelMark, key: Key) -> None:
    """Refuse answers of the owner's model and of references that carry the mark of the key.

    Each is tested against all others, and by itself. That it is refused depends on the key, but so seldom for clean
    models that the verdict's p-value holds all the same, within a factor of 1.00001 for each.

    Raises
    ------
    WatermarkError
        If one does; the message names it.
    """
    everyone, numbers, top = compared.sides[:, compared.rows], compared.numbers, compared.top
    for number, one in enumerate(everyone):
        others = np.delete(everyone, number, axis=0)
        found = each_view(one, Group(others[:0], weighted=False), top, numbers, mark, key)
        if len(others):
            found += each_view(one, Group(others, weighted=False), top, numbers, mark, key)
        if mark.reach and len(others):
            labels, at = np.asarray(one.argmax(1), np.int64), mark.coarse.whitened(numbers)
            found.append(label_verdict(labels, others[0], others[1:], at, mark, key))
        best = min(found, key=lambda detection: detection.p_value)
        if best.p_value < _SURE:
            raise WatermarkError(
                f"{_name(number, compared.n_references)} carries the mark of this key itself (p = {best.p_value:.1e}, "
                f"{best.statistic}): it would hide the mark of the suspect; take the model without its wrapper, and "
                "references that never saw marked answers"
            )


def _name(number: int, n_references: int) -> str:
    if not number:
        return "your own model, as given,"
    return f"reference {number - 1}" if number <= n_references else f"smoothed reference {number - 1 - n_references}"
