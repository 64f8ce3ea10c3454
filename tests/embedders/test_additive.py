"""``additive``: constants that belong to the format, and where its energy lies."""

from __future__ import annotations

import numpy as np
import pytest
from covers import photograph

from watermarking.embedders.additive import Additive
from watermarking.keys import Key

KEY = Key(bytes(range(32)))


def test_energy_lies_in_the_low_and_middle_frequencies() -> None:
    """What JPEG, scaling and blur remove, and what the picture itself is strongest in, is left alone."""
    plane = photograph((576, 576)).astype(np.float32)
    change = Additive().residual(plane, np.ones(512, np.bool_), key=KEY)(4.0)
    power = np.abs(np.fft.fft2(change)) ** 2
    frequency = np.hypot(np.fft.fftfreq(576)[:, None], np.fft.fftfreq(576)[None])
    assert power[(frequency > 0.05) & (frequency < 0.2)].sum() > 0.7 * power.sum()
    assert power[frequency < 0.02].sum() < 0.05 * power.sum()
    assert abs(change.mean()) < 0.01


def test_gains_are_those_of_its_transform() -> None:
    """``response`` and ``spread_gain`` are measured: white chips written, and read again."""
    scheme = Additive()
    chips = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (200, 200, 1))
    plane = scheme.synthesise(chips, (600, 600))
    assert np.mean(scheme.analyse(plane) * chips) == pytest.approx(scheme.response, abs=0.005)
    assert np.mean(np.square(plane)) * plane.size / chips.size == pytest.approx(scheme.spread_gain, rel=0.05)
