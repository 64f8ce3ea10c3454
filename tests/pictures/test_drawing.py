"""Residuals drawn as they stand: what embedding for a fidelity tries strengths with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from watermarking.pictures.drawing import draw_residual, rows_of_bands
from watermarking.pictures.plane import luma_energy, luma_plane, working_shape

Array = np.ndarray[Any, Any]
PEAK = {"uint8": 255, "uint16": 65535, "float32": 1}


def picture(shape: tuple[int, ...], dtype: str = "uint8") -> Array:
    samples = np.random.default_rng(3).uniform(0.2, 0.8, shape) * PEAK[dtype]
    return samples.astype(dtype) if dtype == "float32" else np.rint(samples).astype(dtype)


def waves(shape: tuple[int, ...], size: float = 4.0) -> Array:
    return (size * np.random.default_rng(4).normal(size=working_shape(shape))).astype(np.float32)


@pytest.mark.parametrize("dtype", PEAK)
@pytest.mark.parametrize("channels", [3, 4])
def test_red_green_and_blue_change_alike_by_what_is_asked(dtype: str, channels: int) -> None:
    cover = picture((70, 131, channels), dtype)
    residual = waves(cover.shape)
    drawn = draw_residual(cover, residual, untinted=True)
    change = (drawn[..., :3].astype(np.float64) - cover[..., :3]) * (255 / PEAK[dtype])
    off = 0.5 if dtype == "uint8" else 0.01  # rounding
    assert np.abs(change - residual[..., None]).max() <= off + 1e-4
    assert (drawn.shape, drawn.dtype) == (cover.shape, cover.dtype)
    assert np.array_equal(drawn[..., 3:], cover[..., 3:])


def test_the_energy_of_an_equal_change_gives_the_psnr_it_is_of() -> None:
    cover = picture((128, 160, 3), "float32")
    residual = waves(cover.shape, 1.0)
    residual *= np.float32(np.sqrt(luma_energy(cover, 42.0, untinted=True) / np.mean(np.square(residual))))
    drawn = draw_residual(cover, residual, untinted=True)
    assert -10 * np.log10(np.mean(np.square(drawn - cover))) == pytest.approx(42, abs=0.01)


def test_a_tinted_change_has_the_luma_asked_for() -> None:
    cover = picture((64, 90, 3), "float32")
    residual = waves(cover.shape)
    drawn = draw_residual(cover, residual)
    assert np.allclose(luma_plane(drawn) - luma_plane(cover), residual, atol=1e-3)
    assert np.ptp((drawn - cover)[0, 0]) > 1e-3


@pytest.mark.parametrize("dtype", PEAK)
def test_bands_are_rows_of_the_whole(dtype: str) -> None:
    """Sizes that the working scale does not divide; the last band ends with the picture."""
    cover = picture((1301, 1403, 3), dtype)
    residual = waves(cover.shape)
    whole = draw_residual(cover, residual, untinted=True)
    bands = [(32, 64), (160, 192), (640, 651)]  # working rows, of two pixels
    few = draw_residual(cover, residual, bands=bands, untinted=True)
    rows = np.r_[64:128, 320:384, 1280:1301]
    assert np.array_equal(few, whole[rows])
    assert np.array_equal(rows_of_bands(cover, bands), cover[rows])


def test_what_is_clear_stays_as_it_is_and_nothing_leaves_the_range() -> None:
    cover = picture((64, 96, 4))
    cover[:20, :, 3] = 0
    cover[20:30, :, 3] = 1
    cover[40:, :, :3] = np.where(np.arange(96)[:, None] % 2, 255, 0)
    before = cover.copy()
    drawn = draw_residual(cover, waves(cover.shape, 30.0), untinted=True)
    assert np.array_equal(cover, before)
    assert np.array_equal(drawn[:20], cover[:20])
    assert not np.array_equal(drawn[20:30], cover[20:30])
    assert np.abs(drawn[40:, :, :3].astype(int) - cover[40:, :, :3]).max() < 200  # clipped, not wrapped


def test_a_stated_peak_is_not_exceeded() -> None:
    cover = np.full((48, 64, 3), 4090, np.uint16)
    drawn = draw_residual(cover, np.full((48, 64), 9.0, np.float32), peak=4095, untinted=True)
    assert (drawn == 4095).all()
    down = draw_residual(cover, np.full((48, 64), -2.0, np.float32), peak=4095, untinted=True)
    assert np.abs(down - (4090 - 2 * 4095 / 255)).max() <= 0.6
