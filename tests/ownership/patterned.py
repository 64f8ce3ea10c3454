"""A mark that is read blind: keyed signs, pixel by pixel. It stands for marks with a network that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np

from watermarking.interface import Detection
from watermarking.significance import rademacher_p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.keys import Key

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Patterned:
    """Adds a keyed sign to each pixel, but of flat pictures."""

    id: ClassVar[str] = "patterned"
    strength: int = 3

    def mark(self, picture: Array, *, key: Key) -> Array:
        """Return a marked copy; flat pictures stay as they are."""
        if np.ptp(picture) == 0:
            return picture.copy()
        signs = _signs(picture, key) * self.strength
        return np.clip(picture.astype(int) + (signs if picture.ndim == 2 else signs[..., None]), 0, 255).astype(
            np.uint8
        )

    def verify(
        self, suspect: Sequence[Array], own: Sequence[Array], *, key: Key, references: Sequence[Sequence[Array]] = ()
    ) -> Detection:
        """Correlate what the answers differ by."""
        del references
        return _correlated([one.astype(float) - two for one, two in zip(suspect, own, strict=True)], key)

    def verify_blind(self, suspect: Sequence[Array], *, key: Key) -> Detection:
        """Correlate what a blur leaves of the answers."""
        return _correlated([one - cv2.GaussianBlur(one.astype(float), (0, 0), 1.5) for one in suspect], key)


def _signs(picture: Array, key: Key) -> Array:
    shape = picture.shape[:2]
    return np.where(key.bits("test/pattern", shape[0] * shape[1]), 1, -1).reshape(shape)


def _correlated(changes: list[Array], key: Key) -> Detection:
    total = np.sum([change if change.ndim == 2 else change.mean(2) for change in changes], axis=0)
    norm = float(np.linalg.norm(total))
    score = float((_signs(total, key) * total).sum()) / norm if norm else 0.0
    return Detection(score, rademacher_p_value(score), "pattern")
