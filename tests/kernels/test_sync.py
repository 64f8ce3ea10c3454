"""The sums over spectra against plain loops."""

from __future__ import annotations

import naive
import numpy as np
import pytest

from watermarking.kernels.sync import level_spectrum, score_maps, score_similarities, score_turned, sum_surfaces

RNG = np.random.default_rng(0)
FREQUENCIES = RNG.uniform(-0.18, 0.18, (12, 2))


def spectrum(height: int, width: int) -> np.ndarray:
    return RNG.random((height, width // 2 + 1), np.float32)


def table(power: np.ndarray) -> np.ndarray:
    made = np.full((power.shape[0] + 3, power.shape[1] + 1), np.nan, np.float32)
    level_spectrum(np.sqrt(power).astype(np.complex64), np.ones_like(power), 2.0, made)
    return made


def test_levelled() -> None:
    power, level = 100 * spectrum(63, 128), 1 + spectrum(63, 128)
    turned = np.sqrt(power) * np.exp(1j * RNG.uniform(0, 6, power.shape))
    values, made = turned.astype(np.complex64), np.empty((66, 66), np.float32)
    level_spectrum(values, level, 12.0, made)
    assert np.allclose(values, turned / np.sqrt(level), rtol=1e-5)
    assert np.allclose(made[32:64, :65], np.minimum(power / level, 12)[:32], rtol=1e-5)
    assert np.allclose(made[1:32, :65], np.minimum(power / level, 12)[32:], rtol=1e-5)
    assert not made[[0, -1]].any()
    assert not made[:, -1].any()


@pytest.mark.parametrize("shape", [(64, 64), (63, 128), (128, 50)])
def test_any_map(shape: tuple[int, int]) -> None:
    power, maps = spectrum(*shape), RNG.normal(0, 2, (40, 2, 2))
    found = np.empty(len(maps), np.float32)
    score_maps(table(power), FREQUENCIES, maps, found)
    assert np.allclose(found, [naive.wave_power(power, shape[1], FREQUENCIES, one) for one in maps], rtol=1e-5)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_similarities(flip: float) -> None:
    power, scales, n_angles = spectrum(96, 128), np.array([0.4, 1.0, 2.3]), np.array([7, 5, 3])
    found = np.empty(int(n_angles.sum()), np.float32)
    score_similarities(table(power), FREQUENCIES, scales, n_angles, flip, found)
    expected = [
        naive.wave_power(power, 128, FREQUENCIES, naive.similarity(scale, np.pi * j / n, flip))
        for scale, n in zip(scales, n_angles, strict=True)
        for j in range(n)
    ]
    assert np.allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("first", [False, True])
def test_turned(*, first: bool) -> None:
    power, scales = spectrum(96, 128), np.array([0.5, 1.0, 1.9])
    angles, aspects = np.array([-0.2, 0.0, 0.1]), np.array([-0.1, 0.12])
    found = np.empty((3, 3, 2), np.float32)
    score_turned(table(power), FREQUENCIES, scales, angles, aspects, first, found)
    for place, value in np.ndenumerate(found):
        turn, edges = naive.similarity(scales[place[0]], angles[place[1]], 1), aspects[place[2]] * np.array([0.5, -0.5])
        matrix = np.diag(np.exp(edges)) @ turn if first else turn @ np.diag(np.exp(edges))
        assert value == pytest.approx(naive.wave_power(power, 128, FREQUENCIES, matrix), rel=1e-5)


def test_surfaces_are_interpolated_and_zero_beyond_their_grids() -> None:
    grid = np.arange(-2, 2.25, 0.5)
    row, col = np.meshgrid(grid, grid, indexing="ij")
    surfaces = np.stack([row + 2 * col, 3 + row * 0, -col])  # linear, so that interpolation is exact
    fields = np.array([[[0.3, 1, -1.1], [-0.6, 1, 0.7]], [[0.0, 9, 0], [0, 0, 0]], [[0.0, 0, 0], [0, -2.1, 0]]])
    totals = np.empty(3)
    sum_surfaces(surfaces, -2.0, 0.5, fields, totals)
    assert np.allclose(totals, [0.3 - 1.2 + 3 - 0.7, 0, 0])
