"""Chips: what they measure, what they ignore, and that writing them is nearly the transpose of reading."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from watermarking.transforms.chips import chips_from_plane, plane_from_chips


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_means_against_a_gaussian_of_means(side: int) -> None:
    plane = noise(20 * side + side - 1, 30 * side)
    means = plane[: 20 * side].reshape(20, side, 30, side).mean((1, 3), dtype=np.float64)
    expected = side * (means - gaussian_filter(means, 0.7, mode="nearest", radius=3))
    assert np.allclose(chips_from_plane(plane, side), expected, atol=1e-5)


def test_white_noise_gives_chips_of_half_its_variance() -> None:
    assert chips_from_plane(noise(300, 300), 3).var() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("shape", [(3, 3), (3, 90), (31, 47)])
def test_a_flat_plane_has_no_chips(shape: tuple[int, int]) -> None:
    assert np.abs(chips_from_plane(np.full(shape, 200, np.float32), 3)).max() < 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (2, 90)])
def test_too_small_for_a_chip(shape: tuple[int, int]) -> None:
    assert chips_from_plane(np.zeros(shape, np.float32), 3).size == 0


def test_rows_and_columns_are_treated_alike() -> None:
    chips = noise(12, 9)
    plane = plane_from_chips(chips, 3, (37, 28))
    assert plane.shape == (37, 28)
    assert np.allclose(plane, plane_from_chips(chips.T, 3, (28, 37)).T, atol=1e-6)
    picture = noise(33, 48)
    assert np.allclose(chips_from_plane(picture, 3), chips_from_plane(picture.T, 3).T, atol=1e-6)


def test_written_chips_are_read_with_their_signs() -> None:
    chips = np.sign(noise(40, 50))
    read = chips_from_plane(plane_from_chips(chips, 3, (120, 150)), 3)
    assert np.mean(np.sign(read) == chips) > 0.9
    assert np.mean(read * chips) == pytest.approx(0.264, abs=0.03)  # Additive.response
