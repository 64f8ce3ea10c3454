"""The sums over spectra against plain loops."""

from __future__ import annotations

import naive
import numpy as np
import pytest

from watermarking.kernels.sync import score_maps, score_similarities

RNG = np.random.default_rng(0)
FREQUENCIES = RNG.uniform(-0.18, 0.18, (12, 2))


def spectrum(height: int, width: int) -> np.ndarray:
    return RNG.random((height, width // 2 + 1), np.float32)


@pytest.mark.parametrize("shape", [(64, 64), (63, 128), (128, 50)])
def test_any_map(shape: tuple[int, int]) -> None:
    power, maps = spectrum(*shape), RNG.normal(0, 2, (40, 2, 2))
    found = np.empty(len(maps), np.float32)
    score_maps(power, shape[1], FREQUENCIES, maps, found)
    assert np.allclose(found, [naive.wave_power(power, shape[1], FREQUENCIES, one) for one in maps], rtol=1e-5)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_similarities(flip: float) -> None:
    power, scales, n_angles = spectrum(96, 128), np.array([0.4, 1.0, 2.3]), np.array([7, 5, 3])
    found = np.empty(int(n_angles.sum()), np.float32)
    score_similarities(power, 128, FREQUENCIES, scales, n_angles, flip, found)
    expected = [
        naive.wave_power(power, 128, FREQUENCIES, naive.similarity(scale, np.pi * j / n, flip))
        for scale, n in zip(scales, n_angles, strict=True)
        for j in range(n)
    ]
    assert np.allclose(found, expected, rtol=1e-5)
