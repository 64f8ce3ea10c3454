"""The hidden picture: what is added, what R reads, and what it does not."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.ownership.conftest import KEY, OTHER, tiles  # noqa: E402
from watermarking.deep.logo import read_logo  # noqa: E402
from watermarking.errors import UnsupportedImageError, WatermarkError, WeightsError  # noqa: E402
from watermarking.metrics.psnr import psnr  # noqa: E402
from watermarking.ownership.hidden.mark import (  # noqa: E402
    HiddenPicture,
    normalised_correlation,
    zero_mean_correlation,
)
from watermarking.ownership.hidden.weights import BUILT_IN  # noqa: E402
from watermarking.ownership.marks import BlindMark, MeteredMark, get_mark, mark_config  # noqa: E402

Array = np.ndarray[Any, Any]
MARK = HiddenPicture()


def grey(picture: Array) -> Array:
    return np.ascontiguousarray(picture[..., 1])


@pytest.mark.parametrize("weights", BUILT_IN)
def test_marked_pictures_are_read_one_by_one(weights: str) -> None:
    mark, logo = HiddenPicture(weights=weights), read_logo("", 64)
    for cover in tiles(4):
        marked = mark.mark(cover, key=KEY)
        assert marked.shape == cover.shape
        assert 42 <= psnr(marked, cover) <= 43.6
        read = mark.read(marked, key=KEY)
        assert read.detection.p_value < 1e-6
        assert normalised_correlation(read.picture, logo) > 0.95
        assert zero_mean_correlation(read.picture, logo) > 0.95


def test_nothing_is_read_from_unmarked_pictures_or_with_another_key() -> None:
    for cover in tiles(6):
        for picture, key in ((cover, KEY), (MARK.mark(cover, key=KEY), OTHER)):
            read = MARK.read(picture, key=key)
            assert read.detection.p_value > 1e-3
            assert zero_mean_correlation(read.picture, read_logo("", 64)) < 0.95


def test_nc_alone_says_little() -> None:
    """The trap of the paper's measure: a blank is close to a bright picture."""
    blank, bright = np.full((64, 64, 3), 255, np.uint8), np.full((64, 64, 3), 255, np.uint8)
    bright[20:30, 20:30] = 0
    assert normalised_correlation(blank, bright) > 0.95
    assert zero_mean_correlation(blank, bright) == 0


def test_p_values_of_keys_that_marked_nothing_are_uniform() -> None:
    from watermarking.keys import Key

    answers = [tile + np.uint8(0) for tile in tiles(3, 128)]
    shown = MARK.measured(answers).mean(0)
    values = np.array([MARK._verdict(shown, [], Key(n.to_bytes(16, "big"))).p_value for n in range(1, 1001)])
    for level in (0.1, 0.01):
        assert (values < level).sum() <= 1000 * level + 4 * np.sqrt(1000 * level)
    assert 0.4 < values.mean() < 0.6


def test_grey_pictures_carry_it_too() -> None:
    covers = [grey(tile) for tile in tiles(4)]
    marked = [MARK.mark(cover, key=KEY) for cover in covers]
    assert all(one.shape == cover.shape for one, cover in zip(marked, covers, strict=True))
    assert all(psnr(one, cover) >= 42 for one, cover in zip(marked, covers, strict=True))
    assert MARK.verify_blind(marked, key=KEY).p_value < 1e-6
    assert MARK.verify(marked, covers, key=KEY).p_value < 1e-6
    assert MARK.verify(marked, covers, key=KEY).score > 0.9
    tinted = [np.stack([one, one, np.minimum(one, 254) + np.uint8(1)], 2) for one in marked]
    assert MARK.verify(tinted, covers, key=KEY).p_value < 1e-6  # the owner's answer says that the mark was grey
    assert "24 hidden dimensions" in MARK.verify(marked, covers, key=KEY).statistic
    tripled = np.repeat(covers[0][..., None], 3, 2)
    again = MARK.mark(tripled, key=KEY)
    np.testing.assert_array_equal(again[..., 0], again[..., 2])  # no colour comes in
    np.testing.assert_array_equal(again[..., 0], marked[0])
    assert MARK.verify_blind(covers, key=KEY).p_value > 1e-3


@pytest.mark.parametrize("shape", [(33, 50, 3), (64, 47), (130, 129, 3)])
def test_odd_sizes_and_flat_pictures(shape: tuple[int, ...]) -> None:
    flat = np.full(shape, 128, np.uint8)
    marked = MARK.mark(flat, key=KEY)
    assert marked.shape == shape
    assert psnr(marked, flat) >= 42
    black = np.zeros(shape, np.uint8)
    assert psnr(MARK.mark(black, key=KEY), black) >= 42


def test_references_are_projected_out_and_evidence_grows() -> None:
    covers = tiles(6, 128)
    marked = [MARK.mark(cover, key=KEY) for cover in covers]
    noisy = [np.clip(one.astype(int) + 2, 0, 255).astype(np.uint8) for one in covers]
    assert MARK.verify(marked, covers, key=KEY, references=[noisy]).p_value < 1e-6
    # A reference that carries the mark itself takes it away: references must be unmarked.
    assert MARK.verify(marked, covers, key=KEY, references=[marked]).p_value > 1e-3
    values = [one.e_value for one in MARK.evidence(zip(marked, covers, strict=True), key=KEY)]
    assert all(one <= other for one, other in itertools.pairwise(values))
    assert values[-1] > 1e6
    assert [one.e_value for one in MARK.evidence(zip(marked, covers, strict=True), key=OTHER)][-1] < 20


def test_it_is_a_mark_like_others() -> None:
    assert isinstance(MARK, BlindMark)
    assert isinstance(MARK, MeteredMark)
    assert get_mark(mark_config(MARK)) == MARK


def test_bad_input() -> None:
    with pytest.raises(UnsupportedImageError, match="too small"):
        MARK.mark(np.zeros((16, 64, 3), np.uint8), key=KEY)
    with pytest.raises(UnsupportedImageError, match="float32"):
        MARK.read(np.zeros((64, 64, 3), np.float32), key=KEY)
    with pytest.raises(WatermarkError, match="floor <= psnr"):
        HiddenPicture(psnr=41)
    with pytest.raises(WatermarkError, match="give one each"):
        MARK.verify(tiles(2), tiles(1), key=KEY)
    with pytest.raises(WatermarkError, match="at least one"):
        MARK.verify_blind([], key=KEY)
    with pytest.raises(UnsupportedImageError, match="of one size"):
        MARK.verify(tiles(1, 64), tiles(1, 96), key=KEY)
    with pytest.raises(WeightsError, match="cannot read"):
        dataclasses.replace(MARK, weights="nowhere.safetensors").mark(tiles(1)[0], key=KEY)
