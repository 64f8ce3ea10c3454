"""The scale that pictures have in common, where each alone is too small to show it."""

from __future__ import annotations

import numpy as np
import pytest
from covers import photograph

from watermarking.attacks import parse_attack
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.pictures.plane import luma_plane
from watermarking.sync.spectrum import spectrum_of
from watermarking.sync.template import template
from watermarking.sync.together import at_scale, common_scales
from watermarking.sync.upright import SCALES, scale_scores

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))


@pytest.fixture(scope="module")
def planes() -> list[np.ndarray]:
    marker = Marker(key=KEY)
    found = []
    for seed in range(8):
        marked = marker.embed(photograph((240, 320, 3), seed=seed), b"8 bytes!")
        attack = "crop(0.8) | resize(0.75) | jpeg(70)" if seed % 2 else "resize(0.75) | jpeg(70)"
        found.append(luma_plane(parse_attack(attack)(marked, rng=np.random.default_rng(seed))))
    return found


def total(planes: list[np.ndarray], key: Key) -> np.ndarray:
    return np.asarray(sum(scale_scores(spectrum_of(plane), template(key)) for plane in planes))


def test_the_scale_stands_out_in_all_together(planes: list[np.ndarray]) -> None:
    scales = common_scales(total(planes, KEY), 2)
    assert scales[0] == pytest.approx(0.75, rel=0.004)
    assert common_scales(total(planes, OTHER), 2) == []
    assert common_scales(np.zeros(len(SCALES), np.float32), 2) == []


def test_at_a_known_scale_pictures_come_back_into_place(planes: list[np.ndarray]) -> None:
    whole, cut = (at_scale(plane, spectrum_of(plane), KEY, 0.75) for plane in planes[:2])
    assert np.abs(whole[0].warp.matrix - [[0.75, 0, -0.125], [0, 0.75, -0.125]]).max() < 0.5
    assert 1 <= len(whole) <= 4
    assert max(one.score for one in cut) > 1.3 * max(
        one.score for one in at_scale(planes[1], spectrum_of(planes[1]), OTHER, 0.75)
    )
