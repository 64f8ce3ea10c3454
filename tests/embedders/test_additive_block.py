"""``additive_block``: one bit a block, no more and no less than the baseline of the paper."""

from __future__ import annotations

import numpy as np
import pytest
from covers import photograph

from watermarking.embedders.additive_block import SIDE, AdditiveBlock
from watermarking.keys import Key

KEY = Key(bytes(range(32)))
SCHEME = AdditiveBlock()


def residual(cover: np.ndarray, bits: np.ndarray) -> np.ndarray:
    return AdditiveBlock(psnr=38).embed(cover, bits, key=KEY).astype(np.float64) - cover


def test_one_bit_a_block() -> None:
    cover = np.full((96, 160), 0.5)
    assert SCHEME.capacity(cover.shape) == 15
    bits = np.random.default_rng(0).random(15) < 0.5
    flipped = bits.copy()
    flipped[7] ^= True
    one, other = residual(cover, bits), residual(cover, flipped)
    block = np.s_[SIDE : 2 * SIDE, 2 * SIDE : 3 * SIDE]
    assert np.allclose(one[block], -other[block], atol=1e-6)  # C_0 = -C_1
    one[block] = other[block] = 0
    assert np.allclose(one, other, atol=1e-6)


def test_patterns_are_signs_without_mean_and_slopes() -> None:
    change = residual(np.full((64, 64), 0.5), np.ones(4, np.bool_))[:SIDE, :SIDE]
    ramp = np.arange(SIDE) - (SIDE - 1) / 2
    scale = np.abs(change).sum()
    assert abs(change.sum()) < 1e-4 * scale
    assert abs((change.sum(0) * ramp).sum()) < 1e-3 * scale
    assert abs((change.sum(1) * ramp).sum()) < 1e-3 * scale
    assert np.abs(change).std() < 0.15 * np.abs(change).mean()


def test_nothing_is_masked() -> None:
    """Smooth and rough places take the same."""
    cover = np.full((128, 128), 0.5)
    cover[:, 64:] += np.random.default_rng(1).uniform(-0.2, 0.2, (128, 64))
    change = np.square(residual(cover, np.ones(16, np.bool_)))
    assert change[:, 64:].mean() == pytest.approx(change[:, :64].mean(), rel=0.01)


def test_a_short_payload_is_repeated() -> None:
    cover, bits = photograph((256, 320, 3)), np.array([True, False, False])
    assert np.array_equal(
        SCHEME.embed(cover, bits, key=KEY), SCHEME.embed(cover, np.resize(bits, SCHEME.capacity(cover.shape)), key=KEY)
    )


def test_ramps_do_not_disturb() -> None:
    rows, cols = np.indices((128, 128))
    cover = (0.2 + 0.004 * rows + 0.001 * cols).astype(np.float32)
    bits = np.random.default_rng(2).random(16) < 0.5
    found = SCHEME.extract(AdditiveBlock(psnr=60).embed(cover, bits, key=KEY), key=KEY)
    assert np.array_equal(found.payload, bits)
