"""Formats, values, noise, filters and occlusion against closed forms and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.attacks.conftest import smooth_picture
from watermarking.attacks import parse_attack
from watermarking.errors import MissingExtraError, UnsupportedImageError


def run(text: str, image: np.ndarray, seed: int = 1) -> np.ndarray:
    return parse_attack(text)(image, rng=np.random.default_rng(seed))


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - two) ** 2)))


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("brightness(0.8)", lambda p: p * 0.8),
        ("brightness(1.2)", lambda p: p * 1.2),
        ("contrast(0.7)", lambda p: (p - 128) * 0.7 + 128),
        ("contrast(1.5)", lambda p: (p - 128) * 1.5 + 128),
        ("gamma(0.7)", lambda p: 255 * (p / 255) ** 0.7),
        ("gamma(1.4)", lambda p: 255 * (p / 255) ** 1.4),
        ("posterise(4)", lambda p: p - p % 16),
    ],
)
def test_tables(text: str, formula: object) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.clip(np.rint(formula(ramp.astype(float))), 0, 255)
    np.testing.assert_array_equal(run(text, ramp), expected)


def test_colours(picture: np.ndarray) -> None:
    luma = np.rint(picture @ np.array([0.299, 0.587, 0.114]))
    grey = run("grey", picture)
    assert np.abs(grey - luma[..., None]).max() <= 1
    assert (grey == grey[..., :1]).all()
    assert np.abs(run("saturation(0.0)", picture) - luma[..., None]).max() <= 1
    np.testing.assert_array_equal(run("saturation(1.0)", picture), picture)
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    np.testing.assert_allclose(run("hue(120.0)", red), np.roll(red, 1, axis=2), atol=6)
    assert len(np.unique(run("dither(16)", picture).reshape(-1, 3), axis=0)) <= 16
    assert run("equalise", picture)[..., 0].std() > picture[..., 0].std()
    for text in ("grey", "saturation", "hue"):
        np.testing.assert_array_equal(run(text, picture[..., 0]), picture[..., 0])


def test_noise_has_the_stated_moments() -> None:
    flat = np.full((300, 300, 3), 128, np.uint8)
    noisy = run("noise(10)", flat).astype(float)
    assert noisy.std() == pytest.approx(np.sqrt(100 + 1 / 12), rel=0.01)
    assert noisy.mean() == pytest.approx(128, abs=0.1)
    assert np.corrcoef(noisy[..., 0].ravel(), noisy[..., 1].ravel())[0, 1] == pytest.approx(0, abs=0.02)
    assert run("poisson(100)", flat).std() == pytest.approx(255 / 100 * np.sqrt(128 * 100 / 255), rel=0.02)
    assert run("speckle(0.1)", flat).std() == pytest.approx(12.8, rel=0.02)
    salted = run("salt_pepper(0.01)", flat)
    changed = (salted != 128).any(axis=2)
    assert changed.mean() == pytest.approx(0.01, rel=0.15)
    assert set(np.unique(salted)) == {0, 128, 255}
    assert (salted == salted[..., :1]).all()
    assert (salted[..., 0] == 255).sum() == pytest.approx((salted[..., 0] == 0).sum(), rel=0.25)
    assert (run("noise(10)", flat, seed=2) != run("noise(10)", flat, seed=1)).any()


@pytest.mark.parametrize(
    ("text", "oracle", "off"),
    [
        ("blur(1)", lambda p: ndimage.gaussian_filter(p.astype(float), 1, mode="mirror", truncate=4), 2),
        ("blur(2)", lambda p: ndimage.gaussian_filter(p.astype(float), 2, mode="mirror", truncate=4), 2),
        ("median(3)", lambda p: ndimage.median_filter(p, 3, mode="nearest"), 0),
        ("median(5)", lambda p: ndimage.median_filter(p, 5, mode="nearest"), 0),
        ("box(5)", lambda p: ndimage.uniform_filter(p.astype(float), 5, mode="mirror"), 1),
    ],
)
def test_filters_against_scipy(text: str, oracle: object, off: int, picture: np.ndarray) -> None:
    expected = np.dstack([oracle(picture[..., i]) for i in range(3)])
    assert np.abs(run(text, picture).astype(float) - expected).max() <= off


@pytest.mark.parametrize("text", ["wiener", "non_local_means(8)", "wavelet_denoise", "bilateral(3, 40)", "median"])
def test_denoisers_bring_a_noisy_picture_closer(text: str) -> None:
    down, across = np.mgrid[:100, :120]
    clean = np.rint(128 + 60 * np.sin(down / 25) + 40 * np.cos(across / 30)).astype(np.uint8)
    noisy = run("noise(8)", clean)
    assert psnr(run(text, noisy), clean) > psnr(noisy, clean) + 1.5


@pytest.mark.parametrize("codec", ["jpeg({})", "webp({})", "avif({})", "double_jpeg(second={})"])
def test_quality_orders_the_codecs(codec: str, picture: np.ndarray) -> None:
    values = [psnr(run(codec.format(quality), picture), picture) for quality in (10, 50, 95)]
    assert values[0] < values[1] < values[2]
    assert values[2] > 26


def test_jpeg_2000_and_shifted_grids(picture: np.ndarray) -> None:
    assert psnr(run("jpeg2000(5.0)", picture), picture) > psnr(run("jpeg2000(60.0)", picture), picture)
    once, aligned, shifted = (
        run("jpeg(50)", picture),
        run("double_jpeg(50, 50)", picture),
        run("double_jpeg(50, 50, 4)", picture),
    )
    assert psnr(once, aligned) > psnr(once, shifted)  # the second pass finds the grid of the first


def test_jpeg_really_subsamples_the_colours() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = (160, 80, 120)
    stripes[:, 1::2] = (80, 140, 120)
    spread = {
        s: (run(f"jpeg(95, {s})", stripes)[..., 0].astype(int) - run(f"jpeg(95, {s})", stripes)[..., 1]).std()
        for s in (444, 422, 420)
    }
    assert spread[444] > 60
    assert spread[422] < 5
    assert spread[420] < 5
    np.testing.assert_array_equal(run("jpeg(95)", stripes), run("jpeg(95, 420)", stripes))


def test_too_long_for_the_format() -> None:
    with pytest.raises(UnsupportedImageError, match="WEBP cannot hold 17000x1"):
        run("webp", np.zeros((1, 17000, 3), np.uint8))


@pytest.mark.parametrize("area", [0.0, 0.05, 0.5, 1.0])
def test_erase_covers_the_area(area: float) -> None:
    white = np.full((100, 160, 3), 255, np.uint8)
    assert np.mean(run(f"erase({area})", white) == 0) == pytest.approx(area, abs=0.01)
    np.testing.assert_array_equal(run(f"erase({area}, 'mean')", white), white)


def test_overlays(picture: np.ndarray) -> None:
    for text in ("overlay_text", "logo(0.1)"):
        changed = (run(text, picture) != picture).any(axis=2)
        assert 0.01 < changed.mean() < 0.2
        half = run(text.replace("(0.1)", "(0.1, opacity=0.5)").replace("text", "text(opacity=0.5)"), picture)
        assert psnr(half, picture) > psnr(run(text, picture), picture) + 4
    assert len({run("logo", picture, seed).tobytes() for seed in range(20)}) == 4


def test_collage_keeps_the_area_in_place(picture: np.ndarray) -> None:
    kept = (run("collage(0.5)", picture) == picture).all(axis=2)
    assert kept.mean() == pytest.approx(0.5, abs=0.02)
    grown = smooth_picture((50, 60, 4))
    assert run("collage(0.1, grow=True)", grown).shape == (158, 190, 4)


def test_missing_scikit_image_names_the_extra(monkeypatch: pytest.MonkeyPatch, picture: np.ndarray) -> None:
    monkeypatch.setitem(__import__("sys").modules, "skimage.restoration", None)
    with pytest.raises(MissingExtraError, match=r"watermarking\[bench\]"):
        run("wavelet_denoise", picture)
