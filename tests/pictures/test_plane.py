"""The working plane: its scale, its luma, and residuals written at the PSNR asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.pictures.drawing import _settle, apply_residual
from watermarking.pictures.plane import LUMA, luma_energy, luma_plane, working_scale, working_shape
from watermarking.threads import threads

Array = np.ndarray[Any, Any]
PEAK = {"uint8": 255, "uint16": 65535, "float16": 1, "float32": 1, "float64": 1}


def picture(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0) -> Array:
    samples = np.random.default_rng(seed).uniform(0.1, 0.9, shape) * PEAK[dtype]
    return samples.astype(dtype) if dtype.startswith("float") else np.rint(samples).astype(dtype)


def noise(shape: tuple[int, int], seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def measured_psnr(cover: Array, marked: Array) -> float:
    change = (marked.astype(np.float64) - cover.astype(np.float64)) / PEAK[str(cover.dtype)]
    if cover.ndim == 3:
        change = change[..., :3]
        if cover.shape[2] == 4:
            change = change[cover[..., 3] > 0]
    return float(-10 * np.log10(np.mean(np.square(change))))


@given(st.tuples(st.integers(1, 200_000), st.integers(1, 200_000)))
def test_scale(shape: tuple[int, int]) -> None:
    scale = working_scale(shape)
    assert scale == working_scale(shape[::-1]) == working_scale((*shape, 3))
    assert working_shape(shape) == (shape[0] // scale, shape[1] // scale)
    assert scale == 1 or min(working_shape(shape)) >= 128
    assert min(shape) // 128 <= scale or scale == 256 or max(working_shape(shape)) < 1200


@pytest.mark.parametrize(
    ("shape", "scale"), [((800, 1199), 1), ((800, 1200), 2), ((3000, 4000), 5), ((6336, 9504), 12), ((1, 1), 1)]
)
def test_scales_that_the_format_fixes(shape: tuple[int, int], scale: int) -> None:
    assert working_scale(shape) == scale


@pytest.mark.parametrize("dtype", PEAK)
@pytest.mark.parametrize("scale", [1, 3])
def test_luma(dtype: str, scale: int) -> None:
    image = picture((67, 38, 3), dtype)
    luma = (image.astype(np.float64) / PEAK[dtype] * 255) @ np.array(LUMA)
    rows, cols = 67 // scale, 38 // scale
    expected = luma[: rows * scale, : cols * scale].reshape(rows, scale, cols, scale).mean((1, 3))
    found = luma_plane(image, scale)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=0.1 if dtype == "float16" else 1e-2)
    opaque = np.dstack([image, np.full(image.shape[:2], PEAK[dtype], dtype)])
    assert np.allclose(luma_plane(opaque, scale), found, atol=1e-4)
    assert np.allclose(luma_plane(image[..., 0], scale), luma_plane(np.dstack([image[..., 0]] * 3), scale), atol=1e-3)


def test_hidden_colours_are_not_seen() -> None:
    image = np.dstack([picture((40, 60, 3)), np.full((40, 60), 255, np.uint8)])
    image[10:20, :, 3] = 0
    image[30:, :, 3] = 1
    other = image.copy()
    other[10:20, :, :3] = picture((10, 60, 3), seed=9)
    plane = luma_plane(image)
    assert np.array_equal(plane, luma_plane(other))
    assert np.allclose(plane[10:20], 128)
    assert not np.allclose(plane[30:], 128)


@pytest.mark.parametrize("dtype", PEAK)
@pytest.mark.parametrize("shape", [(70, 131), (70, 131, 3), (70, 131, 4), (300, 2500, 3)])
def test_psnr_is_reached(shape: tuple[int, ...], dtype: str) -> None:
    if dtype == "float64" and shape[1] == 2500:
        dtype = "float32"
    image = picture(shape, dtype)
    for psnr in (36.0, 42.0, 50.0):
        marked = apply_residual(image, noise(working_shape(shape)), psnr)
        assert marked.shape == shape
        assert marked.dtype == dtype
        assert -0.05 <= measured_psnr(image, marked) - psnr <= 0.3


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.integers(2, 60), st.floats(34, 50), st.floats(-6, 6), st.integers(0, 2**32 - 1))
def test_any_picture_at_any_strength(height: int, width: int, psnr: float, exponent: float, seed: int) -> None:
    """Pictures small, dark, or with a few transparent pixels; residuals of any scale, concentrated in places."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, rng.integers(2, 257), (height, width, 4)).astype(np.uint8)
    residual = (rng.normal(size=(height, width)) ** 3 * 10.0**exponent).astype(np.float32)
    marked = apply_residual(image, residual, psnr)
    assert np.array_equal(marked[..., 3], image[..., 3])
    assert np.array_equal(marked[image[..., 3] == 0], image[image[..., 3] == 0])
    if np.count_nonzero(image[..., 3]) >= 500:
        assert -0.05 <= measured_psnr(image, marked) - psnr <= 0.3


