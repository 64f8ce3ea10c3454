"""The block DCT against SciPy, its adjoint and its exact inverse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dctn

from watermarking.transforms.block_dct import block_dct, block_idct

ALL = tuple((v, u) for v in range(8) for u in range(8))
SOME = ((0, 1), (3, 0), (2, 2), (7, 5))
SHAPES = [(8, 8), (16, 24), (15, 9), (64, 8), (8, 200)]


def plane(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


def blocks(picture: np.ndarray) -> np.ndarray:
    rows, cols = picture.shape[0] // 8, picture.shape[1] // 8
    return picture[: 8 * rows, : 8 * cols].reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("modes", [ALL, SOME, ((7, 7),)])
def test_it_is_the_orthonormal_dct(shape: tuple[int, int], modes: tuple[tuple[int, int], ...]) -> None:
    picture = plane(shape)
    expected = dctn(blocks(picture).astype(np.float64), axes=(2, 3), norm="ortho")
    found = block_dct(picture, modes)
    assert found.dtype == np.float32
    for i, (v, u) in enumerate(modes):
        assert np.allclose(found[..., i], expected[..., v, u], atol=2e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_modes_give_the_picture_back(shape: tuple[int, int]) -> None:
    picture = plane(shape)
    back = block_idct(block_dct(picture, ALL), ALL, shape)
    rows, cols = shape[0] // 8 * 8, shape[1] // 8 * 8
    assert np.allclose(back[:rows, :cols], picture[:rows, :cols], atol=2e-3)
    assert not back[rows:].any()
    assert not back[:, cols:].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_inverse_is_the_transpose(shape: tuple[int, int]) -> None:
    picture = plane(shape)
    bands = block_dct(plane(shape, 1), SOME)
    one = np.sum(block_dct(picture, SOME).astype(np.float64) * bands)
    other = np.sum(picture.astype(np.float64) * block_idct(bands, SOME, shape))
    assert one == pytest.approx(other, rel=1e-5)


@pytest.mark.parametrize("shape", [(7, 20), (20, 7), (1, 1)])
def test_too_small_for_a_block(shape: tuple[int, int]) -> None:
    bands = block_dct(plane(shape), SOME)
    assert bands.size == 0
    assert not block_idct(bands, SOME, shape).any()
