"""The waves: keyed, of unit power, off the axes, too weak to be seen alone."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.keys import Key
from watermarking.sync.template import PERIOD, signal, template, template_tile

KEY = Key(bytes(range(16)))


def test_the_tile_is_the_sum_of_the_waves() -> None:
    found, tile = template(KEY), template_tile(KEY)
    rng = np.random.default_rng(0)
    for row, col in rng.integers(0, PERIOD, (20, 2)):
        phase = 2 * np.pi * (found.waves @ np.array([row, col])) / PERIOD + found.phases
        assert tile[row, col] == pytest.approx(np.cos(phase).sum() * np.sqrt(2 / len(phase)), abs=1e-3)
    assert np.mean(np.square(tile)) == pytest.approx(1, abs=1e-3)


def test_waves_are_distinct_and_lie_in_the_annulus_off_the_axes() -> None:
    waves = template(KEY).waves
    radius = np.hypot(*waves.T) / PERIOD
    assert len(np.unique(waves, axis=0)) == len(waves)
    assert radius.min() >= 0.05
    assert radius.max() <= 0.18
    assert np.abs(waves).min() >= 6


def test_two_keys_share_no_more_waves_than_chance_gives() -> None:
    one, two = (set(map(tuple, template(Key(bytes([i]) * 16)).waves)) for i in (1, 2))
    assert len(one & two) <= 2


def test_the_signal_has_the_energy_asked_for_and_follows_the_picture() -> None:
    rng = np.random.default_rng(1)
    plane = np.full((300, 1100), 128, np.float32)
    plane[:, 600:] += rng.normal(0, 30, (300, 500)).astype(np.float32)
    found = signal(plane, KEY, 0.5)
    assert np.mean(np.square(found)) == pytest.approx(0.5, rel=1e-3)
    assert np.std(found[:, 600:]) > 1.5 * np.std(found[:, :580])