@pytest.mark.parametrize("exponent", [2, 4, 5, 9])
@pytest.mark.parametrize("wanted", [0.2, 0.7, 1.2, 5.0])
def test_the_strength_is_found_in_a_few_passes(exponent: int, wanted: float) -> None:
    """Where a faint mark lifts few samples over half a grey level, energy grows with a high power of the strength."""
    passes: list[float] = []

    def energy_of(strength: float) -> float:
        passes.append(strength)
        return strength**exponent

    found = _settle(energy_of, 1.0, wanted)
    assert found == passes[-1]  # what was written last
    assert len(passes) <= 5
    assert -0.09 <= 10 * np.log10(wanted / found**exponent) <= 0.23


def test_energy_of_luma_is_what_arrives_there() -> None:
    for shape in [(90, 120), (90, 120, 3)]:
        image = picture(shape, "float64")
        residual = noise((90, 120)) * np.float32(np.sqrt(luma_energy(image, 42.0)))
        change = luma_plane(apply_residual(image, residual, 42.0)) - luma_plane(image)
        assert np.mean(np.square(change)) == pytest.approx(luma_energy(image, 42.0), rel=0.08)


def test_grey_stays_grey() -> None:
    image = np.dstack([picture((64, 64))] * 3)
    marked = apply_residual(image, noise((64, 64)), 40.0)
    assert (marked[..., 0] == marked[..., 1]).all()
    assert (marked[..., 1] == marked[..., 2]).all()
    assert np.array_equal(marked[..., 0], apply_residual(image[..., 0], noise((64, 64)), 40.0))


@pytest.mark.parametrize("dtype", PEAK)
def test_no_residual_no_change(dtype: str) -> None:
    image = picture((40, 50, 4), dtype)
    for untouched in (image, np.where(np.arange(4) == 3, 0, image).astype(dtype)):
        result = apply_residual(untouched, np.zeros((40, 50), np.float32), 42.0)
        assert np.array_equal(result, untouched)
        assert result is not untouched
    assert np.array_equal(apply_residual(untouched, noise((40, 50)), 42.0), untouched)  # all of it is transparent


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_stay_in_range(dtype: str) -> None:
    image = np.random.default_rng(2).choice(np.array([0, 0.001, 0.1, 0.999, 1], dtype), (64, 64, 3))
    marked = apply_residual(image, noise((64, 64)), 36.0)
    assert marked.min() >= 0
    assert marked.max() <= 1


def test_threads_and_strides_change_nothing() -> None:
    image = picture((1300, 1300, 3))
    residual = noise(working_shape(image.shape))
    with threads(1):
        expected, plane = apply_residual(image, residual, 42.0), luma_plane(image)
    with threads(3):
        assert np.array_equal(apply_residual(image, residual, 42.0), expected)
        assert np.array_equal(luma_plane(image), plane)
    turned = np.asfortranarray(image)
    turned.flags.writeable = False
    assert np.array_equal(apply_residual(turned, residual, 42.0), expected)
    assert np.array_equal(luma_plane(turned[::-1]), luma_plane(image[::-1].copy()))
