"""Asking classifiers that fail: what came is kept, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.ownership.classifiers.world import KEY, world
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.answers import as_rows, kind_of, one_by_one
from watermarking.ownership.classifiers.asking import Interface, ask, probabilities_of
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from pathlib import Path


class Remote:
    """A classifier behind an interface that fails as it is told."""

    def __init__(self, fails: Any) -> None:
        self.calls, self.asked, self.fails = 0, 0, fails

    def __call__(self, some: Any) -> Any:
        self.calls += 1
        if self.fails(self, some):
            raise ConnectionError("429: too many requests")
        self.asked += len(some)
        there = world(10)
        places = [int(np.flatnonzero((there.pictures == one).all((1, 2)))[0]) for one in some]
        return there.student()[places]


def test_a_rate_limit_leaves_what_came_before() -> None:
    there = world(10)
    remote = Remote(lambda self, some: self.asked + len(some) > 250)
    found = verify_classifier(
        remote, there.pictures, own=there.own, references=there.references, mark=there.mark, key=KEY,
        interface=Interface(batch=40),
    )  # fmt: skip
    assert found.n_compared == 250
    assert found.n_queries == 400
    assert len(found.failures) == 150
    assert "ConnectionError: 429" in found.failures[250]
    assert "not asked" in found.failures[399]
    assert remote.calls < 7 + 40 + 60  # one by one once, and no more after 50 failures in a row
    assert found.detection.is_present(1e-9)


def test_single_inputs_that_fail_do_not_take_their_batch_along() -> None:
    there = world(10)
    bad = there.pictures[[5, 77]]
    remote = Remote(lambda self, some: any((one == two).all() for one in some for two in bad))
    found = ask(remote, there.pictures, Interface(batch=32), tolerant=True)
    assert sorted(found.failures) == [5, 77]
    assert [number for number, one in enumerate(found.answers) if one is None] == [5, 77]


def test_all_failing_is_an_error_that_says_so() -> None:
    there = world(10)
    remote = Remote(lambda self, some: True)
    with pytest.raises(ModelAnswerError, match="answered none of 400 queries: ConnectionError: 429"):
        verify_classifier(remote, there.pictures, own=there.own, mark=there.mark, key=KEY)
    assert remote.calls <= 52


def test_the_owners_own_failures_come_through() -> None:
    with pytest.raises(ConnectionError):
        probabilities_of(Remote(lambda self, some: True), world(10).pictures, Interface(), 10)


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    ask(lambda x: world(10).own[: len(x)], world(10).pictures, Interface(batch=150), tell=lambda *a: told.append(a))
    assert told == [(150, 400), (300, 400), (400, 400)]


def test_labels_and_numbers_as_a_pair_of_arrays() -> None:
    labels, values = np.array([[3, 1], [2, 0]]), np.array([[0.7, 0.2], [0.6, 0.3]])
    found = ask(lambda x: (labels, values), world(10).pictures[:2], Interface())
    assert found.answers == [{3: 0.7, 1: 0.2}, {2: 0.6, 0: 0.3}]


def test_another_number_of_answers_is_a_failure() -> None:
    found = ask(lambda x: world(10).own[:3], world(10).pictures[:2], Interface(), tolerant=True)
    assert "3 answers to 1 inputs" in found.failures[0]


def test_forms_are_told_safely_or_not_at_all() -> None:
    own = world(10).own
    assert kind_of(own) == "probabilities"
    assert kind_of(np.log(own)) == "logits"
    assert kind_of(own * np.linspace(20, 30, len(own))[:, None]) == "logits"
    assert kind_of(own[:3] * 30) == "logits"  # so few sums may be alike by chance
    with pytest.raises(ModelAnswerError, match="output='logits'"):
        kind_of(own * 0.9)
    for many, some in ((2, 20), (100, 1)):
        with pytest.raises(ModelAnswerError, match=f"each sums to {many}"):
            kind_of(own[:some] * many)


def test_brain_floats_are_probabilities() -> None:
    own = torch.tensor(world(10).own).to(torch.bfloat16)
    assert probabilities_of(own, None, Interface(), 10) == pytest.approx(world(10).own, abs=4e-3)
    assert kind_of(as_rows(torch.log(own))) == "logits"


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"output": "votes"}, "votes"), ({"batch": 0}, "0 inputs"), ({"classes": ("a", "a")}, "one name")],
)
def test_interfaces_that_make_no_sense(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(WatermarkError, match=message):
        Interface(**fields)


def test_the_best_few_as_a_pair_in_either_order() -> None:
    answers = world(10).own[:4]
    values, labels = torch.from_numpy(answers).topk(3)
    wanted = [{int(a): float(b) for a, b in zip(*both, strict=True)} for both in zip(labels, values, strict=True)]
    for pair in ((labels, values), (values, labels), (labels.numpy(), values.tolist())):
        assert one_by_one(pair, 4) == wanted
    assert one_by_one((labels[:, 0], values[:, 0]), 4) == [dict([next(iter(one.items()))]) for one in wanted]
    assert len(one_by_one(tuple(answers[:2]), 2)) == 2
    with pytest.raises(ModelAnswerError, match="2 answers to 1 inputs"):
        one_by_one((0.3, 0.7), 1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_modules_of_any_precision_take_arrays(dtype: torch.dtype) -> None:
    """They are asked in their own precision, whatever arrays come in."""
    layer = torch.nn.Linear(144, 10, bias=False)
    layer.weight.data = torch.from_numpy(world(10).weights.T * 0.4).float()
    model = torch.nn.Sequential(torch.nn.Flatten(), layer).to(dtype).eval()
    np.testing.assert_allclose(probabilities_of(model, world(10).pictures, Interface(), 10), world(10).own, atol=0.05)


def test_which_of_several_outputs() -> None:
    there = world(10)
    several = {"features": np.ones((400, 3)), "scores": there.own}
    named = probabilities_of(lambda x: several, there.pictures, Interface(which="scores", batch=400), 10)
    np.testing.assert_array_equal(named, there.own)
    numbered = probabilities_of(lambda x: list(several.values()), there.pictures, Interface(which=1, batch=400), 10)
    np.testing.assert_array_equal(numbered, there.own)
    with pytest.raises(ModelAnswerError, match=r"features, scores: say with Interface\(which"):
        ask(lambda x: several, there.pictures, Interface(which="logits", batch=400))


def test_answers_of_several_lengths() -> None:
    with pytest.raises(ModelAnswerError, match="several lengths"):
        probabilities_of([[0.5, 0.5], [1.0]], world(10).pictures[:2], Interface(), 10)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own exporter
def test_onnx_sessions_of_any_precision_and_odd_names(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    layer = torch.nn.Linear(144, 10, bias=False, dtype=torch.float64)
    layer.weight.data = torch.from_numpy(world(10).weights.T * 0.4)
    model = torch.nn.Sequential(torch.nn.Flatten(), layer).eval()
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        model, (torch.zeros(2, 1, 12, 12, dtype=torch.float64),), str(path), input_names=["in put/0"],
        output_names=["Identity:0"], dynamo=False, dynamic_axes={"in put/0": {0: "n"}, "Identity:0": {0: "n"}},
    )  # fmt: skip
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for how in (Interface(), Interface(which="Identity:0"), Interface(which=0)):
        np.testing.assert_allclose(probabilities_of(session, world(10).pictures, how, 10), world(10).own, atol=1e-5)
    with pytest.raises(ModelAnswerError, match=r"Identity:0: say with Interface\(which"):
        probabilities_of(session, world(10).pictures, Interface(which="y"), 10)
