"""BM3D against the other denoisers: they are measured against it, so it has to be better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from watermarking.attacks import parse_attack


def run(text: str, image: np.ndarray) -> np.ndarray:
    return parse_attack(text)(image, rng=np.random.default_rng(1))


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - two) ** 2)))


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """Cut a piece with edges, texture and smooth grounds out of a photograph of the repository."""
    path = Path(__file__).parents[2] / "benchmarks" / "photographs" / "coffee.png"
    return np.array(Image.open(path).convert("RGB"))[100:228, 250:410]


@pytest.mark.parametrize("sigma", [5, 15])
@pytest.mark.parametrize("colour", [True, False], ids=["colour", "grey"])
def test_bm3d_removes_noise_better_than_others(clean: np.ndarray, sigma: int, colour: bool) -> None:
    clean = clean if colour else np.ascontiguousarray(clean[..., 1])
    noisy = run(f"noise({sigma})", clean)
    found = psnr(run(f"bm3d({sigma})", noisy), clean)
    others = [f"non_local_means({share * sigma})" for share in (0.5, 0.7, 1.0)] + [f"wavelet_denoise({sigma})"]
    assert found > max(psnr(run(other, noisy), clean) for other in others) + 0.5
    assert found > psnr(noisy, clean) + 3


def test_bm3d_leaves_a_clean_picture_nearly_alone(clean: np.ndarray) -> None:
    assert psnr(run("bm3d(1)", clean), clean) > 45
    flat = np.full((40, 50, 3), (10, 200, 90), np.uint8)
    np.testing.assert_array_equal(run("bm3d(20)", flat), flat)
