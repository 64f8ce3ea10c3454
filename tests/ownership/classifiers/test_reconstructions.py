"""The reconstructions of USP and CSP: their perturbations, and a detector that knows its own marked model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.ownership.classifiers.world import KEY, OTHER, world
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.reconstructions import CspMark, UspMark
from watermarking.ownership.classifiers.reconstructions.perturbations import carriers
from watermarking.ownership.classifiers.reconstructions.training import train_reconstruction

MARKS = (UspMark(n_classes=10), CspMark(n_classes=10))
THERE = world(10, 1500)
LABELS = THERE.own.argmax(1)


def trained(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10))
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        x, y = torch.from_numpy(THERE.pictures[:, np.newaxis]), torch.from_numpy(LABELS)
        for _ in range(6):
            for rows in torch.randperm(len(x)).split(64):
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimiser.step()
    return model.eval()


@pytest.fixture(scope="module")
def clean() -> list[nn.Module]:
    return [trained(seed) for seed in range(1, 8)]


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.id)
def test_the_detector_knows_the_marked_model_and_no_clean_one(mark: Any, clean: list[nn.Module]) -> None:
    made = train_reconstruction(
        clean[0], THERE.pictures, LABELS, mark=mark, key=KEY, clean=clean[1:6], epochs=25, batch=64, rate=3e-3
    )
    own = made.watermark_accuracy(made.model, THERE.pictures)
    others = [made.watermark_accuracy(one, THERE.pictures) for one in clean]
    assert own > 0.8
    assert made.is_marked(own, others)
    assert not made.is_marked(others[6], others)  # a clean model that the detector never saw


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.id)
def test_targets_and_answers(mark: Any) -> None:
    targets = mark.targets(THERE.own, LABELS, key=KEY)
    assert (targets.argmax(1) == LABELS).all()
    np.testing.assert_allclose(targets.sum(1), 1)
    second, first = np.sort(targets, 1)[:, -2:].T
    assert (first - second >= 0.1).all()
    assert np.abs(targets - mark.targets(THERE.own, LABELS, key=OTHER)).max() > 0.01
    for dtype in (np.float32, np.float64):
        given = THERE.own.astype(dtype)
        found = mark.answer(given, key=KEY)
        assert found.dtype == dtype
        assert (found.argmax(1) == given.argmax(1)).all()
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


def test_signs_are_balanced_and_tell_owners_apart() -> None:
    mark = CspMark(n_classes=11)
    codes = mark.codes(KEY)
    assert (codes.sum(1) == 0).all()
    assert (np.diag(codes) == 0).all()
    mark = CspMark(n_classes=10)
    targets = mark.targets(THERE.own, LABELS, key=KEY)
    assert mark.agreement(targets, LABELS, key=KEY) == 0.001
    assert mark.agreement(targets, LABELS, key=OTHER) > 0.01


def test_carriers_keep_their_kind() -> None:
    bytes_ = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
    found = carriers(bytes_, KEY, 0.3)
    assert found.dtype == np.uint8
    assert 0 < np.abs(found.astype(int) - bytes_).mean() < 80
    np.testing.assert_array_equal(found, carriers(bytes_, KEY, 0.3))
    with pytest.raises(WatermarkError, match="made of numbers"):
        carriers(np.array(["a"]), KEY, 0.3)


def test_what_cannot_be_made(clean: list[nn.Module]) -> None:
    for wrong, message in (({"n_classes": 2}, "3 or more"), ({"n_classes": 5, "blend": 2.0}, "blend")):
        with pytest.raises(WatermarkError, match=message):
            UspMark(**wrong)
    with pytest.raises(WatermarkError, match="mass"):
        CspMark(n_classes=5, tau=0.9)
    with pytest.raises(WatermarkError, match="alpha"):
        CspMark(n_classes=5, alpha=9)
    with pytest.raises(WatermarkError, match="4 clean models"):
        train_reconstruction(clean[0], THERE.pictures, LABELS, mark=MARKS[0], key=KEY, clean=clean[:4])
    with pytest.raises(WatermarkError, match="nothing is learnt"):
        train_reconstruction(clean[0], THERE.pictures, LABELS[:5], mark=MARKS[0], key=KEY, clean=clean)
