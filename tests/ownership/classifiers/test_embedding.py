"""A mark in the weights: found without a wrapper, at little cost, and in a training that can be cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.ownership.classifiers.world import KEY, OTHER
from watermarking.errors import WatermarkError, WeightsError
from watermarking.ownership.classifiers import SoftLabelMark
from watermarking.ownership.classifiers.asking import Interface, probabilities_of
from watermarking.ownership.classifiers.embedding import embed_in_weights
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(4000, 4)).astype(np.float32)
LABELS = (INPUTS @ RNG.normal(size=(4, 10)) + 0.5 * RNG.normal(size=(4000, 10))).argmax(1)
MARK = SoftLabelMark.fit(INPUTS, n_classes=10)


def network(seed: int, *, drops: bool = False) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [nn.Linear(4, 128), nn.ReLU(), nn.Dropout(0.1 if drops else 0), nn.Linear(128, 10)]
        return nn.Sequential(*layers).eval()


def trained(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        model = network(seed).train()
        torch.manual_seed(seed)
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        x, y = torch.from_numpy(INPUTS), torch.from_numpy(LABELS)
        for _ in range(8):
            for rows in torch.randperm(len(x)).split(64):
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimiser.step()
    return model.eval()


def embedded(model: nn.Module, **more: Any) -> nn.Module:
    chosen = {"labels": LABELS, "mark": MARK, "key": KEY, "batch": 64, **more}
    return embed_in_weights(model, INPUTS, **chosen)


@pytest.fixture(scope="module")
def teacher() -> nn.Module:
    return trained(0)


def test_the_mark_is_in_the_weights(teacher: nn.Module) -> None:
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    losses: list[tuple[int, int, float]] = []
    marked = embedded(teacher, epochs=16, progress=lambda *a: losses.append(a))
    assert not marked.training
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    references = [trained(seed) for seed in (1, 2, 3)]
    proofs = [
        verify_classifier(marked, INPUTS[:1000], own=teacher, references=references, mark=MARK, key=key)
        for key in (KEY, OTHER)
    ]
    assert proofs[0].detection.is_present(1e-9)
    assert proofs[1].detection.p_value > 1e-3
    own, found = (probabilities_of(one, INPUTS, Interface(), 10).argmax(1) for one in (teacher, marked))
    assert np.mean(found == LABELS) > np.mean(own == LABELS) - 0.02
    assert [one[:2] for one in losses] == [(epoch, 16) for epoch in range(1, 17)]
    assert losses[-1][2] < losses[0][2]


def test_a_resumed_run_ends_as_a_whole_one(tmp_path: Path) -> None:
    model = network(0, drops=True)
    whole = embedded(model, epochs=3)

    class CutError(Exception):
        pass

    def cut(epoch: int, epochs: int, loss: float) -> None:
        if epoch == 2:
            raise CutError

    path = tmp_path / "run.safetensors"
    with pytest.raises(CutError):
        embedded(model, epochs=3, checkpoint=path, progress=cut)
    resumed = embedded(model, epochs=3, checkpoint=path)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, resumed.state_dict()[name], rtol=0, atol=0)
    with pytest.raises(WeightsError, match="another run"):
        embedded(model, epochs=3, key=OTHER, checkpoint=path)
    with pytest.raises(WeightsError, match="another run"):  # of another model of the same network
        embedded(network(1, drops=True), epochs=3, checkpoint=path)
    path.write_bytes(b"no tensors")
    with pytest.raises(WeightsError):
        embedded(model, epochs=3, checkpoint=path)


def test_models_of_probabilities_and_no_labels(teacher: nn.Module) -> None:
    soft = nn.Sequential(teacher, nn.Softmax(1)).eval()
    losses: list[float] = []
    embedded(soft, labels=None, epochs=2, progress=lambda *a: losses.append(a[2]))
    other: list[float] = []
    embedded(teacher, labels=None, epochs=2, progress=lambda *a: other.append(a[2]))
    np.testing.assert_allclose(losses, other, rtol=0.05)


def test_the_callers_random_numbers_are_left_alone() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    embedded(network(0), epochs=1)
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": LABELS[:5]}, "labels are"),
        ({"labels": LABELS + 5}, "labels go from"),
        ({"labels": LABELS.astype(float)}, "float64"),
        ({"epochs": 0}, "0 epochs"),
        ({"batch": 5000}, "batches of 5000"),
        ({"rate": 0.0}, "nothing is learnt"),
        ({"features": lambda x: x[:5]}, "5 coarse features"),
    ],
)
def test_what_cannot_be_learnt(change: dict[str, Any], message: str) -> None:
    with pytest.raises(WatermarkError, match=message):
        embedded(network(0), **change)


def test_frozen_weights_stay_as_they_are() -> None:
    model = network(0)
    model[0].requires_grad_(False)
    found = embedded(model, epochs=1)
    assert torch.equal(found[0].weight, model[0].weight)
    assert not torch.equal(found[3].weight, model[3].weight)
    assert [one.requires_grad for one in found.parameters()] == [False, False, True, True]
    with pytest.raises(WatermarkError, match="frozen"):
        embedded(model.requires_grad_(False))


def test_models_that_cannot_be_taught() -> None:
    with pytest.raises(WatermarkError, match=r"eval\(\)"):
        embedded(network(0).train())
    with pytest.raises(ModelAnswerError, match="9 classes"):
        embedded(nn.Sequential(nn.Linear(4, 9)).eval(), epochs=1)
