"""Who holds originals sees the mark itself: with a stand-in whose presence can be measured exactly."""

from __future__ import annotations

import numpy as np
import pytest

from tests.attacks.conftest import smooth_picture
from tests.attacks.test_security import band_noise, marked, presence
from watermarking.attacks.known_originals import KnownOriginals
from watermarking.errors import UnknownAttackError, UnsupportedImageError

SHAPE = (96, 128)
MARK = band_noise(SHAPE, 9)
Pair = tuple[np.ndarray, np.ndarray]


def pair(seed: int, mark: np.ndarray = MARK) -> Pair:
    cover = smooth_picture((*SHAPE, 3), seed)
    return cover, marked(cover, mark)


def test_one_pair_copies_and_removes() -> None:
    cover, victim = pair(1)
    forged = KnownOriginals(strength=1.0)([pair(2)], cover)
    assert presence(forged, MARK) - presence(cover, MARK) > 1.8
    cleaned = KnownOriginals(strength=-1.0)(iter([pair(2)]), victim)
    assert abs(presence(cleaned, MARK) - presence(cover, MARK)) < 0.2


def test_pairs_average_away_what_differs() -> None:
    """Half of each mark is the picture's own: with many pairs, less of other pictures' comes along."""
    own = [band_noise(SHAPE, 100 + seed) for seed in range(12)]
    pairs = [pair(seed, MARK + other) for seed, other in enumerate(own)]
    cover = smooth_picture((*SHAPE, 3), 50)
    few, many = (KnownOriginals()(pairs[:n], cover).astype(float) - cover for n in (1, 12))
    assert np.abs(many).mean() < 0.9 * np.abs(few).mean()
    assert presence(many, MARK) == pytest.approx(presence(few, MARK), rel=0.15)


def test_a_template_follows_the_texture() -> None:
    across = np.arange(SHAPE[1])
    rough = np.where(across < 64, 25.0, 3.0) * np.random.default_rng(0).standard_normal((4, *SHAPE))
    covers = [np.clip(np.rint(128 + one), 0, 255).astype(np.uint8) for one in (*rough, rough[0][:, ::-1])]
    strength = np.where(across < 64, 4.0, 0.5)
    pairs = [(cover, marked(cover, strength * MARK, 1.0)) for cover in covers[:4]]
    target = covers[4]  # rough where the others are smooth
    change = KnownOriginals(template="texture")(pairs, target).astype(float) - target
    right = np.abs(change[:, 64:]).mean() / np.abs(change[:, :64]).mean()
    assert right > 1
    flat = KnownOriginals()(pairs, target).astype(float) - target
    assert np.abs(flat[:, 64:]).mean() < 0.5 * np.abs(flat[:, :64]).mean()


def test_kinds_stay_and_larger_pairs_are_cut() -> None:
    large = pair(3)
    small = smooth_picture((60, 70, 3), 4)
    alpha, deep = np.dstack([small, small[..., :1]]), small.astype(np.uint16) * 257
    for target in (small, small[..., 0], alpha, small / 255, deep):
        found = KnownOriginals()([large], target)
        assert found.shape == target.shape
        assert found.dtype == target.dtype
    np.testing.assert_array_equal(KnownOriginals()([large], alpha)[..., 3], alpha[..., 3])
    grey = (large[0][..., 1].copy(), large[1][..., 1].copy())
    assert KnownOriginals()([grey], small).shape == small.shape


def test_what_fits_not_is_refused() -> None:
    small, large = smooth_picture((20, 30, 3)), smooth_picture((40, 50, 3))
    with pytest.raises(UnsupportedImageError, match="no pair of pictures has 50x40 pixels or more"):
        KnownOriginals()([(small, small)], large)
    with pytest.raises(UnsupportedImageError, match="no pair of pictures has"):
        KnownOriginals()([], large)
    with pytest.raises(UnsupportedImageError, match="have one size"):
        KnownOriginals()([(small, large)], small)
    with pytest.raises(UnknownAttackError, match="known are flat, texture"):
        KnownOriginals(template="rough")  # type: ignore[arg-type]
