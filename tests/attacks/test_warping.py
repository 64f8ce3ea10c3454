"""Movements that no matrix describes: seams and micro-geometry."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from watermarking.attacks import parse_attack
from watermarking.errors import UnknownAttackError


def run(text: str, image: np.ndarray, seed: int = 1) -> np.ndarray:
    return parse_attack(text)(image, rng=np.random.default_rng(seed))


def test_carving_keeps_what_stands_out() -> None:
    image = np.full((60, 80, 3), 90, np.uint8)
    image[20:40, 30:50] = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    carved = run("seam_carve(0.5, 0.25)", image)
    assert carved.shape == (45, 40, 3)
    busy = (carved != 90).any(axis=2)
    assert busy.sum() > 0.95 * 400
    np.testing.assert_array_equal(carved[busy], image[20:40, 30:50].reshape(-1, 3)[: busy.sum()])


def test_carving_takes_alpha_along_and_whole_pixels_only(picture: np.ndarray) -> None:
    alpha = (np.arange(picture.shape[1]) % 256).astype(np.uint8)
    image = np.dstack([picture, np.broadcast_to(alpha, picture.shape[:2])])
    carved = run("seam_carve(0.2)", image)
    assert carved.shape == (120, 129, 4)
    rows = np.arange(120)[:, None]
    np.testing.assert_array_equal(carved[..., :3], picture[rows, carved[..., 3]])
    assert (np.diff(carved[..., 3].astype(int), axis=1) >= 1).all()


@pytest.mark.parametrize("amplitude", [0.0, 0.5, 3.0])
def test_micro_geometry_moves_as_far_as_it_says(amplitude: float) -> None:
    across = np.tile(np.arange(50, 250, dtype=np.uint8), (200, 1))
    for still, seed in itertools.product((across, across.T.copy()), (0, 1)):
        moved = run(f"micro_geometry({amplitude})", still, seed)
        far = np.abs(moved.astype(int) - still)[8:-8, 8:-8].max()
        assert far <= np.ceil(amplitude)
        assert far >= 0.6 * amplitude - 0.5


def test_micro_geometry_is_smooth() -> None:
    """Neighbours move alike: what a wave's period says of the stretch stays near 1."""
    across = np.tile(np.arange(0, 200, dtype=np.uint8), (200, 1))
    moved = run("micro_geometry(4, points=4)", across).astype(int)
    steps = np.diff(moved[:, 12:-12], axis=1)
    assert steps.min() >= 0
    assert steps.max() <= 2


def test_faults_are_named() -> None:
    for text in ("seam_carve(1.0)", "micro_geometry(points=1)", "jpeg_xl(0)"):
        with pytest.raises(UnknownAttackError, match="must be a number from"):
            parse_attack(text)
