"""Rain: brighter streaks of the angle, density and length asked for, from a generator alone."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.tasks.rain import Rain, add_rain, rain_pairs


def dark(height: int = 128, width: int = 128) -> np.ndarray:
    return np.full((height, width, 3), 40, np.uint8)


def veil(rain: Rain, seed: int = 0) -> np.ndarray:
    return add_rain(dark(256, 256), rain, rng=np.random.default_rng(seed))[..., 0].astype(float) - 40


def test_rain_is_brighter_and_follows_the_generator() -> None:
    picture = dark()
    one, again = (add_rain(picture, rng=np.random.default_rng(1)) for _ in range(2))
    other = add_rain(picture, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert (one >= picture).all()
    assert (picture == 40).all()
    assert one.max() <= 225


@pytest.mark.parametrize("degrees", [-50.0, -20.0, 0.0, 30.0])
def test_angle(degrees: float) -> None:
    """The structure tensor's main direction is that of the streaks."""
    found = veil(Rain(angle=(degrees, degrees), scatter=0, length=(25, 30)))
    y, x = np.gradient(found)
    along = 0.5 * np.arctan2(2 * (x * y).mean(), (x * x - y * y).mean())  # of the slopes, across the streaks
    measured = -np.rad2deg(along)
    assert abs(measured - degrees) < 6


def test_density_and_opacity() -> None:
    shares = [(veil(Rain(density=(d, d), opacity=(0.5, 0.5))) > 10).mean() for d in (0.02, 0.08, 0.3)]
    assert shares[0] < shares[1] < shares[2]
    assert 0.08 < shares[1] < 0.28
    assert veil(Rain(density=(0, 0))).max() == 0
    assert veil(Rain(opacity=(0.1, 0.1))).max() < veil(Rain(opacity=(0.5, 0.5))).max()


def test_pairs_do_not_depend_on_each_other() -> None:
    pictures = [dark(), dark(64, 80), dark(9, 8)]
    pairs = rain_pairs(pictures, seed=4)
    assert [(a.shape, b.shape) for a, b in pairs] == [(p.shape, p.shape) for p in pictures]
    np.testing.assert_array_equal(rain_pairs(pictures[:1], seed=4)[0][0], pairs[0][0])
    assert (rain_pairs(pictures[:1], seed=5)[0][0] != pairs[0][0]).any()


def test_grey() -> None:
    picture = dark()[..., 0]
    rainy = add_rain(picture, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(rainy, add_rain(dark(), rng=np.random.default_rng(1))[..., 0])


def test_bad_input() -> None:
    rng = np.random.default_rng(0)
    for wrong in (np.zeros((16, 16, 3)), np.zeros((16, 16, 4), np.uint8), np.zeros((7, 16, 3), np.uint8)):
        with pytest.raises(UnsupportedImageError, match="no rain"):
            add_rain(wrong, rng=rng)
    for name, value in (
        ("angle", (-90, 0)), ("density", (0.2, 0.1)), ("length", (0, 5)), ("opacity", (0, 1.5)),
        ("width", (float("nan"), 2)), ("brightness", 300), ("scatter", -1),
    ):  # fmt: skip
        with pytest.raises(WatermarkError, match="cannot be drawn"):
            Rain(**{name: value})
