"""Keyed placement: every slot once, nothing repeats, pilots apart from payload, any crop at tiles readable."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from covers import photograph

from watermarking.embedders.placement import (
    LADDER,
    PILOT_SHARE,
    Layout,
    fold,
    pilot_chips,
    place,
    slot_chips,
    slot_groups,
)
from watermarking.interface import PlaneScheme
from watermarking.keys import Key
from watermarking.pictures.drawing import apply_residual
from watermarking.pictures.plane import luma_energy, luma_plane
from watermarking.registry import get_scheme, scheme_ids

KEY = Key(bytes(range(32)))
LAYOUT = Layout("test", 4, (16, 24), 3)
PLANE_SCHEMES = [name for name in scheme_ids() if isinstance(get_scheme(name), PlaneScheme)]


def test_slots_are_a_permutation() -> None:
    found = place(LAYOUT, KEY, (3, 5))
    assert sorted(found.slots) == list(range(LAYOUT.n_slots))
    assert found.offsets.shape == (15,)
    assert ((found.offsets >= 0) & (found.offsets < LAYOUT.n_slots)).all()
    assert found.signs.shape == (15, LAYOUT.n_slots)
    assert set(np.unique(found.signs)) == {-1, 1}
    assert found.tiles_across == 5
    assert abs(found.signs.mean()) < 0.05


def test_nothing_repeats_between_tiles() -> None:
    """A repeated pattern can be averaged out of a single picture."""
    found = place(LAYOUT, KEY, (3, 5))
    for one, other in itertools.combinations(found.signs.astype(int), 2):
        for shift in (0, 1, 24, 72):
            assert abs(np.mean(one * np.roll(other, shift))) < 5 / np.sqrt(one.size)
    assert len(np.unique(found.offsets)) > 10


def test_a_tile_does_not_know_how_many_others_there_are() -> None:
    few, many = place(LAYOUT, KEY, (2, 2)), place(LAYOUT, KEY, (4, 7))
    for down, across in np.ndindex(2, 2):
        assert np.array_equal(few.signs[2 * down + across], many.signs[7 * down + across])
        assert few.offsets[2 * down + across] == many.offsets[7 * down + across]
    assert np.array_equal(few.slots, many.slots)


def test_keys_and_labels_change_everything() -> None:
    found = place(LAYOUT, KEY, (1, 1))
    for other in (
        place(LAYOUT, Key(bytes(32)), (1, 1)),
        place(Layout("other", 4, (16, 24), 3), KEY, (1, 1)),
    ):
        assert np.mean(found.signs == other.signs) == pytest.approx(0.5, abs=0.08)
        assert np.mean(found.slots == other.slots) < 0.02


@pytest.mark.parametrize("length", [1, 7, *LADDER])
def test_chips_groups_and_folding_agree(length: int) -> None:
    bits = np.random.default_rng(length).random(length) < 0.5
    chips, groups = slot_chips(LAYOUT, KEY, bits), slot_groups(LAYOUT, length)
    n_pilots = LAYOUT.n_slots // PILOT_SHARE
    assert LAYOUT.n_pilots == n_pilots
    assert np.array_equal(chips[:n_pilots], pilot_chips(LAYOUT, KEY, length))
    assert (groups[:n_pilots] == length).all()
    assert groups[n_pilots:].max() == min(length, LAYOUT.n_slots - n_pilots) - 1
    signs = np.where(bits, 1, -1)
    assert np.array_equal(chips[n_pilots:], signs[groups[n_pilots:]])
    folded = fold(LAYOUT, chips, length)
    assert folded.shape == (length,)
    assert np.array_equal(folded, signs * np.bincount(groups[n_pilots:], minlength=length))


def test_pilots_tell_lengths_apart() -> None:
    layout = Layout("test", 8, (32, 32), 15)
    for one, other in itertools.combinations(LADDER, 2):
        assert abs(np.mean(pilot_chips(layout, KEY, one) * pilot_chips(layout, KEY, other))) < 0.15


@pytest.mark.parametrize("scheme_id", PLANE_SCHEMES)
def test_a_crop_at_tiles_is_read_from_its_origin(scheme_id: str) -> None:
    """What is left of a cropped picture still says which bits it holds."""
    scheme = get_scheme(scheme_id)
    assert isinstance(scheme, PlaneScheme)
    layout = scheme.layout  # type: ignore[attr-defined]
    cover = photograph((900, 1100, 3))
    bits = np.random.default_rng(3).random(LADDER[0]) < 0.5
    residual = scheme.residual(luma_plane(cover), bits, key=KEY)(luma_energy(cover, 42.0))
    marked = apply_residual(cover, residual, 42.0)
    for cells in [(0, 0), layout.tile, (2 * layout.tile[0], layout.tile[1]), (5, 17), (0, 40)]:
        top, left = cells[0] * layout.cell, cells[1] * layout.cell
        plane = luma_plane(marked[top:, left : left + 700])
        best = scheme.read(plane, key=KEY, origin=cells)[0]
        assert best.length == bits.size
        assert best.score > 8
        assert np.mean((best.sums > 0) == bits) > 0.99
        if cells != (0, 0):
            assert scheme.read(plane, key=KEY)[0].score < 5


@pytest.mark.parametrize("scheme_id", PLANE_SCHEMES)
def test_the_residual_has_the_energy_asked_for(scheme_id: str) -> None:
    scheme = get_scheme(scheme_id)
    assert isinstance(scheme, PlaneScheme)
    plane = luma_plane(photograph((512, 768)))
    bits = np.ones(LADDER[0], np.bool_)
    for energy in (1.0, 4.0, 16.0):
        change = scheme.residual(plane, bits, key=KEY)(energy)
        assert change.shape == plane.shape
        assert change.dtype == np.float32
        assert 0.5 < float(np.mean(np.square(change))) / energy < 2


@pytest.mark.parametrize("scheme_id", PLANE_SCHEMES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (7, 2)])
def test_a_plane_without_a_cell_says_nothing(scheme_id: str, shape: tuple[int, int]) -> None:
    scheme = get_scheme(scheme_id)
    assert isinstance(scheme, PlaneScheme)
    assert scheme.read(np.zeros(shape, np.float32), key=KEY) == []
