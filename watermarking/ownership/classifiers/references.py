"""References that carry the mark themselves: found before they hide it in a suspect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.verdict import tested

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark

    F64 = npt.NDArray[np.float64]

__all__ = ["check_references"]

_SURE: Final = 1e-7
"""Each reference is tested in up to 12 ways: together they refuse a clean one less than once in 100,000 times."""


def check_references(
    own: F64, references: F64, smoothed: F64, numbers: npt.NDArray[np.float32], mark: SoftLabelMark, key: Key
) -> None:
    """Refuse answers of the owner's model and of references that carry the mark of the key.

    Each is tested against all others, and by itself. That it is refused depends on the key, but so seldom for clean
    models that the verdict's p-value holds all the same, within a factor of 1.00001 for each.

    Parameters
    ----------
    own : (n, K) float64
    references, smoothed : (R, n, K) float64

    Raises
    ------
    WatermarkError
        If one does; the message names it.
    """
    everyone = np.concatenate([own[np.newaxis], references, smoothed])
    top = np.asarray(own.argmax(1), np.int64)
    for number, one in enumerate(everyone):
        others = np.delete(everyone, number, axis=0)
        found = tested(one, others[:0], top, numbers, mark, key)
        if len(others):
            found += tested(one, others, top, numbers, mark, key)
        best = min(found, key=lambda detection: detection.p_value)
        if best.p_value < _SURE:
            raise WatermarkError(
                f"{_name(number, len(references))} carries the mark of this key itself (p = {best.p_value:.1e}, "
                f"{best.statistic}): it would hide the mark of the suspect; take the model without its wrapper, and "
                "references that never saw marked answers"
            )


def _name(number: int, n_references: int) -> str:
    if not number:
        return "your own model, as given,"
    return f"reference {number - 1}" if number <= n_references else f"smoothed reference {number - 1 - n_references}"
