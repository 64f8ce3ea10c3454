"""What an input is, coarsely: block means of any size and dtype, whitened once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ownership.classifiers.world import world
from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.classifiers.coarse import Coarse, area_weights, block_means, fit_coarse

RNG = np.random.default_rng(0)


def test_means_are_those_of_blocks() -> None:
    pictures = RNG.normal(size=(3, 28, 28, 2)).astype(np.float32)
    wanted = pictures.reshape(3, 7, 4, 7, 4, 2).mean((2, 4)).reshape(3, -1)
    np.testing.assert_allclose(block_means(pictures, (7, 7), False), wanted, atol=1e-6)


@pytest.mark.parametrize("size", [7, 8, 13, 30])
def test_means_of_sizes_that_do_not_divide_are_of_areas(size: int) -> None:
    """Each cell is the mean of a picture enlarged until its samples fit the cells."""
    row = RNG.normal(size=size)
    wanted = np.repeat(row, 7).reshape(7, size).mean(1)
    np.testing.assert_allclose(area_weights(size, 7) @ row, wanted, atol=1e-6)


def test_mirror_images_are_alike_unless_told_otherwise() -> None:
    pictures = RNG.normal(size=(64, 12, 12)).astype(np.float32)
    both, one = fit_coarse(pictures), fit_coarse(pictures, flips=False)
    np.testing.assert_allclose(both(pictures), both(pictures[:, :, ::-1]), atol=1e-5)
    assert np.abs(one(pictures) - one(pictures[:, :, ::-1])).max() > 0.5


def test_layouts_and_dtypes_are_alike() -> None:
    colour = RNG.integers(0, 256, (40, 20, 24, 3)).astype(np.uint8)
    coarse = fit_coarse(colour)
    wanted = coarse(colour)
    np.testing.assert_allclose(coarse(np.moveaxis(colour, 3, 1)), wanted, atol=1e-5)
    np.testing.assert_allclose(coarse(colour / np.float32(255)), wanted, atol=1e-4)
    np.testing.assert_allclose(coarse(colour.astype(np.uint16) * np.uint16(257)), wanted, atol=1e-4)
    large = np.repeat(np.repeat(colour, 2, axis=1), 2, axis=2)
    np.testing.assert_allclose(coarse(large), wanted, atol=1e-4)  # the same picture in another size


def test_coordinates_are_white_and_bounded() -> None:
    there = world(10)
    found = there.mark.coarse(there.pictures)
    assert found.shape == (400, 8)
    assert np.abs(found).max() <= 2.5
    np.testing.assert_allclose(found.std(0), 1, atol=0.15)
    assert np.abs(np.corrcoef(found.T) - np.eye(8)).max() < 0.15


def test_vectors_of_few_numbers() -> None:
    vectors = RNG.normal(size=(50, 3))
    assert fit_coarse(vectors)(vectors).shape == (50, 3)


def test_many_inputs_are_looked_at_in_part() -> None:
    vectors = RNG.normal(size=(30_000, 4)).astype(np.float32)
    assert fit_coarse(vectors) == fit_coarse(vectors)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((5, 12, 12)), "too few"),
        (np.zeros((50, 12, 12)), "all alike"),
        (np.full((50, 12), np.nan), "NaN"),
        (np.zeros((50, 12, 12, 7)), "channels"),
        (np.zeros((0, 12)), "no input"),
        (np.array([["a"], ["b"]]), "embeddings"),
        ([np.zeros(3), np.zeros(4)], "several shapes"),
        (np.zeros((20, 9000), np.float32), "8192"),
    ],
)
def test_inputs_that_cannot_be_fitted(inputs: object, message: str) -> None:
    with pytest.raises(UnsupportedImageError, match=message):
        fit_coarse(inputs)


def test_whitening_that_does_not_fit() -> None:
    good = world().mark.coarse
    fields = {"kind": good.kind, "size": good.size, "mean": good.mean, "axes": good.axes, "grid": [7, 7], "channels": 1}
    assert Coarse(**fields, flips=True) == good  # type: ignore[arg-type]
    with pytest.raises(WatermarkError, match="cannot be read"):
        Coarse(**{**fields, "mean": "?"})  # type: ignore[arg-type]
    with pytest.raises(WatermarkError, match="does not fit"):
        Coarse(**{**fields, "mean": good.axes})  # type: ignore[arg-type]
    with pytest.raises(WatermarkError, match="grid"):
        Coarse(**{**fields, "grid": [7, 6]})  # type: ignore[arg-type]
    with pytest.raises(WatermarkError, match="sounds"):
        Coarse(**{**fields, "kind": "sounds"})  # type: ignore[arg-type]
    with pytest.raises(UnsupportedImageError, match="expected"):
        good.whitened(np.zeros((3, 5), np.float32))
