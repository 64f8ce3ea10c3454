"""What two pictures show, told by their thumbnails: whether they answer one query, and which belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from watermarking.interface import Image

    F32 = npt.NDArray[np.float32]

__all__ = ["matched", "show_the_same", "thumbnail"]

_THUMBNAIL: Final = 16
_ALIKE: Final = 0.9
"""Correlation of two thumbnails from which two pictures may be answers to one query."""
_RELATED: Final = 0.5
"""Correlation below which an answer under the right name is one to another query, or rubbish. Negatives are related."""
_CLEARER: Final = 0.02
"""By how much the best of them must lead."""
_FLAT: Final = 0.5


def thumbnail(levels: Image) -> F32:
    """Return 16x16 grey means of a uint8 picture as one row, of mean 0 and norm 1; of norm 0 if it is flat."""
    grey = levels if levels.ndim == 2 else cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6), np.float32)


def show_the_same(one: F32, two: F32) -> bool:
    """Say by two thumbnails whether an answer may be one to the same query; flat pictures may be anything's.

    It looks at no key.
    """
    flat = min(float(np.linalg.norm(one)), float(np.linalg.norm(two))) < _FLAT
    return flat or abs(float(one @ two)) >= _RELATED


def matched(ours: Mapping[str, F32], theirs: Mapping[str, F32], names: Sequence[str]) -> dict[str, str]:
    """Pair pictures by what they show, where that is beyond doubt: each is the other's best, by a clear lead.

    Parameters
    ----------
    ours : thumbnails by name
    theirs : thumbnails by name
    names : those of ``theirs`` that are looked at

    Returns
    -------
    dict
        Names of ``theirs`` by those of ``ours``.
    """
    if not names or not ours:
        return {}
    alike = np.stack(list(ours.values())) @ np.stack([theirs[name] for name in names]).T
    found: dict[str, str] = {}
    for row, name in enumerate(ours):
        best = int(alike[row].argmax())
        if alike[row, best] >= _ALIKE and _leads(alike[row], best) and _leads(alike[:, best], row):
            found[name] = names[best]
    return found


def _leads(values: F32, at: int) -> bool:
    others = np.delete(values, at)
    return not others.size or bool(values[at] - others.max() >= _CLEARER)
