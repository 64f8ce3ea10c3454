"""The range that samples use: strength, clipping and PSNR follow it; rounding noise of floats is clipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from covers import photograph
from hypothesis import given
from hypothesis import strategies as st

from watermarking import Key, Marker, get_scheme
from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.metrics import psnr, psnr_hvs_m, ssim
from watermarking.pictures.arrays import check_image, to_array
from watermarking.pictures.drawing import apply_residual
from watermarking.pictures.ranges import peak_in_use, rescaled, restored, sample_peak, tolerant_peak

KEY = Key(bytes(range(32)))
SHAPE = (256, 384)
Samples = np.ndarray[Any, Any]


def of_bits(bits: int, channels: int = 3) -> Samples:
    """Return a photograph in the lowest bits of uint16, white included."""
    shape = SHAPE if channels == 1 else (*SHAPE, channels)
    picture = np.rint(photograph(shape, "float64") * (2**bits - 1)).astype(np.uint16)
    picture[0, 0] = 2**bits - 1
    return picture


@given(st.integers(0, 65535), st.sampled_from([(3, 4), (3, 4, 3), (3, 4, 4)]))
def test_the_peak_is_the_next_power_of_two_less_one(largest: int, shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint16)
    image[1, 2] = largest
    peak = sample_peak(image)
    assert largest <= peak
    assert peak in [2**k - 1 for k in range(8, 17)]
    assert peak == 255 or largest > peak // 2


def test_alpha_and_invisible_pixels_do_not_count() -> None:
    image = np.full((4, 6, 4), 1000, np.uint16)
    image[..., 3] = 65535
    assert sample_peak(image) == 1023
    image[2, 3] = (60000, 60000, 60000, 0)
    assert sample_peak(image) == 1023
    assert sample_peak(np.ones((2, 2), np.uint8)) == 255
    assert sample_peak(np.zeros((2, 2), np.float16)) == 1


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
@pytest.mark.parametrize("scheme", ["dwt", "dct", "additive"])
def test_strength_and_clipping_follow_the_bits_in_use(scheme: str, bits: int, channels: int) -> None:
    cover, peak = of_bits(bits, channels), 2**bits - 1
    marked = Marker(scheme, key=KEY, psnr=42.0).embed(cover, "Ada")
    colours = marked[..., :3] if channels == 4 else marked
    assert colours.max() <= peak
    assert 41.95 <= psnr(cover, marked) <= 42.3
    assert psnr(cover, marked) == psnr(cover, marked, peak=peak)
    assert Marker(scheme, key=KEY).extract(marked).text == "Ada"


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
@pytest.mark.parametrize("scheme", ["dwt", "dct", "additive"])
def test_what_was_marked_over_all_16_bits_is_still_read(scheme: str, bits: int) -> None:
    """So did versions before this one, 18 dB too strong for 12 bits."""
    marked = Marker(scheme, key=KEY, psnr=42.0, peak=65535).embed(of_bits(bits), "Ada")
    assert marked.max() > 2**bits - 1
    assert Marker(scheme, key=KEY).extract(marked).text == "Ada"
    assert Marker(scheme, key=KEY).detect(marked, "Ada").is_present()


@pytest.mark.parametrize("bits", [9, 12])
@pytest.mark.parametrize("scheme", ["dwt", "additive_block", "deep"])
def test_schemes_alone_follow_the_bits_in_use_as_well(scheme: str, bits: int) -> None:
    if scheme == "deep":
        pytest.importorskip("torch")
    made: Any = get_scheme(scheme)
    cover = of_bits(bits)
    logo = np.zeros((*made.payload_shape, 3), np.uint8) if scheme == "deep" else np.arange(16) % 3 == 0
    marked = made.embed(cover, logo, key=KEY)
    assert marked.max() <= 2**bits - 1
    assert -0.05 <= psnr(cover, marked) - made.psnr <= 0.3
    assert made.extract(marked, key=KEY).detection.is_present()


@pytest.mark.parametrize("scheme", ["dwt", "additive_block"])
def test_a_stated_peak_outweighs_a_dark_picture(scheme: str) -> None:
    cover = of_bits(10)
    marker = Marker(scheme, key=KEY, peak=4095, psnr=36.0)
    if not marker.capacity(cover.shape):
        cover = np.tile(cover, (4, 4, 1))
    marked = marker.embed(cover, b"\1")
    assert 35.9 <= psnr(cover, marked, peak=4095) <= 36.35
    assert psnr(cover, marked, peak=1023) < 25
    assert 1023 < marked.max() <= 4095
    assert marker.extract(marked).message == b"\1"
    assert marker.detect(marked, b"\1").is_present()


def test_a_stated_peak_is_checked() -> None:
    with pytest.raises(UnsupportedImageError, match=r"up to 1023, its peak is said to be 511: state the right one"):
        Marker(key=KEY, peak=511).embed(of_bits(10), "Ada")
    for peak in (0, 254, 65536, 4095.0, "12"):
        with pytest.raises(WatermarkError, match="give 255 to 65535"):
            Marker(key=KEY, peak=peak)  # type: ignore[arg-type]
    cover = photograph((*SHAPE, 3))
    assert np.array_equal(Marker(key=KEY, peak=4095).embed(cover, "Ada"), Marker(key=KEY).embed(cover, "Ada"))


def test_full_range_and_floats_are_marked_as_ever() -> None:
    cover = photograph((*SHAPE, 3), "uint16")
    residual = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    assert np.array_equal(apply_residual(cover, residual, 42), apply_residual(cover, residual, 42, peak=65535))
    marked = apply_residual(photograph((*SHAPE, 3), "float32"), residual, 42)
    assert np.abs(marked - apply_residual(cover, residual, 42) / 65535).max() < 1e-4


def test_metrics_take_the_range_from_both_pictures() -> None:
    low, high = of_bits(10), of_bits(10)
    high[5, 5] = 4000
    assert psnr(low, high) == psnr(high, low) == psnr(low, high, peak=4095)
    one, two = of_bits(12), np.minimum(of_bits(12) + np.random.default_rng(1).integers(0, 99, (*SHAPE, 3)), 4095)
    two = two.astype(np.uint16)
    spread = [np.rint(picture / 4095 * 65535).astype(np.uint16) for picture in (one, two)]
    for metric in (psnr, ssim, psnr_hvs_m):
        assert metric(one, two) == pytest.approx(metric(*spread), rel=1e-3)
    assert ssim(one, two, peak=65535) > ssim(one, two)


def test_what_files_claim_is_taken_where_it_can_be_true() -> None:
    image = of_bits(12)
    assert tolerant_peak(image, 4095) == 4095
    assert tolerant_peak(image, 1023) is None
    assert tolerant_peak(image.astype(np.uint8), 4095) is None
    assert peak_in_use(image, 65535) == 65535
    assert rescaled(image, 4095) is image
    dark = np.dstack([of_bits(10), np.zeros(SHAPE, np.uint16)])
    dark[..., 3] = np.arange(SHAPE[1])
    seen = rescaled(dark, 4095)
    assert seen.dtype == np.float32
    assert seen[..., :3].max() == pytest.approx(1023 / 4095)
    assert np.array_equal(restored(seen, dark, 4095), dark)
    dark[0, 0] = (65535, 65535, 65535, 0)  # invisible, not to be lost
    assert np.array_equal(restored(rescaled(dark, 4095), dark, 4095), dark)


@pytest.mark.parametrize(("dtype", "hair"), [("float16", 1e-3), ("float32", 1e-6), ("float64", 1e-6)])
def test_rounding_noise_is_clipped_without_a_word(dtype: str, hair: float) -> None:
    image = photograph((*SHAPE, 3), dtype).copy()
    image[3, 4], image[5, 6] = 1 + hair, -hair
    before = image.copy()
    assert image.max() > 1
    array, restore = to_array(image)
    assert (array.min(), array.max()) == (0, 1)
    assert array.dtype == dtype
    assert np.array_equal(np.clip(image, 0, 1), restore(array))
    marked = Marker(key=KEY).embed(image, "Ada")
    assert Marker(key=KEY).extract(marked).text == "Ada"
    assert np.array_equal(image, before)
    assert check_image(np.full((8, 8), 1.0000005, np.float32)).max() == 1


@pytest.mark.parametrize(
    ("low", "high", "way"),
    [
        (-1, 1, r"\(image \+ 1\) / 2"),
        (-0.9, 0.8, r"\(image \+ 1\) / 2"),
        (-1.000001, 1.000001, r"\(image \+ 1\) / 2"),
        (0, 1.001, r"\[0, 1\.001\], .*np\.clip"),
        (0, 255, "divide by 255"),
        (0, 255.0001, "divide by 255"),
        (0, 4095, "divide by the largest"),
        (0, 1e9, "divide by the largest"),
        (-3, 2, "scale it by the lowest"),
        (-128, 127, "scale it by the lowest"),
        (0, np.nan, "nan_to_num"),
        (-np.inf, 0.5, "nan_to_num"),
    ],
)
def test_other_floats_are_refused_with_a_way_out_that_fits(low: float, high: float, way: str) -> None:
    image = np.full((20, 30, 3), 0.25, np.float64)
    image[0, 0, 0], image[19, 29, 2] = low, high
    with pytest.raises(UnsupportedImageError, match=way) as caught:
        check_image(image)
    assert "holds values in [0, 1]," not in str(caught.value)
