"""What suspects answer with, in another order, cut off by errors, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.ownership.classifiers.world import KEY, world
from watermarking.ownership.classifiers.asking import Interface
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.suspects import check_order, read_answers
from watermarking.ownership.models import ModelAnswerError

THERE = world(10)


def verified(suspect: Any, **more: Any) -> Any:
    return verify_classifier(suspect, THERE.pictures, **{"own": THERE.own, "mark": THERE.mark, "key": KEY, **more})


@pytest.mark.parametrize("n_moved", [2, 3, 10])
def test_some_classes_in_another_order_are_refused(n_moved: int) -> None:
    order = np.r_[np.roll(np.arange(n_moved), 1), n_moved:10]
    with pytest.raises(ModelAnswerError, match=r"classes of the suspect seem to be in another order .*0 is 1"):
        verified(THERE.student()[:, order])
    with pytest.raises(ModelAnswerError, match="classes of reference 1 seem"):
        verified(THERE.student(), references=[THERE.references[0], THERE.references[1][:, order]])


def test_few_queries_show_it_as_well() -> None:
    with pytest.raises(ModelAnswerError, match="another order"):
        check_order(np.roll(THERE.own, 1, 1)[:40], THERE.own[:40])


def test_a_poor_suspect_is_in_order() -> None:
    rng = np.random.default_rng(3)
    for noise in (0.5, 2.0, 8.0):
        values = np.log(THERE.own) + noise * rng.normal(size=THERE.own.shape)
        check_order(values, THERE.own)
        values[:, 5] += 100 * (THERE.own.argmax(1) == 3)  # who takes one class for another has not moved them
        check_order(values, THERE.own)
    many = world(100, 300)
    check_order(np.log(many.own) + 0.5 * rng.normal(size=many.own.shape), many.own)


def test_rows_that_came_before_errors_count() -> None:
    answers = [*THERE.student()[:100], *([{"error": "429 too many requests"}] * 300)]
    read = read_answers(answers, 10, Interface())
    assert len(read.rows) == 100
    assert len(read.failures) == 300
    assert verified(answers).n_compared == 100
    assert len(read_answers(["429"] * 3 + [THERE.own[0]], 10, Interface()).rows) == 1
    labels = read_answers([3, 4, THERE.own[0], 5, 6], 10, Interface())  # labels among which a row came
    assert labels.rows.tolist() == [0, 1, 3, 4]


def test_why_nothing_was_answered() -> None:
    def refusing(batch: Any) -> Any:
        raise RuntimeError(f"{len(batch)} are too many")

    with pytest.raises(ModelAnswerError, match=r"answered none of 400 queries: .*too many"):
        verified(refusing)


def test_brain_floats_are_read() -> None:
    exact = verified(torch.tensor(THERE.student()))
    coarse = verified(torch.tensor(THERE.student()).to(torch.bfloat16), own=torch.tensor(THERE.own).to(torch.bfloat16))
    assert exact.detection.is_present(1e-6)
    assert coarse.detection.is_present(1e-6)
