"""A thief's choices: what happens to both pictures of a pair, and what to the output alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.surrogates.thief import Thief, as_rgb, check_pairs

Array = np.ndarray[Any, Any]


def picture(height: int = 64, width: int = 96) -> Array:
    """Rows in red, columns in green, so that every pixel says where it was."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, np.full_like(y, 7)], axis=2).astype(np.uint8)


def draws(thief: Thief, n: int = 60, one: Array | None = None) -> list[tuple[Array, Array]]:
    one = picture() if one is None else one
    rng = np.random.default_rng(0)
    return [thief.draw([one], [255 - one], rng) for _ in range(n)]


def test_pairs_move_together() -> None:
    for a, b in draws(Thief(crop=32, flips=True, turns=True)):
        assert a.shape == (32, 32, 3)
        np.testing.assert_array_equal(a, 255 - b)
    for a, b in draws(Thief(crop=32, flips=True, turns=True, resize=(0.7, 1.4))):
        assert a.shape == b.shape == (32, 32, 3)
        assert np.abs(a.astype(int) - (255 - b.astype(int))).max() <= 1


def test_crops() -> None:
    corners = {(int(a[0, 0, 0]), int(a[0, 0, 1])) for a, _ in draws(Thief(crop=32), 300)}
    assert len(corners) > 200
    fixed = {(int(a[0, 0, 0]), int(a[0, 0, 1])) for a, _ in draws(Thief(crop=32, crops=False), 300)}
    assert fixed == {(y, x) for y in (0, 32) for x in (0, 32, 64)}


def test_flips_and_turns() -> None:
    def ways(**choices: bool) -> set[tuple[int, int]]:
        found = set()
        for a, _ in draws(Thief(crop=32, **choices)):
            rows, columns = np.gradient(a[..., 0].astype(float)), np.gradient(a[..., 1].astype(float))
            found.add((round(2 * rows[0].mean() + rows[1].mean()), round(2 * columns[0].mean() + columns[1].mean())))
        return found

    assert ways() == {(2, 1)}
    assert ways(flips=True) == {(2, 1), (2, -1)}
    assert len(ways(turns=True)) == 4
    assert len(ways(flips=True, turns=True)) == 8


def test_resizing_changes_the_scale() -> None:
    slopes = [np.gradient(a[..., 0].astype(float))[0].mean() for a, _ in draws(Thief(crop=32, resize=(0.6, 1.5)))]
    assert min(slopes) < 0.75  # one pixel of the picture is 1.5 of the crop
    assert max(slopes) > 1.4
    small = picture(32, 32)
    assert draws(Thief(crop=32, resize=(0.5, 0.5)), 1, small)[0][0].shape == (32, 32, 3)


def test_jpeg_meets_the_outputs_alone() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)
    for a, b in draws(Thief(crop=32, jpeg=(50, 60)), 3, noise):
        np.testing.assert_array_equal(a, noise)
        assert 5 < np.abs(b.astype(int) - (255 - noise)).mean() < 90


def test_grey_pictures() -> None:
    grey = picture()[..., 0]
    rgb = as_rgb(grey)
    assert rgb.shape == (64, 96, 3)
    assert (rgb == grey[..., None]).all()


@pytest.mark.parametrize(
    "choices",
    [
        {"crop": 0}, {"crop": 40}, {"resize": (1.3, 0.7)}, {"resize": (0.0, 1.0)}, {"resize": (float("nan"), 1.0)},
        {"jpeg": (90, 50)}, {"jpeg": (0, 50)}, {"unmarked": 0.6}, {"unmarked": -0.1}, {"unmarked": float("nan")},
    ],
)  # fmt: skip
def test_bad_choices(choices: dict[str, Any]) -> None:
    with pytest.raises(WatermarkError, match="give"):
        Thief(**choices)


def test_bad_pairs() -> None:
    good = picture()
    for one, two, said in (
        ([], [], "no pairs"), ([good], [], "no pairs"), ([good], [good[:-1]], "pair 0"),
        ([good, good], [good, good[..., :2]], "cannot be used"), ([good.astype(float)], [good], "cannot be used"),
        ([good[:31]], [good[:31]], "a side of 32 is needed"),
    ):  # fmt: skip
        with pytest.raises(UnsupportedImageError, match=said):
            check_pairs(one, two, 32)
    check_pairs([good, good[..., 0]], [good, good[..., 0]], 32)
