"""Levels of merged copies: colluders are found by averages, votes and minima, and innocents' p-values are ones."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking import Key
from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.levels import accuse_levels
from watermarking.errors import WatermarkError

NAMES = [f"customer {i}" for i in range(100)]
CODE = TardosCode(length=1216, colluders=10)


def signs(n: int, key: Key) -> np.ndarray:
    return np.where(CODE.words(NAMES[:n], key=key), 1.0, -1.0)


def together(words: np.ndarray, way: str) -> np.ndarray:
    """Return what a place shows: chips of keyed signs leave nothing of minima unless all agree."""
    if way == "minimum":
        return np.where(np.abs(words.sum(axis=0)) == len(words), words[0], 0.0)
    return np.asarray({"mean": np.mean, "median": np.median}[way](words, axis=0))


@pytest.mark.parametrize("colluders", [1, 2, 5, 10])
@pytest.mark.parametrize("way", ["mean", "median", "minimum"])
@pytest.mark.parametrize("noise", [0.02, 0.12])
def test_colluders_are_named_and_nobody_else(colluders: int, way: str, noise: float) -> None:
    key, rng = Key(bytes(16)), np.random.default_rng(colluders)
    seen = together(signs(colluders, key), way) + rng.normal(0, noise, CODE.length)
    named = accuse_levels(CODE, seen, noise, NAMES, key=key).named()
    assert set(named) <= set(NAMES[:colluders])
    assert len(named) >= 0.6 * colluders


def test_innocents_p_values_are_no_smaller_than_chance() -> None:
    """Colluders merge with a word that belongs to nobody who is judged: all p-values are innocents'."""
    code, rng = TardosCode(length=120, colluders=3), np.random.default_rng(0)
    least = []
    for trial in range(60):
        key = Key(bytes([trial]) * 16)
        words = np.where(code.words(["x", "y", "z"], key=key), 1.0, -1.0)
        seen = words.mean(axis=0) + rng.normal(0, 0.2, code.length)
        found = accuse_levels(code, seen, 0.2, NAMES[:20], key=key)
        least.append(min(one.p_value for one in found.values()))
    assert np.mean(np.array(least) <= 0.1) <= 0.2
    assert min(least) > 1e-4


def test_places_that_were_not_read_say_nothing() -> None:
    key = Key(bytes(16))
    seen = signs(1, key)[0]
    seen[: CODE.length // 2] = np.nan
    assert accuse_levels(CODE, seen, 0.1, NAMES, key=key).named() == ["customer 0"]
    nothing = accuse_levels(CODE, np.full(CODE.length, np.nan), 0.1, NAMES, key=key)
    assert min(one.p_value for one in nothing.values()) == 1.0


def test_what_is_no_reading() -> None:
    key = Key(bytes(16))
    with pytest.raises(WatermarkError, match="1216 places"):
        accuse_levels(CODE, np.zeros(3), 0.1, NAMES, key=key)
    with pytest.raises(WatermarkError, match="more than 0"):
        accuse_levels(CODE, np.zeros(1216), 0.0, NAMES, key=key)
