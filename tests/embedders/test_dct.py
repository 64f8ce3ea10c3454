"""``dct``: only the chosen frequencies of JPEG's own blocks change."""

from __future__ import annotations

import numpy as np
from covers import photograph

from watermarking.embedders.dct import MODES, Dct
from watermarking.keys import Key
from watermarking.pictures.plane import luma_plane
from watermarking.transforms.block_dct import block_dct

KEY = Key(bytes(range(32)))
BITS = np.random.default_rng(0).random(64) < 0.5


def test_other_frequencies_are_left_alone() -> None:
    others = tuple((v, u) for v in range(8) for u in range(8) if (v, u) not in MODES)
    assert len(others) == 64 - len(MODES)
    change = Dct().residual(luma_plane(photograph((256, 320))), BITS, key=KEY)(4.0)
    assert np.abs(block_dct(change, others)).max() < 1e-3
    assert all(np.abs(block_dct(change, (mode,))).min() > 1e-3 for mode in MODES)


def test_edges_that_fill_no_block_are_left_alone() -> None:
    cover = photograph((261, 323, 3))
    marked = Dct().embed(cover, BITS, key=KEY)
    assert np.array_equal(marked[256:], cover[256:])
    assert np.array_equal(marked[:, 320:], cover[:, 320:])


def test_rough_places_take_more_than_smooth_ones() -> None:
    plane = np.full((256, 256), 120, np.float32)
    plane[:, 128:] += np.random.default_rng(1).normal(0, 20, (256, 128)).astype(np.float32)
    energy = np.square(Dct().residual(plane, BITS, key=KEY)(4.0))
    assert energy[:, 144:].mean() > 2 * energy[:, :112].mean()
