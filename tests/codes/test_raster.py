"""Code images: bits as modules, and back through noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.codes.raster import from_raster, to_raster
from watermarking.errors import CapacityError


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.data())
def test_bits_come_back(rows: int, columns: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, rows * columns))
    bits = np.random.default_rng(data.draw(st.integers(0, 99))).random(n) < 0.5
    picture = to_raster(bits, (rows, columns))
    assert picture.shape == (rows, columns)
    assert picture.dtype == np.uint8
    assert set(np.unique(picture)) <= {0, 255}
    llr = from_raster(picture, n)
    assert llr.dtype == np.float32
    assert np.isfinite(llr).all()
    if 0 < picture.mean() < 255:  # one shade alone says nothing once the mean is gone
        assert np.array_equal(llr > 0, bits)


@pytest.mark.parametrize(("n", "module"), [(512, 2), (1024, 2), (256, 4), (2048, 1), (4096, 1), (100, 6)])
def test_modules_fill_the_picture(n: int, module: int) -> None:
    picture = to_raster(np.random.default_rng(n).random(n) < 0.5)
    whole = 64 // module * module
    blocks = picture[:whole, :whole].reshape(whole // module, module, whole // module, module)
    assert np.array_equal(blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3)))


def test_spare_modules_repeat_the_bits_inverted() -> None:
    assert to_raster(np.ones(512, np.bool_)).mean() == 127.5


def test_soft_values_survive_noise_scale_and_offset() -> None:
    rng = np.random.default_rng(4)
    bits = rng.random(512) < 0.5
    faint = to_raster(bits) * 1e-3 + 40 + rng.normal(0, 0.15, (64, 64))
    faint[5, 7], faint[6, 7] = np.nan, np.inf
    llr = from_raster(faint, 512)
    assert np.isfinite(llr).all()
    assert 0.9 < np.mean((llr > 0) == bits) < 1.0


def test_faulty_sizes() -> None:
    with pytest.raises(CapacityError, match="4097 bits do not fit in 64x64"):
        to_raster(np.zeros(4097, np.bool_))
    with pytest.raises(CapacityError, match="0 bits"):
        from_raster(np.zeros((8, 8)), 0)
