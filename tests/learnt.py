"""Pictures, and stand-ins for trained surrogates: what they answer is the picture, a share of the mark, and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from watermarking.ownership.learnable.leaves import SIDE, dead_leaves

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.keys import Key
    from watermarking.ownership.learnable import LearnableMark

Array = np.ndarray[Any, Any]
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])


def colourful(n: int, *, side: int = 2 * SIDE) -> list[Array]:
    """Return drawn pictures, uint8 (side, side, 3)."""
    found = []
    for planes in dead_leaves()[:n]:
        levels = np.clip(np.moveaxis(np.tensordot(TO_RGB, planes, 1), 0, 2) + 0.5, 0, 255).astype(np.uint8)
        found.append(np.ascontiguousarray(cv2.resize(levels, (side, side), interpolation=cv2.INTER_CUBIC)))
    return found


def leaky(mark: LearnableMark, key: Key, *, share: float = 0.4, blur: float = 1.0, noise: float = 3.0) -> Any:
    """Return a function that answers with a share of the mark, a little blurred, and noise of its own."""
    rng = np.random.default_rng(5)

    def answer(picture: Array) -> Array:
        change = mark.mark(picture, key=key).astype(float) - picture
        blurred = cv2.GaussianBlur(picture.astype(float) + share * change, (0, 0), blur)
        return np.clip(blurred + rng.normal(0, noise, picture.shape) + 0.5, 0, 255).astype(np.uint8)

    return answer


def answers(queries: list[Array], surrogate: Callable[[Array], Array]) -> list[Array]:
    """Return a surrogate's answers."""
    return [surrogate(query) for query in queries]
