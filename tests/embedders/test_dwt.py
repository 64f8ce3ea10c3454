"""``dwt``: level 1 and the approximation stay as they are, and its bands are those of PyWavelets."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
from covers import photograph

from watermarking.embedders.dwt import WAVELET, Dwt
from watermarking.keys import Key

KEY = Key(bytes(range(32)))


def test_bands_are_the_details_of_levels_2_and_3() -> None:
    plane = photograph((136, 200)).astype(np.float32)
    bands = Dwt().analyse(plane)
    _, coarse, fine, _ = pywt.wavedec2(plane.astype(np.float64), WAVELET, "periodization", level=3)
    assert bands.shape == (17, 25, 15)
    for i, (level_3, level_2) in enumerate(zip(coarse, fine, strict=True)):
        assert np.allclose(bands[..., i], level_3, atol=1e-2)
        for place, (y, x) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
            assert np.allclose(bands[..., 3 + 4 * i + place], level_2[y::2, x::2], atol=1e-2)


def test_writing_changes_these_bands_alone() -> None:
    bands = np.random.default_rng(2).normal(size=(9, 12, 15)).astype(np.float32)
    change = Dwt().synthesise(bands, (77, 99))
    assert change.shape == (77, 99)
    assert not change[72:].any()
    assert not change[:, 96:].any()
    assert np.allclose(Dwt().analyse(change), bands, atol=1e-4)
    approximation, _, _, finest = pywt.wavedec2(change[:72, :96].astype(np.float64), WAVELET, "periodization", level=3)
    assert np.abs(approximation).max() < 1e-3
    assert max(np.abs(band).max() for band in finest) < 1e-3


@pytest.mark.parametrize("shape", [(8, 8), (8, 72), (15, 9)])
def test_pictures_shorter_than_the_filters(shape: tuple[int, int]) -> None:
    bands = np.random.default_rng(3).normal(size=(shape[0] // 8, shape[1] // 8, 15)).astype(np.float32)
    assert np.allclose(Dwt().analyse(Dwt().synthesise(bands, shape)), bands, atol=1e-4)
