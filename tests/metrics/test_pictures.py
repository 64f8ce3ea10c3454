"""PSNR, SSIM and their kin against scikit-image, plain loops and closed forms."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import fft, ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from watermarking import metrics
from watermarking.errors import UnsupportedImageError
from watermarking.metrics import hvs, ms_ssim, mse, picture, psnr, psnr_hvs_m, ssim

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
LUMA = np.array([0.299, 0.587, 0.114])


def pair(shape: tuple[int, ...], noise: float = 6.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sigma = (6, 6, 0)[: len(shape)]
    clean = ndimage.gaussian_filter(rng.normal(0, 1, shape), sigma)
    clean = 128 + 50 * clean / clean.std() + rng.normal(0, 4, shape)
    noisy = clean * 0.97 + rng.normal(0, noise, shape)
    return tuple(np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in (clean, noisy))


def kinds(shape: tuple[int, ...]) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    one, two = pair(shape)
    return {
        "uint8": (one, two, 255.0),
        "uint16": (one.astype(np.uint16) * 257, two.astype(np.uint16) * 257, 65535.0),
        "float32": ((one / 255).astype(np.float32), (two / 255).astype(np.float32), 1.0),
        "float64": (one / 255, two / 255, 1.0),
    }


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(90, 70), (61, 83, 3)])
def test_psnr_and_ssim_against_scikit_image(kind: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, top = kinds(shape)[kind]
    assert psnr(one, two) == pytest.approx(peak_signal_noise_ratio(one, two, data_range=top), abs=1e-4)
    axis = {"channel_axis": 2} if len(shape) == 3 else {}
    doubles = (one.astype(float), two.astype(float))
    expected = structural_similarity(*doubles, data_range=top, **WANG, **axis)
    assert ssim(one, two, channels="rgb") == pytest.approx(expected, abs=2e-6)
    lumas = doubles if len(shape) == 2 else tuple(p @ LUMA for p in doubles)
    expected = structural_similarity(*lumas, data_range=top, **WANG)
    assert ssim(one, two) == pytest.approx(expected, abs=2e-6)
    monkeypatch.setattr(sys.modules["watermarking.metrics.ssim"], "_BAND_PIXELS", 300)  # many bands, one answer
    monkeypatch.setattr(picture, "_BAND_SAMPLES", 500)
    assert ssim(one, two) == pytest.approx(expected, abs=2e-6)
    assert psnr(one, two) == pytest.approx(peak_signal_noise_ratio(one, two, data_range=top), abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_mse_of_bytes_is_exact(seed: int, height: int, width: int) -> None:
    one, two = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    assert mse(one, two) == np.sum((one.astype(int) - two) ** 2) / one.size


def test_transparent_pixels_do_not_count() -> None:
    one, two = pair((40, 50, 3))
    alpha = np.zeros((40, 50, 1), np.uint8)
    alpha[10:30] = 1
    with_alpha = [np.concatenate([p, alpha], axis=2) for p in (one, two)]
    assert psnr(*with_alpha) == pytest.approx(psnr(one[10:30], two[10:30]))
    with_alpha[1][..., 3] = 7
    assert psnr(*with_alpha) == pytest.approx(psnr(one[10:30], two[10:30]))
    with_alpha[0][..., 3] = 0
    assert psnr(*with_alpha) == math.inf
    assert ssim(*with_alpha) == pytest.approx(ssim(one, two))


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_similarity_of_equals_is_one(metric: object) -> None:
    one, _ = pair((180, 200, 3))
    for image in (one, np.zeros_like(one), np.full_like(one, 255), one[..., 0], one[:, ::-1]):
        assert metric(image, image.copy()) == pytest.approx(1.0, abs=1e-6)
    assert psnr(one, one) == psnr_hvs_m(one, one) == math.inf


def test_flat_bright_pictures_keep_their_precision() -> None:
    one, two = np.full((60, 60), 250, np.uint8), np.full((60, 60), 251, np.uint8)
    two[20:24, 30:35] = 249
    expected = structural_similarity(one.astype(float), two.astype(float), data_range=255, **WANG)
    assert ssim(one, two) == pytest.approx(expected, abs=1e-4)


def naive_ms_ssim(one: np.ndarray, two: np.ndarray) -> float:
    """The paper's product, in double precision, with scipy's Gaussian."""
    product = 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            one, two = (
                p[: p.shape[0] // 2 * 2, : p.shape[1] // 2 * 2]
                .reshape(p.shape[0] // 2, 2, p.shape[1] // 2, 2)
                .mean((1, 3))
                for p in (one, two)
            )
        blur = lambda p: ndimage.gaussian_filter(p, 1.5, truncate=3.5)[5:-5, 5:-5]  # noqa: E731
        m1, m2 = blur(one), blur(two)
        v1, v2, c = blur(one**2) - m1**2, blur(two**2) - m2**2, blur(one * two) - m1 * m2
        structure = (2 * c + (0.03 * 255) ** 2) / (v1 + v2 + (0.03 * 255) ** 2)
        light = (2 * m1 * m2 + (0.01 * 255) ** 2) / (m1**2 + m2**2 + (0.01 * 255) ** 2)
        product *= np.mean(structure * light if scale == 4 else structure) ** weight
    return product


@pytest.mark.parametrize("shape", [(176, 201), (190, 177, 3)])
def test_ms_ssim_against_the_paper(shape: tuple[int, ...]) -> None:
    one, two = pair(shape, noise=15)
    planes = [(one.astype(float), two.astype(float))] if len(shape) == 2 else [(one @ LUMA, two @ LUMA)]
    assert ms_ssim(one, two) == pytest.approx(naive_ms_ssim(*planes[0]), abs=1e-5)
    if len(shape) == 3:
        each = [naive_ms_ssim(one[..., i].astype(float), two[..., i].astype(float)) for i in range(3)]
        assert ms_ssim(one, two, channels="rgb") == pytest.approx(np.mean(each), abs=1e-5)
    assert ms_ssim(one, 255 - one) < ms_ssim(one, two)


def naive_psnr_hvs_m(one: np.ndarray, two: np.ndarray) -> float:
    """The authors' description, block by block; the first row of their published sensitivity table is checked below."""
    total = 0.0
    csf, masking = 25.735088 / hvs._JPEG_LUMINANCE.astype(float), (10 / hvs._JPEG_LUMINANCE.astype(float)) ** 2

    def mask(block: np.ndarray, dct: np.ndarray) -> float:
        energy = (dct**2 * masking).sum() - dct[0, 0] ** 2 * masking[0, 0]
        whole = block.var(ddof=1) * block.size
        quarters = [block[i : i + 4, j : j + 4].var(ddof=1) * 16 for i in (0, 4) for j in (0, 4)]
        return math.sqrt(energy * (sum(quarters) / whole if whole else 0)) / 32

    for top in range(0, one.shape[0] // 8 * 8, 8):
        for left in range(0, one.shape[1] // 8 * 8, 8):
            blocks = [p[top : top + 8, left : left + 8].astype(float) for p in (one, two)]
            dcts = [fft.dctn(block, norm="ortho") for block in blocks]
            threshold = max(mask(*args) for args in zip(blocks, dcts, strict=True)) / masking
            threshold[0, 0] = 0
            total += (np.maximum(np.abs(dcts[0] - dcts[1]) - threshold, 0) ** 2 * csf**2).sum()
    pixels = (one.shape[0] // 8 * 8) * (one.shape[1] // 8 * 8)
    return 10 * math.log10(255**2 * pixels / total)


@pytest.mark.parametrize("shape", [(64, 72), (150, 45)])
def test_psnr_hvs_m_against_its_description(shape: tuple[int, int]) -> None:
    one, two = pair(shape, noise=10)
    assert psnr_hvs_m(one, two) == pytest.approx(naive_psnr_hvs_m(one, two), abs=2e-3)
    assert psnr_hvs_m(one / 255, two / 255) == pytest.approx(psnr_hvs_m(one, two), abs=1e-3)
    colour = [np.repeat(p[..., None], 3, axis=2) for p in (one, two)]
    assert psnr_hvs_m(*colour) == pytest.approx(psnr_hvs_m(one, two), abs=1e-3)


def test_psnr_hvs_m_tables_and_masking() -> None:
    published = [1.608443, 2.339554, 2.573509, 1.608443, 1.072295, 0.643377, 0.504610, 0.421887]
    np.testing.assert_allclose(hvs._SENSITIVITY[0], published, atol=1e-6)
    textured, _ = pair((128, 128), seed=3)
    noise = np.random.default_rng(1).normal(0, 3, (128, 128))
    flat = np.full((128, 128), 128, np.uint8)
    values = [psnr_hvs_m(p, np.clip(np.rint(p + noise), 0, 255).astype(np.uint8)) for p in (textured, flat)]
    assert values[0] > values[1] + 1  # texture hides what a flat picture shows


BAD = [
    (np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)),
    (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16)),
    (np.zeros((4, 4, 2), np.uint8),) * 2,
    (np.zeros((0, 4), np.uint8),) * 2,
    (np.zeros((4, 4), np.int32),) * 2,
]


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim, psnr_hvs_m])
@pytest.mark.parametrize("images", BAD)
def test_refusals(metric: object, images: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(UnsupportedImageError):
        metric(*images)


@pytest.mark.parametrize(("metric", "least"), [(ssim, 11), (ms_ssim, 176), (psnr_hvs_m, 8)])
def test_too_small(metric: object, least: int) -> None:
    with pytest.raises(UnsupportedImageError, match=f"at least {least}x{least} pixels, not {least}x{least - 1}"):
        metric(*pair((least - 1, least)))
    metric(*pair((least, least)))


@pytest.mark.parametrize("channels", ["luma", "rgb"])
def test_ssim_of_some_rows_says_the_same(channels: str) -> None:
    file = Path(__file__).parents[2] / "benchmarks" / "photographs" / "cincinnati-bridge.jpg"
    cover = np.asarray(Image.open(file))
    noise = np.random.default_rng(0).normal(0, 2, cover.shape)
    noisy = np.clip(np.rint(cover + noise), 0, 255).astype(np.uint8)
    whole = ssim(cover, noisy, channels=channels)
    estimate = ssim(cover, noisy, channels=channels, n_rows=64)
    assert estimate != whole
    assert estimate == pytest.approx(whole, abs=1e-3)
    small = cover[:512], noisy[:512]
    assert ssim(*small, n_rows=64) == ssim(*small)


def test_ssim_of_every_window_row_is_ssim() -> None:
    one, two = pair((11, 60))
    ssim_module = sys.modules["watermarking.metrics.ssim"]
    assert ssim_module._estimate(one, two, "luma", None, 1) == pytest.approx(ssim(one, two), abs=1e-6)


def test_import_is_light() -> None:
    code = (
        "import sys, numpy as np, watermarking.metrics as m; a = np.zeros((16, 16, 3), np.uint8);"
        "before = sorted({'cv2', 'scipy', 'torch', 'skimage'} & set(sys.modules)); m.psnr(a, a); m.ssim(a, a);"
        "print(before, 'scipy' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[] False"
    assert set(metrics.__all__) <= set(dir(metrics))
