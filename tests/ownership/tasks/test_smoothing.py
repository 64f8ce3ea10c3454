"""Relative total variation: texture goes, edges stay."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.tasks.smoothing import smooth_texture


def textured(height: int = 64, width: int = 72) -> tuple[np.ndarray, np.ndarray]:
    """Two halves of 80 and 160, and the same with stripes and noise of up to 20 grey levels."""
    rng = np.random.default_rng(3)
    plain = np.full((height, width), 80.0)
    plain[:, width // 2 :] = 160
    texture = 12 * np.sign(np.sin(np.arange(width) * 2.0)) + rng.uniform(-8, 8, (height, width))
    return plain, np.clip(plain + texture, 0, 255).astype(np.uint8)


def test_texture_goes_and_edges_stay() -> None:
    plain, picture = textured()
    smooth = smooth_texture(picture, strength=0.015)
    left, right = smooth[8:-8, 4:28].astype(float), smooth[8:-8, 44:68].astype(float)
    assert picture[8:-8, 4:28].std() > 10
    assert left.std() < 3
    assert right.std() < 3
    assert right.mean() - left.mean() > 70
    middle = plain.shape[1] // 2
    step = np.diff(smooth.astype(float), axis=1)[8:-8, middle - 2 : middle + 1].sum(1)
    assert step.mean() > 60  # the edge is as steep as it was


def test_more_strength_and_more_rounds_smooth_more() -> None:
    _, picture = textured()
    deviation = [
        smooth_texture(picture, strength=s, rounds=r)[:, 4:28].std() for s, r in ((1e-4, 1), (0.003, 1), (0.01, 4))
    ]
    assert deviation[0] > deviation[1] > deviation[2]


def test_grey_is_three_equal_channels_and_flat_stays() -> None:
    _, picture = textured(40, 30)
    grey = smooth_texture(picture)
    colour = smooth_texture(np.repeat(picture[..., None], 3, axis=2))
    assert grey.shape == (40, 30)
    assert np.abs(colour.astype(int) - grey[..., None]).max() <= 1
    flat = np.full((9, 7, 3), 131, np.uint8)
    np.testing.assert_array_equal(smooth_texture(flat), flat)
    assert smooth_texture(np.full((1, 1), 9, np.uint8)).tolist() == [[9]]
    assert smooth_texture(picture[:1]).shape == (1, 30)


def test_input_stays_as_it_is() -> None:
    _, picture = textured(20, 20)
    before = picture.copy()
    smooth_texture(picture[:, ::-1])  # a view that is not contiguous
    np.testing.assert_array_equal(picture, before)


def test_bad_input() -> None:
    picture = np.zeros((8, 8), np.uint8)
    for wrong in (picture.astype(float), np.zeros((8, 8, 4), np.uint8), np.zeros((0, 8), np.uint8), picture[0]):
        with pytest.raises(UnsupportedImageError, match="cannot be smoothed"):
            smooth_texture(wrong)
    for name, value in (("strength", 0.0), ("strength", float("nan")), ("sigma", 0.1), ("sharpness", 0), ("rounds", 0)):
        with pytest.raises(WatermarkError, match="out of range"):
            smooth_texture(picture, **{name: value})
