"""Attacks that draw pictures anew: an autoencoder and an upscaler."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from watermarking.attacks import parse_attack
from watermarking.errors import MissingExtraError

PHOTOGRAPHS = Path(__file__).parents[2] / "benchmarks" / "photographs"


def run(text: str, image: np.ndarray, seed: int = 1) -> np.ndarray:
    return parse_attack(text)(image, rng=np.random.default_rng(seed))


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - two) ** 2)))


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    with Image.open(PHOTOGRAPHS / "chelsea.png") as picture:
        return np.array(picture.convert("RGB"))[40:242, 60:363]


def test_upscaling_is_sharper_than_interpolation(photograph: np.ndarray) -> None:
    small = run("resize(0.5)", photograph)
    drawn, interpolated = run("upscale", small), run("resize(2.0)", small)
    assert drawn.shape == interpolated.shape == (202, 304, 3)
    assert psnr(drawn, interpolated) > 30  # in the same place
    edges = [np.abs(np.diff(image.astype(float), axis=1)).mean() for image in (drawn, interpolated)]
    assert edges[0] > 1.05 * edges[1]


@pytest.mark.parametrize(("scale", "size"), [(1.0, (202, 303)), (1.5, (303, 454)), (3.0, (606, 909))])
def test_upscaling_to_any_size_stays_in_place(photograph: np.ndarray, scale: float, size: tuple[int, int]) -> None:
    found = run(f"upscale({scale}, 'arnet-hdn')", photograph)
    assert found.shape == (*size, 3)
    back = run("resize_to(303)", found) if scale > 1 else found
    assert psnr(back[:202], photograph) > 30
    opaque = np.dstack([photograph, np.full(photograph.shape[:2], 255, np.uint8)])
    assert (run(f"upscale({scale})", opaque)[..., 3] == 255).all()


@pytest.mark.parametrize(
    ("attack", "package", "extra"), [("upscale", "pyanime4k", "upscale"), ("regenerate", "torch", "deep")]
)
def test_missing_package_names_the_extra(
    attack: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch, picture: np.ndarray
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"watermarking\[{extra}\]"):
        run(attack, picture)


def test_regeneration_keeps_the_picture_and_loses_fine_noise(photograph: np.ndarray) -> None:
    assert psnr(run("regenerate", photograph), photograph) > 27
    flat = np.full((64, 96, 3), (120, 140, 100), np.uint8)
    hiss = run("noise(4)", flat)
    before, after = (image.astype(float).std(axis=(0, 1)) for image in (hiss, run("regenerate", hiss)))
    assert (after < 0.8 * before).all()
    grey = run("regenerate", photograph[..., 1])
    assert psnr(grey, photograph[..., 1]) > 27


def test_noise_and_repetition_lose_more(photograph: np.ndarray) -> None:
    texts = ("regenerate", "regenerate(0.2)", "regenerate(times=4)")
    once, noisy, often = (psnr(run(text, photograph), photograph) for text in texts)
    assert once > often + 0.5
    assert once > noisy + 0.5
    np.testing.assert_array_equal(run("regenerate(0.1)", photograph, 3), run("regenerate(0.1)", photograph, 3))
    assert (run("regenerate(0.1)", photograph, 3) != run("regenerate(0.1)", photograph, 4)).any()
