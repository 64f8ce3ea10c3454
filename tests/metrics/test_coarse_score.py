"""The estimate that large pictures are marked by, against the full score of the same changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from covers import photograph
from PIL import Image

from watermarking.metrics.coarse_score import CoarseScore
from watermarking.metrics.ssimulacra2 import Ssimulacra2

PHOTOGRAPHS = Path(__file__).parents[2] / "benchmarks" / "photographs"


def enlarged(name: str, long_side: int = 1600) -> np.ndarray:
    image = Image.open(PHOTOGRAPHS / name)
    factor = long_side / max(image.size)
    return np.asarray(image.resize((round(image.width * factor), round(image.height * factor))))


def changed(picture: np.ndarray, scale: int, size: float, peak: float = 255) -> np.ndarray:
    """Add smooth noise to red, green and blue alike."""
    rng = np.random.default_rng(4)
    rows, cols = picture.shape[:2]
    small = rng.normal(0, 1, (rows // scale + 1, cols // scale + 1)).astype(np.float32)
    noise = np.asarray(Image.fromarray(small).resize((cols, rows), Image.Resampling.BICUBIC)) * size * peak / 255
    moved = np.clip(picture + (noise if picture.ndim == 2 else noise[..., None]), 0, peak)
    return (moved if picture.dtype.kind == "f" else np.rint(moved)).astype(picture.dtype)


@pytest.mark.parametrize("size", [0.7, 1.2])
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", ["coffee.png", "citrus-fruits.jpg", "camera.png", "rocket.jpg", "astronaut.png"])
def test_the_estimate_is_near_the_full_score(name: str, scale: int, size: float) -> None:
    cover = enlarged(name)
    marked = changed(cover, scale, size)
    full = Ssimulacra2(cover, 255).score(marked)
    assert full < 97
    assert 0.8 < (100 - CoarseScore(cover, 255).score(marked)) / (100 - full) < 1.25


def test_more_change_is_a_lower_score() -> None:
    cover = enlarged("coffee.png", 1200)
    judge = CoarseScore(cover, 255)
    scores = [judge.score(changed(cover, 3, size)) for size in (0.3, 0.6, 1.0, 2.0, 4.0)]
    assert scores == sorted(scores, reverse=True)
    assert judge.score(cover) == 100


@pytest.mark.parametrize(("dtype", "peak"), [("uint16", 65535), ("float32", 1)])
def test_the_samples_are_no_matter(dtype: str, peak: float) -> None:
    cover = photograph((600, 800, 3))
    marked = changed(cover, 3, 1.5)
    deep, moved = ((picture.astype("float64") / 255 * peak).round(9).astype(dtype) for picture in (cover, marked))
    expected = CoarseScore(cover, 255).score(marked)
    assert CoarseScore(deep, peak).score(moved) == pytest.approx(expected, abs=0.05)


def test_twelve_bits_in_sixteen() -> None:
    cover = photograph((600, 800, 3), "uint16") // 16
    marked = changed(cover, 3, 1.5, 4095)
    expected = CoarseScore(cover * 16, 65520).score(marked * 16)
    assert CoarseScore(cover, 4095).score(marked) == pytest.approx(expected, abs=0.05)


def test_grey_is_as_grey_in_colour() -> None:
    cover = photograph((600, 800))
    marked = changed(cover, 3, 1.5)
    expected = CoarseScore(np.dstack([cover] * 3), 255).score(np.dstack([marked] * 3))
    assert CoarseScore(cover, 255).score(marked) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("shape", [(33, 35, 3), (32, 1999), (130, 40, 4)])
def test_sides_that_do_not_divide(shape: tuple[int, ...]) -> None:
    cover = photograph(shape)
    marked = cover.copy()
    marked[: shape[0] // 2] = 255 - marked[: shape[0] // 2]
    assert CoarseScore(cover, 255).score(cover) == 100
    assert CoarseScore(cover, 255).score(marked) < 60
