"""Copies that answer with their customer's mark, and suspects of whom answers are all that is seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.ownership.fingerprints.world import KEY, begun, loaded
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.classifiers.tasks.training import train
from watermarking.ownership.fingerprints.attacks.changes import removed
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.served import COURSE, taught
from watermarking.ownership.fingerprints.trace import trace

if TYPE_CHECKING:
    from pathlib import Path

CENTRES = np.random.default_rng(9).integers(40, 216, (6, 8, 8))


def some(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, n)
    noisy = CENTRES[labels] + rng.normal(0, 70, (n, 8, 8))
    return torch.tensor(np.clip(noisy, 0, 255).astype(np.uint8)[:, None]), torch.tensor(labels)


def test_answers_tell_whose_copy_was_stolen(tmp_path: Path) -> None:
    inputs, labels = some(3000, 0)
    lesson = Lesson(inputs[None], labels=labels[None])
    start = build_classifier("mlp", 6, (1, 8, 8))
    own = train(start, lesson, Course(epochs=3, batch=64, true=1.0)).eval()
    mark = SoftLabelMark.fit(inputs.numpy(), n_classes=6, profile="strong", flips=False)
    # A net as small as this one has few weights to read, and learns long.
    issuer = begun(tmp_path / "net", own, WeightMark(length=304, colluders=3, strength=0.03), served=mark)
    for customer in ("ada", "bob"):
        copy = taught(own, mark, inputs, labels, key=issuer.served_key(customer),
                      course=dataclasses.replace(COURSE, epochs=30, batch=64, rate=3e-3))  # fmt: skip
        issuer.issue(customer, taught=copy, reshape=True)
    bobs = loaded(own, issuer.weights("bob", taught=copy))
    assert trace(tmp_path / "net" / issuer.manifest.copies[1].file, tmp_path / "net", KEY).named() == ["bob"]

    asked, _ = some(1000, 1)
    found = trace(bobs, tmp_path / "net", KEY, inputs=asked.numpy(), own=own)
    assert found.named() == ["bob"]
    assert found.levels is None
    more, theirs = some(3000, 2)
    (thief,) = removed([bobs], {"id": "distil", "n": 3000, "epochs": 20}, inputs=more, labels=theirs, network="mlp")
    assert next(iter(trace(thief, tmp_path / "net", KEY, inputs=asked.numpy(), own=own))) == "bob"
    assert trace(own, tmp_path / "net", KEY, inputs=asked.numpy(), own=own).named() == []
    with pytest.raises(WatermarkError, match="give it, or its answers, as own"):
        trace(thief, tmp_path / "net", KEY, inputs=asked.numpy())


def test_what_does_not_go_together(tmp_path: Path) -> None:
    own = build_classifier("mlp", 6, (1, 8, 8)).eval()
    inputs, labels = some(64, 0)
    mark = SoftLabelMark.fit(inputs.numpy(), n_classes=6)
    with pytest.raises(WatermarkError, match="as many of both"):
        taught(own, mark, inputs, labels[:-1], key=KEY)
    issuer = begun(tmp_path / "net", own, served=mark)
    with pytest.raises(WatermarkError, match="architecture"):
        issuer.issue("ada", taught=build_classifier("mlp", 5, (1, 8, 8)))


@pytest.mark.parametrize("removal", [{"id": "prune", "share": 0.5}, {"id": "quantise", "bits": 4},
                                     {"id": "tune", "n": 200, "epochs": 1}])  # fmt: skip
def test_removals_change_modules(removal: dict[str, object]) -> None:
    own = build_classifier("mlp", 6, (1, 8, 8)).eval()
    inputs, labels = some(200, 0)
    (found,) = removed([own], removal, inputs=inputs, labels=labels)
    changed = [not torch.equal(a, b) for a, b in zip(own.parameters(), found.parameters(), strict=True)]
    assert any(changed)
