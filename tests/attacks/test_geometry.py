"""Matrices against where a spot of light really goes, and sizes against what the docstrings promise."""

from __future__ import annotations

import numpy as np
import pytest

from tests.attacks.conftest import smooth_picture
from watermarking.attacks import parse_attack

MOVES = [
    "crop(0.7)",
    "crop(0.7, where='centre', restore=True)",
    "crop(0.5, of='area')",
    "resize(0.6)",
    "resize(1.7)",
    "resize(0.6, restore=True)",
    "resize(2.0, method='linear')",
    "resize_to(100)",
    "aspect(0.7, 1.2)",
    "aspect(0.7, restore=True)",
    "rotate(10)",
    "rotate(-30, fit='grow')",
    "rotate(15, fit='inside')",
    "turn(90)",
    "turn(180)",
    "turn(270)",
    "flip",
    "flip('vertical')",
    "shift(7.5, -4)",
    "shear(8, 3)",
    "perspective(0.3)",
    "moire(0.0, scale=1.3, perspective=0.2)",
    "photographed_screen",
    "collage(0.5, grow=True)",
    "collage(0.8)",
    "messenger(150)",
    "noise(2) | rotate(5) | jpeg(95) | resize(0.8)",
    "crop_resize_jpeg",
    "waves('geometric')",
]


def spot(shape: tuple[int, int], centre: np.ndarray, radius: float = 4.0) -> np.ndarray:
    down, across = np.mgrid[: shape[0], : shape[1]]
    distance = (across - centre[0]) ** 2 + (down - centre[1]) ** 2
    return np.rint(200 * np.exp(-distance / (2 * radius**2))).astype(np.uint8)


@pytest.mark.parametrize("text", MOVES)
def test_matrix_says_where_pixels_go(text: str) -> None:
    attack, shape, found = parse_attack(text), (140, 190), 0
    for seed, centre in enumerate(np.array([[95.0, 70.0], [80.0, 60.0], [105.0, 82.0], [90.0, 85.0]])):
        matrix = attack.matrix(shape, rng=np.random.default_rng(seed))
        assert matrix is not None
        result = attack(spot(shape, centre), rng=np.random.default_rng(seed)).astype(float)
        x, y, w = matrix @ [*centre, 1.0]
        x, y = x / w, y / w
        if not (15 < x < result.shape[1] - 16 and 15 < y < result.shape[0] - 16):
            continue
        down, across = np.mgrid[: result.shape[0], : result.shape[1]]
        near = np.where(np.hypot(across - x, down - y) < 14, np.maximum(result - 40, 0), 0)
        if near.sum() == 0:  # erased, or outside the part that a collage keeps
            continue
        found += 1
        assert (near * across).sum() / near.sum() == pytest.approx(x, abs=0.3)
        assert (near * down).sum() / near.sum() == pytest.approx(y, abs=0.3)
    assert found >= 2


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("crop(0.5)", (50, 100)),
        ("crop(0.25, of='area')", (50, 100)),
        ("resize(0.5)", (50, 100)),
        ("resize_to(100)", (50, 100)),
        ("resize_to(4000)", (100, 200)),
        ("aspect(0.5, 2.0)", (200, 100)),
        ("turn(90)", (200, 100)),
        ("rotate(90, fit='grow')", (200, 100)),
        ("rotate(90, fit='inside')", (200, 100)),
        ("rotate(45, fit='inside')", (70, 70)),
        ("rotate(30)", (100, 200)),
        ("remove_lines(3, 7)", (97, 193)),
        ("remove_lines(300, 700)", (1, 1)),
        ("collage(0.25, grow=True)", (200, 400)),
        ("bend", (100, 200)),
        ("photographed_screen(1.5)", (150, 300)),
    ],
)
def test_sizes(text: str, size: tuple[int, int]) -> None:
    result = parse_attack(text)(np.zeros((100, 200, 3), np.uint8), rng=np.random.default_rng(0))
    assert result.shape == (*size, 3)


@pytest.mark.parametrize("degrees", [0.5, 7, 44, 45, 61, 90, 133, -20])
@pytest.mark.parametrize("shape", [(90, 140), (140, 90), (30, 200)])
def test_inside_has_no_black_and_grow_loses_nothing(degrees: float, shape: tuple[int, int]) -> None:
    white = np.full(shape, 255, np.uint8)
    rng = np.random.default_rng(0)
    inside = parse_attack(f"rotate({degrees}, 'inside')")(white, rng=rng)
    assert inside[1:-1, 1:-1].size == 0 or inside[1:-1, 1:-1].min() == 255
    grown = parse_attack(f"rotate({degrees}, 'grow')")(white, rng=rng)
    assert grown.sum(dtype=float) / 255 == pytest.approx(white.size, rel=0.02)


def test_exact_moves_keep_every_sample() -> None:
    picture = smooth_picture((31, 50, 3))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(parse_attack("turn(90) | turn(270)")(picture, rng=rng), picture)
    np.testing.assert_array_equal(parse_attack("flip")(picture, rng=rng), picture[:, ::-1])
    np.testing.assert_array_equal(
        parse_attack("rotate(180)")(picture, rng=rng)[1:-1, 1:-1], picture[::-1, ::-1][1:-1, 1:-1]
    )
    np.testing.assert_array_equal(parse_attack("shift(3, 2)")(picture, rng=rng)[2:, 3:], picture[:-2, :-3])
    np.testing.assert_array_equal(parse_attack("perspective(0.0)")(picture, rng=rng), picture)


def test_rotation_is_counter_clockwise() -> None:
    picture = np.zeros((41, 41), np.uint8)
    picture[20, 38] = 255  # at three o'clock
    turned = parse_attack("rotate(90)")(picture, rng=np.random.default_rng(0))
    assert np.unravel_index(turned.argmax(), turned.shape) == (2, 20)
    np.testing.assert_array_equal(parse_attack("turn(90)")(picture, rng=np.random.default_rng(0)), turned)


def test_bending_moves_at_most_what_it_says() -> None:
    across = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    for seed in range(5):
        bent = parse_attack("bend(0.02)")(across, rng=np.random.default_rng(seed)).astype(int)
        moved = np.abs(bent - across)[:, 12:-12]
        assert 0 < moved.max() <= np.ceil(0.02 * 200 * 2.1)


def test_alpha_moves_with_the_picture() -> None:
    picture = np.zeros((60, 60, 4), np.uint8)
    picture[20:40, 20:40] = 255
    turned = parse_attack("rotate(30) | jpeg(95)")(picture, rng=np.random.default_rng(0))
    assert np.mean(np.abs(turned[..., 3].astype(int) - turned[..., 0])) < 6
