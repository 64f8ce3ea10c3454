"""Attacks by those who know: with a stand-in for a mark whose presence can be measured exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.attacks.conftest import smooth_picture
from watermarking.attacks import parse_attack
from watermarking.attacks.collusion import RULES, Collude, EstimateAttack
from watermarking.attacks.oracle import OracleRemoval
from watermarking.errors import UnknownAttackError, UnsupportedImageError

SHAPE = (192, 256)


def band_noise(shape: tuple[int, int], seed: int) -> np.ndarray:
    """A mark of standard deviation 1 without its lowest frequencies."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    spectrum = np.fft.fft2(noise)
    distance = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    mark = np.fft.ifft2(np.where((distance > 0.05) & (distance < 0.3), spectrum, 0)).real
    return mark / mark.std()


def marked(picture: np.ndarray, mark: np.ndarray, strength: float = 2.0) -> np.ndarray:
    return np.clip(np.rint(picture + strength * (mark if picture.ndim == 2 else mark[..., None])), 0, 255).astype(
        np.uint8
    )


def presence(picture: np.ndarray, mark: np.ndarray) -> float:
    plane = picture.astype(float) if picture.ndim == 2 else picture[..., :3].mean(axis=2)
    plane = plane - plane.mean()
    return float((plane * mark).mean())


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - two) ** 2)))


@pytest.mark.parametrize("text", ["average_tiles(32)", "average_tiles", "clip_peaks", "clip_peaks('autocorrelation')"])
def test_periodic_marks_are_found_and_weakened(text: str) -> None:
    picture, mark = smooth_picture((512, 512, 3)), np.tile(band_noise((32, 32), 3), (16, 16))
    original = marked(picture, mark)
    attacked = parse_attack(text)(original, rng=np.random.default_rng(0))
    left = presence(attacked, mark) - presence(picture, mark)
    assert left < 0.65 * (presence(original, mark) - presence(picture, mark))
    assert psnr(attacked, original) > 38


@pytest.mark.parametrize("text", ["average_tiles(32)", "clip_peaks", "clip_peaks('autocorrelation')"])
def test_other_marks_stay(text: str) -> None:
    picture, mark = smooth_picture((*SHAPE, 3)), band_noise(SHAPE, 4)
    original = marked(picture, mark)
    attacked = parse_attack(text)(original, rng=np.random.default_rng(0))
    assert presence(attacked, mark) - presence(picture, mark) > 1.4


def test_remarking_adds_a_mark(picture: np.ndarray) -> None:
    large = np.tile(picture, (3, 3, 1))
    one, two = (parse_attack("remark(psnr=42)")(large, rng=np.random.default_rng(seed)) for seed in (0, 1))
    assert psnr(one, large) == pytest.approx(42, abs=0.5)
    assert (one != two).any()


@pytest.mark.parametrize("rule", RULES)
def test_colluders_weaken_each_mark(rule: str) -> None:
    picture = smooth_picture((*SHAPE, 3))
    marks = [band_noise(SHAPE, seed) for seed in range(5)]
    copies = [marked(picture, mark) for mark in marks]
    before = [image.copy() for image in copies]
    merged = Collude(rule=rule)(copies, rng=np.random.default_rng(0))
    assert all(np.array_equal(image, kept) for image, kept in zip(copies, before, strict=True))
    assert merged.dtype == np.uint8
    assert psnr(merged, picture) > 34
    stays = [presence(merged, mark) - presence(picture, mark) for mark in marks]
    assert max(stays) < 1.2


def test_collusion_is_what_it_says() -> None:
    copies = list(np.random.default_rng(0).integers(0, 256, (3, 70, 40, 3), dtype=np.uint8))
    stack = np.stack(copies).astype(float)
    expected = {
        "mean": np.rint(stack.mean(axis=0)),
        "median": np.median(stack, axis=0),
        "minimum": stack.min(axis=0),
        "maximum": stack.max(axis=0),
        "minmax": np.rint((stack.min(axis=0) + stack.max(axis=0)) / 2),
    }
    for rule, values in expected.items():
        np.testing.assert_array_equal(Collude(rule=rule)(copies, rng=np.random.default_rng(0)), values)
    for rule in ("random", "blocks"):
        merged = Collude(rule=rule)(copies, rng=np.random.default_rng(0))
        assert np.any([(merged == copy).all(axis=2) for copy in copies], axis=0).all()
        np.testing.assert_array_equal(merged, Collude(rule=rule)(copies, rng=np.random.default_rng(0)))
    half = Collude()([copy / 255 for copy in copies], rng=np.random.default_rng(0))
    np.testing.assert_allclose(half, expected["mean"] / 255)


def test_collusion_refuses() -> None:
    one = np.zeros((4, 4), np.uint8)
    for copies in ([], [one], [one, np.zeros((4, 5), np.uint8)]):
        with pytest.raises(UnsupportedImageError, match="two copies of one shape"):
            Collude()(copies, rng=np.random.default_rng(0))
    with pytest.raises(UnknownAttackError, match="known are mean"):
        Collude(rule="sum")  # type: ignore[arg-type]


def test_averaging_many_pictures_copies_and_removes() -> None:
    mark = band_noise(SHAPE, 9)
    pictures = (marked(smooth_picture((*SHAPE, 3), seed), mark) for seed in range(2, 40))
    kept = list(itertools.islice(pictures, 38))
    target = smooth_picture((*SHAPE, 3), 1)
    forged = EstimateAttack(strength=1.0)(iter(kept), target)
    assert presence(forged, mark) - presence(target, mark) > 0.8
    victim = marked(target, mark)
    cleaned = EstimateAttack(strength=-1.0)(kept, victim)
    assert presence(cleaned, mark) - presence(target, mark) < 1.2
    assert EstimateAttack()(kept, np.dstack([target, target[..., :1]])).shape == (*SHAPE, 4)
    assert EstimateAttack()(kept, target[..., 0] / 255).dtype == np.float64
    with pytest.raises(UnsupportedImageError, match="no marked picture has 300x300"):
        EstimateAttack()(kept, np.zeros((300, 300), np.uint8))


def test_oracle_removal() -> None:
    shape = (64, 96)
    picture, mark = smooth_picture(shape), band_noise(shape, 5)
    image, asked = marked(picture, mark, 3.0), []
    threshold = presence(picture, mark) + 1.5

    def is_marked(candidate: np.ndarray) -> bool:
        assert candidate.dtype == np.uint8
        asked.append(1)
        return presence(candidate, mark) > threshold

    blurred_only = OracleRemoval(calls=14)(image, is_marked, rng=np.random.default_rng(0))
    asked.clear()
    found = OracleRemoval(calls=400)(image, is_marked, rng=np.random.default_rng(0))
    assert found.removed
    assert found.calls == len(asked) <= 400
    assert presence(found.image, mark) <= threshold
    assert psnr(found.image, image) > psnr(blurred_only.image, image) + 1
    again = OracleRemoval(calls=400)(image, is_marked, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found.image, again.image)


@pytest.mark.parametrize(("answer", "calls"), [(True, 100), (False, 100), (True, 0)])
def test_oracle_that_always_says_the_same(answer: bool, calls: int) -> None:
    image = smooth_picture((20, 30, 3)) / 255
    found = OracleRemoval(calls=calls)(image, lambda _: answer, rng=np.random.default_rng(0))
    assert found.removed is not answer
    assert found.calls <= calls
    np.testing.assert_allclose(found.image, image, atol=1 / 255)
