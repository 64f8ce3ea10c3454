"""The wavelet transform against PyWavelets: values, perfect reconstruction, filters longer than the picture."""

from __future__ import annotations

import numpy as np
import pytest
import pywt

from watermarking.transforms.wavelet import dwt2, idwt2

WAVELETS = ["haar", "db2", "db7", "db20", "sym4", "coif2", "dmey", *pywt.wavelist("bior"), *pywt.wavelist("rbio")]
SHAPES = [(2, 2), (2, 30), (12, 2), (8, 8), (26, 40), (64, 10)]


def plane(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 255, shape).astype(np.float32)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_it_is_what_pywavelets_computes(wavelet: str) -> None:
    for shape in SHAPES:
        picture = plane(shape)
        approximation, details = dwt2(picture, wavelet)
        expected, expected_details = pywt.dwt2(picture.astype(np.float64), wavelet, "periodization")
        assert approximation.dtype == np.float32
        for found, right in zip((approximation, *details), (expected, *expected_details), strict=True):
            assert np.allclose(found, right, rtol=1e-5, atol=5e-3), shape
        only, _ = dwt2(picture, wavelet, details=False)
        assert np.array_equal(only, approximation)
        back = pywt.idwt2((approximation, details), wavelet, "periodization")
        assert np.allclose(idwt2(approximation, details, wavelet), back, rtol=1e-5, atol=5e-3), shape


@pytest.mark.parametrize("wavelet", [name for name in WAVELETS if name != "dmey"])  # an approximation of Meyer's
def test_perfect_reconstruction(wavelet: str) -> None:
    for shape in SHAPES:
        picture = plane(shape)
        assert np.allclose(idwt2(*dwt2(picture, wavelet), wavelet), picture, atol=1e-2), shape


@pytest.mark.parametrize("wavelet", ["haar", "db7", "sym4"])
def test_orthogonal_wavelets_keep_the_energy(wavelet: str) -> None:
    picture = plane((24, 40))
    approximation, details = dwt2(picture, wavelet)
    energy = sum(float(np.square(band, dtype=np.float64).sum()) for band in (approximation, *details))
    assert energy == pytest.approx(float(np.square(picture, dtype=np.float64).sum()), rel=1e-5)


def test_missing_bands_count_as_zero() -> None:
    approximation, details = dwt2(plane((16, 24)), "bior4.4")
    zeros = np.zeros_like(approximation)
    only_details = idwt2(None, details, "bior4.4")
    assert np.array_equal(only_details, idwt2(zeros, details, "bior4.4"))
    assert np.allclose(only_details + idwt2(approximation, None, "bior4.4"), plane((16, 24)), atol=1e-3)
