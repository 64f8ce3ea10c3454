"""What docs/classifiers.md shows is run, on vectors that an MLP learns in seconds in the place of drawn letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.pages import run_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from watermarking.ownership.classifiers.answers import F64


def draw(n: int, seed: int) -> tuple[F64, F64, F64]:
    """Return vectors, what a model that knows how they were drawn answers, and their classes."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(10, 12))
    labels = rng.integers(0, 10, n)
    vectors = centres[labels] + 0.6 * rng.normal(size=(n, 12))
    odds = -((vectors[:, None] - centres) ** 2).sum(2) / 0.72
    odds = np.exp(odds - odds.max(1, keepdims=True))
    return vectors, odds / odds.sum(1, keepdims=True), labels


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for seed, names in enumerate([("inputs", "answers", "labels"), ("asked", "own", "asked-labels")], 1):
        for name, array in zip(names, draw((2000, 800)[seed - 1], seed), strict=True):
            np.save(f"{name}.npy", array)
    run_page("classifiers.md", tmp_path)
