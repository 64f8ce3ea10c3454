"""A thief who fits the mark: what he knows goes, what he does not know stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.surrogates.regress import colour_polynomials, fit_mark, mark_left

Array = np.ndarray[Any, Any]
LUMA = np.array([0.299, 0.587, 0.114])


def covers(n: int = 6) -> list[Array]:
    rng = np.random.default_rng(1)
    return [rng.integers(30, 220, (6, 6, 3), np.uint8).repeat(8, 0).repeat(8, 1) for _ in range(n)]


def chroma(residual: Array) -> Array:
    return residual - (residual @ LUMA)[..., None]


def marked(pictures: list[Array], of: Any) -> list[Array]:
    return [np.clip(np.rint(p + chroma(of(p.astype(float) / 127.5 - 1))), 0, 255).astype(np.uint8) for p in pictures]


def quadratic(c: Array) -> Array:
    return np.stack([8 * c[..., 0] * c[..., 1], 6 * c[..., 2] ** 2, -7 * c[..., 1]], axis=2)


def test_a_known_family_is_removed_and_a_lesser_one_is_not() -> None:
    train, test = covers(), covers(9)[6:]
    found = {}
    for degree in (0, 1, 2, 3):
        fitted = fit_mark(train, marked(train, quadratic), features=colour_polynomials(degree))
        cleaned = [fitted.remove(picture) for picture in marked(test, quadratic)]
        found[degree] = mark_left(test, marked(test, quadratic), cleaned)
    assert found[0] > 0.5
    assert found[0] > found[1] > found[2]
    assert abs(found[2]) < 0.1
    assert abs(found[3]) < 0.15


def test_brightness_stays_as_the_task_left_it() -> None:
    """Inputs are darker than outputs, as rain is taken away: with expected answers or in colour, that is not undone."""
    train = covers()
    outputs = marked(train, quadratic)
    inputs = [np.asarray(picture * 0.9, np.uint8) for picture in train]
    fitted = fit_mark(inputs, outputs, features=colour_polynomials(2))
    change = fitted.remove(outputs[0]).astype(float) - outputs[0]
    assert abs((change @ LUMA).mean()) < 0.5
    informed = fit_mark(inputs, outputs, features=colour_polynomials(2), expected=train, chroma=False)
    assert abs(mark_left(train, outputs, [informed.remove(picture) for picture in outputs])) < 0.1
    blunt = fit_mark(inputs, outputs, features=colour_polynomials(2), chroma=False)
    assert ((blunt.remove(outputs[0]).astype(float) - outputs[0]) @ LUMA).mean() < -5


def test_features_are_the_callers_choice() -> None:
    train = covers()

    def columns(picture: Array) -> Array:
        x = np.linspace(-1, 1, picture.shape[1])
        return np.broadcast_to(np.stack([x, x], axis=1), (*picture.shape[:2], 2))  # twice the same: the ridge decides

    outputs = [
        np.asarray(p + np.rint(chroma(np.linspace(-9, 9, 48)[None, :, None] * [1.0, 0, 0])), np.uint8) for p in train
    ]
    fitted = fit_mark(train, outputs, features=columns)
    assert abs(mark_left(train, outputs, [fitted.remove(picture) for picture in outputs])) < 0.1
    assert fitted.weights.shape == (2, 3)
    np.testing.assert_allclose(fitted.weights @ LUMA, 0, atol=0.5)


def test_polynomials() -> None:
    picture = np.array([[[255, 0, 0]]], np.uint8)
    assert [colour_polynomials(d)(picture).shape[2] for d in (0, 1, 2, 3)] == [1, 4, 10, 20]
    np.testing.assert_array_equal(colour_polynomials(1)(picture)[0, 0], [1, 1, -1, -1])
    np.testing.assert_array_equal(colour_polynomials(1)(picture[..., 0])[0, 0], [1, 1, 1, 1])
    for degree in (-1, 9):
        with pytest.raises(WatermarkError, match="cannot be fitted"):
            colour_polynomials(degree)


def test_what_is_left() -> None:
    one = covers(2)
    two = [np.asarray(picture + 10, np.uint8) for picture in one]
    half = [np.asarray(picture + 5, np.uint8) for picture in one]
    assert mark_left(one, two, two) == 1
    assert mark_left(one, two, one) == 0
    assert mark_left(one, two, half) == pytest.approx(0.5)


def test_bad_input() -> None:
    train = covers(2)
    with pytest.raises(UnsupportedImageError, match="no pairs"):
        fit_mark(train, train[:1], features=colour_polynomials(1))
    with pytest.raises(UnsupportedImageError, match="no pairs"):
        fit_mark(train, train, features=colour_polynomials(1), expected=train[:1])
    with pytest.raises(UnsupportedImageError, match="no mark can be left"):
        mark_left(train, train, train)
    with pytest.raises(WatermarkError, match="ridge"):
        fit_mark(train, train, features=colour_polynomials(1), ridge=0)
    for features, said in (
        (lambda p: p[:-1], r"give \(H, W, K\)"),
        (lambda p: p[..., 0], r"give \(H, W, K\)"),
        (lambda p: np.full(p.shape, np.inf), "not finite"),
    ):
        with pytest.raises(UnsupportedImageError, match=said):
            fit_mark(train, train, features=features)
    counts = iter((1, 2))
    with pytest.raises(UnsupportedImageError, match="more features than others"):
        fit_mark(train, train, features=lambda p: np.ones((*p.shape[:2], next(counts))))
