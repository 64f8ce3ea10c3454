"""Channels that change places: what is computed stays, merged copies are worthless, and alignment undoes it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.ownership.fingerprints.world import KEY, SHAPES, loaded, network
from watermarking.errors import WatermarkError
from watermarking.ownership.fingerprints.align import aligned, likeness
from watermarking.ownership.fingerprints.carrier import carrying_layers
from watermarking.ownership.fingerprints.reshape import invariant_groups, reshaped
from watermarking.ownership.fingerprints.structure import Group, structure_of
from watermarking.ownership.fingerprints.weights import read_weights


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_is_computed_by_weights_in_another_order(name: str) -> None:
    module = network(name)
    groups = invariant_groups(module)
    assert all(group.scalable for group in groups)
    own = read_weights(module)
    other = reshaped(own, groups, key=KEY)
    given = torch.rand((8, *SHAPES[name]))
    with torch.no_grad():
        assert torch.allclose(module(given), loaded(module, other)(given), atol=1e-5)
    layers = carrying_layers(own)
    assert likeness(other, own, layers) < 0.3
    back, notes = aligned(other, own, groups, layers)
    assert likeness(back, own, layers) > 0.999
    assert "put back" in notes[0]


def test_residual_sums_join_what_they_add() -> None:
    widths = {group.parts[0].name: group.n for group in structure_of(network("residual"))}
    assert widths == {
        "trunk.0.weight": 32, "trunk.4.first.weight": 32, "trunk.5.first.weight": 64, "trunk.5.second.weight": 64,
        "trunk.6.first.weight": 128, "trunk.6.second.weight": 128,
    }  # fmt: skip


def test_groups_survive_json() -> None:
    groups = structure_of(network())
    assert [Group.from_config(group.config()) for group in groups] == groups
    with pytest.raises(WatermarkError, match="no group"):
        Group.from_config({"n": 3})


class _Bent(nn.Module):
    """A sigmoid between, and outputs that are used at once."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = nn.Linear(8, 16), nn.Linear(16, 12), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.two(torch.sigmoid(self.one(x))))
        found: Tensor = self.three(inner) + torch.softmax(inner, 1).cumsum(1)[:, :4]
        return found


def test_what_is_not_known_stays_in_place() -> None:
    torch.manual_seed(0)
    groups = invariant_groups(_Bent().eval(), (8,))
    assert [(group.n, group.scalable) for group in groups] == [(16, False)]


def test_networks_that_say_nothing_of_their_inputs() -> None:
    with pytest.raises(WatermarkError, match="give an example"):
        structure_of(nn.Sequential(nn.Linear(4, 4)).eval())
    with pytest.raises(WatermarkError, match="does not take"):
        structure_of(network(), (3, 5))
    with pytest.raises(WatermarkError, match="training mode"):
        structure_of(network().train())
    with pytest.raises(WatermarkError, match="no channels"):
        invariant_groups(nn.Sequential(nn.Linear(4, 4)).eval(), (4,))


def test_normalisation_merged_into_its_layer_is_a_factor() -> None:
    own = read_weights(network("residual"))
    layers = carrying_layers(own)
    folded = dict(own)
    factors = np.linspace(0.5, 3.0, 32)
    folded["trunk.0.weight"] = own["trunk.0.weight"] * factors[:, None, None, None]
    folded["trunk.4.first.weight"] = own["trunk.4.first.weight"] * factors[:, None, None, None]
    back, notes = aligned(folded, own, structure_of(network("residual")), layers)
    assert np.allclose(back["trunk.4.first.weight"], own["trunk.4.first.weight"], atol=1e-5)
    assert "2 of 10 layers" in notes[-1]
