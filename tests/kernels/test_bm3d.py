from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dct

from tests.naive_bm3d import denoised
from watermarking.kernels.bm3d import empirical_wiener, hard_threshold

BASIS = dct(np.eye(8), axis=0, norm="ortho").astype(np.float32)
WINDOW = np.outer(np.kaiser(8, 2.0), np.kaiser(8, 2.0)).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 13, 18), (3, 21, 12)])
def test_both_stages_are_the_twin_s(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(shape[1])
    waves = 60 * np.sin(np.arange(shape[2]) / 2) + 40 * np.cos(np.arange(shape[1]) / 3)[:, None]
    planes = (128 + waves + 10 * rng.standard_normal(shape)).astype(np.float32)
    sigmas = np.linspace(10, 7, shape[0]).astype(np.float32)
    starts = [np.append(np.arange(0, side - 8, 4), side - 8) for side in shape[1:]]
    out = np.zeros((2 * shape[0], *shape[1:]), np.float32)
    hard_threshold(planes, sigmas, *starts, 5, 900.0, BASIS, WINDOW, out)
    pilots = out[: shape[0]] / out[shape[0] :]
    expected = denoised(planes, None, sigmas, starts, 5, 900.0, WINDOW)
    np.testing.assert_allclose(pilots, expected, rtol=1e-4)
    out[:] = 0
    empirical_wiener(planes, pilots, sigmas, *starts, 5, 400.0, BASIS, WINDOW, out)
    expected = denoised(planes, pilots, sigmas, starts, 5, 400.0, WINDOW)
    np.testing.assert_allclose(out[: shape[0]] / out[shape[0] :], expected, rtol=1e-4)
