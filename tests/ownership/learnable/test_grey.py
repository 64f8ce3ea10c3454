"""Grey pictures: what counts as one, that radiographs carry as much of the mark as photographs, and what tones cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learnt import answers, colourful, leaky

from watermarking.keys import Key
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.learnable.estimate import _evened, shown
from watermarking.ownership.learnable.features import shows_colour
from watermarking.ownership.learnable.pairs import added, measured
from watermarking.ownership.learnable.shadows import drawn_shadows

KEY = Key(bytes(range(32)))
Array = np.ndarray[Any, Any]


def radiographs() -> list[Array]:
    return [np.repeat(np.repeat(np.rint(one[0]).astype(np.uint8), 2, 0), 2, 1) for one in drawn_shadows()]


def test_equal_channels_are_grey_and_a_tint_is_not() -> None:
    grey = colourful(1)[0][..., 1]
    deep = np.repeat(grey[..., np.newaxis], 3, 2)
    assert not shows_colour(grey)
    assert not shows_colour(deep)
    rounded = deep.copy()
    rounded[::2, :, 2] ^= 1
    assert not shows_colour(rounded)
    tinted = np.clip(deep + np.array([4, 0, 0]), 0, 255).astype(np.uint8)
    assert shows_colour(tinted)


def test_the_mark_of_a_grey_picture_in_three_channels_is_no_tint() -> None:
    grey = radiographs()[1]
    marked = LearnableMark().mark(np.repeat(grey[..., np.newaxis], 3, 2), key=KEY)
    assert not np.ptp(marked.astype(int), axis=2).any()
    assert np.abs(marked[..., 0].astype(int) - LearnableMark().mark(grey, key=KEY)).max() <= 1


@pytest.mark.parametrize("pictures", ["radiographs", "photographs"])
def test_neither_kind_has_little_of_most_functions(pictures: str) -> None:
    """How many directions share the energy evenly: of functions linear in contrast radiographs have six."""
    own = radiographs() if pictures == "radiographs" else [picture[..., 1].copy() for picture in colourful(8)]
    marked = [LearnableMark().mark(picture, key=KEY) for picture in own]
    ((sums, family),) = added(measured(one, other, (), key=KEY) for one, other in zip(marked, own, strict=True))
    _, drawn = shown(sums, family)
    energies = np.linalg.svd(drawn, compute_uv=False) ** 2
    assert energies.sum() ** 2 / (energies**2).sum() > 15


def test_radiographs_are_told_after_a_surrogate() -> None:
    own = radiographs()
    mark = LearnableMark()
    assert mark.verify(answers(own, leaky(mark, KEY, noise=1.5)), own, key=KEY).p_value < 1e-6
    assert mark.verify(answers(own, leaky(mark, KEY, share=0.0, noise=1.5)), own, key=KEY).p_value > 1e-3


def test_tones_that_nobody_changed_cost_nothing_and_others_are_brought_down_to_the_rest() -> None:
    rng = np.random.default_rng(4)
    tones, drawn = np.eye(20)[:4], rng.normal(size=(20, 30))
    seen = np.where(np.arange(20) < 4, 0.9, 1.0)
    same, as_drawn = _evened(seen, drawn, tones, 0)
    np.testing.assert_array_equal(same, seen)
    np.testing.assert_array_equal(as_drawn, drawn)
    changed = np.where(np.arange(20) < 4, 50.0, 1.0)
    evened, weaker = _evened(changed, drawn, tones, 0)
    np.testing.assert_allclose(evened, np.ones(20))
    np.testing.assert_allclose(weaker[:4], drawn[:4] / 50)
    np.testing.assert_array_equal(weaker[4:], drawn[4:])


def test_drawn_radiographs_are_smooth_and_kept() -> None:
    pictures = drawn_shadows()
    assert pictures.shape == (8, 1, 64, 64)
    assert not pictures.flags.writeable
    assert 0 <= pictures.min() < pictures.max() <= 255
    assert np.median(np.abs(np.diff(pictures, axis=3))) < 5 < np.median(pictures.std((2, 3)))
