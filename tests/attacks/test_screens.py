"""A photographed screen: waves where the camera's pixels and the screen's fall out of step, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.attacks import parse_attack


def run(text: str, image: np.ndarray, seed: int = 1) -> np.ndarray:
    return parse_attack(text)(image, rng=np.random.default_rng(seed))


FLAT = np.full((200, 240, 3), 128, np.uint8)


@pytest.mark.parametrize(("scale", "period"), [(1.05, 21), (0.95, 19), (1.2, 6), (0.9, 9)])
def test_the_waves_are_as_long_as_beats_are(scale: float, period: float) -> None:
    """Stripes one pixel apart, sampled every 1 / scale pixels, beat every scale / |scale - 1| pixels of the screen."""
    seen = run(f"moire(0.2, {scale}, 0)", FLAT).astype(float)
    line = seen[20:-20, 20:-20, 0].mean(axis=0)
    spectrum = np.abs(np.fft.rfft((line - line.mean()) * np.hanning(line.size), 4096))
    assert 4096 / (spectrum.argmax() + 1e-9) == pytest.approx(period, rel=0.05)


def test_colours_follow_each_other_by_a_third() -> None:
    seen = run("moire(0.2, 1.05, 0)", FLAT)[20:-20, 20:-20].astype(float).mean(axis=0)
    waves = np.fft.fft(seen - seen.mean(axis=0), axis=0)
    peak = np.abs(waves[1:60, 1]).argmax() + 1
    turned = np.angle(waves[peak] / waves[peak, 1])
    assert np.abs(turned[[0, 2]]) == pytest.approx([2 * np.pi / 3] * 2, abs=0.1)
    assert turned[0] * turned[2] < 0


def test_without_stripes_only_the_place_changes(picture: np.ndarray) -> None:
    moved = run("moire(0.0, 1.0, 0.1)", picture)
    np.testing.assert_array_equal(moved, run("perspective(0.1)", picture))
    strong, faint = (run(f"moire({strength}, 1.0, 0.1)", picture).astype(int) - moved for strength in (0.3, 0.1))
    assert np.abs(strong).mean() > 2 * np.abs(faint).mean() > 0.5


def test_alpha_moves_and_has_no_stripes(picture: np.ndarray) -> None:
    image = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    seen = run("moire(1.0, 1.0, 0.0)", image)
    assert (seen[..., 3] == 255).all()
    assert (seen[..., :3] != picture).any()


def test_grey_pictures_have_no_colours_to_lose() -> None:
    seen = run("moire(0.3, 1.05, 0)", FLAT[..., 0]).astype(float)
    assert seen.shape == (210, 252)
    assert 0 < np.ptp(seen[20:-20, 20:-20].mean(axis=0)) < 2  # the three stripes even out, but for the file's steps
    assert np.ptp(seen[20:-20, 20:-20].mean(axis=1)) > 5
