"""A little world of classifiers: inputs, a true model, models like it, and students of its answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from watermarking.keys import Key
from watermarking.ownership.classifiers import SoftLabelMark

F64 = npt.NDArray[np.float64]
KEY = Key(bytes(range(32)))
OTHER = Key(bytes(range(1, 33)))


def softmax(z: F64) -> F64:
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


@dataclass(frozen=True, eq=False)
class World:
    """N pictures of 12 x 12 samples, and models that are linear in them."""

    pictures: npt.NDArray[np.float32]
    weights: F64
    mark: SoftLabelMark

    @property
    def n_classes(self) -> int:
        return self.weights.shape[1]

    def model(self, seed: int, spread: float = 0.3, pictures: Any = None) -> F64:
        """Return the answers of a model that was trained with another seed."""
        rng = np.random.default_rng(seed)
        weights = self.weights + spread * rng.normal(size=self.weights.shape)
        some = self.pictures if pictures is None else pictures
        return softmax(some.reshape(len(some), -1).astype(np.float64) @ weights * 0.4)

    @property
    def own(self) -> F64:
        return self.model(0, 0.0)

    @property
    def references(self) -> list[F64]:
        return [self.model(seed) for seed in (1, 2, 3)]

    def marked(self, key: Key = KEY) -> F64:
        return self.mark.answer(self.own, self.pictures, key=key)

    def student(self, key: Key = KEY, seed: int = 7, noise: float = 0.7) -> F64:
        """Return answers like those of somebody who learnt the marked ones, with errors of his own."""
        rng = np.random.default_rng(seed)
        return softmax(np.log(self.marked(key)) + noise * rng.normal(size=self.own.shape))


@lru_cache(maxsize=8)
def world(n_classes: int = 10, n: int = 400) -> World:
    rng = np.random.default_rng(n_classes)
    coarse = rng.normal(size=(n, 4, 4))
    pictures = (np.kron(coarse, np.ones((3, 3))) + 0.3 * rng.normal(size=(n, 12, 12))).astype(np.float32)
    weights = np.kron(rng.normal(size=(4, 4, n_classes)), np.ones((3, 3, 1))).reshape(144, n_classes) / 3
    return World(pictures, weights, SoftLabelMark.fit(pictures, n_classes=n_classes))
