"""What is served: any kind of model, in its own form, with the mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.ownership.classifiers.world import KEY, OTHER, softmax, world
from watermarking.errors import FileFormatError, UnsupportedImageError, WatermarkError
from watermarking.ownership.classifiers import SoftLabelMark
from watermarking.ownership.classifiers.asking import Interface
from watermarking.ownership.classifiers.clients import client_key
from watermarking.ownership.classifiers.protect import ProtectedClassifier
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from pathlib import Path

LOGITS = Interface(output="logits")


def network(*, probabilities: bool = False) -> nn.Module:
    layer = nn.Linear(144, 10, bias=False)
    layer.weight.data = torch.from_numpy(world(10).weights.T * 0.4).float()
    return nn.Sequential(nn.Flatten(), layer, *([nn.Softmax(1)] if probabilities else [])).eval()


def batch(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.from_numpy(world(10).pictures[:64, np.newaxis]).to(dtype)


def test_tensors_come_back_as_tensors_in_both_forms() -> None:
    there = world(10)
    wanted = there.mark.answer(there.own, there.pictures, key=KEY)[:64]
    for probabilities in (False, True):
        model = network(probabilities=probabilities)
        protected = ProtectedClassifier(model, there.mark, key=KEY)
        found = protected(batch())
        assert isinstance(found, torch.Tensor)
        assert found.dtype == torch.float32
        assert not found.requires_grad
        assert protected.output == ("probabilities" if probabilities else "logits")
        as_probabilities = found if probabilities else torch.softmax(found, 1)
        np.testing.assert_allclose(as_probabilities.numpy(), wanted, atol=2e-5)
        own = protected.unmarked(batch())
        assert torch.equal(own.argmax(1), found.argmax(1))
        if not probabilities:  # the scale of logits is kept, too
            torch.testing.assert_close(found.logsumexp(1), own.logsumexp(1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_keeps_its_first_classes(dtype: torch.dtype) -> None:
    model = network().to(dtype)
    found = ProtectedClassifier(model, world(10).mark, key=KEY)(batch(dtype))
    assert found.dtype == dtype
    own = model(batch(dtype))
    assert torch.equal(found.argmax(1), own.argmax(1))
    assert not torch.equal(found, own)


def test_functions_and_arrays_of_any_layout() -> None:
    there = world(10)
    wanted = there.mark.answer(there.own, there.pictures, key=KEY)
    function = ProtectedClassifier(lambda x: there.model(0, 0.0, x), there.mark, key=KEY)
    np.testing.assert_allclose(function(there.pictures), wanted, atol=1e-9)
    module = ProtectedClassifier(network(), there.mark, key=KEY)
    for inputs in (there.pictures, there.pictures[:, np.newaxis], there.pictures[..., np.newaxis]):
        found = module(inputs)
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(softmax(found.astype(np.float64)), wanted, atol=2e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own exporter
def test_an_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        network(), (batch()[:1],), str(path), input_names=["x"], output_names=["y"], dynamo=False,
        dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
    )  # fmt: skip
    there = world(10)
    found = ProtectedClassifier(path, there.mark, key=KEY)(there.pictures)
    np.testing.assert_allclose(found, ProtectedClassifier(network(), there.mark, key=KEY)(there.pictures), atol=1e-4)
    with pytest.raises(FileFormatError):
        ProtectedClassifier(tmp_path / "none.onnx", there.mark, key=KEY)


def test_texts_through_features_of_the_owner() -> None:
    """Inputs may be anything that a function makes vectors of."""
    texts = [f"{i % 7} words {i % 11}" for i in range(200)]

    def embed(some: list[str]) -> np.ndarray:
        return np.array([[len(one), ord(one[0]), ord(one[-1])] for one in some], np.float32)

    def model(some: list[str]) -> np.ndarray:
        return softmax(embed(some).astype(np.float64) @ np.array([[0.1, 0, 0.2], [0.05, 0, -0.1], [0, 0.1, 0]]))

    mark = SoftLabelMark.fit(embed(texts), n_classes=3)
    found = ProtectedClassifier(model, mark, key=KEY, features=embed)(texts)
    np.testing.assert_array_equal(found, mark.answer(model(texts), embed(texts), key=KEY))
    with pytest.raises(UnsupportedImageError, match="embeddings"):
        ProtectedClassifier(model, mark, key=KEY)(texts)


def test_each_client_has_its_own_mark() -> None:
    there = world(10)
    ada, bob = (ProtectedClassifier(network(), there.mark, key=KEY, client=one)(batch()) for one in ("Ada", "Bob"))
    assert not torch.equal(ada, bob)
    assert torch.equal(ada, ProtectedClassifier(network(), there.mark, key=client_key(KEY, "Ada"))(batch()))
    assert not torch.equal(ada, ProtectedClassifier(network(), there.mark, key=OTHER, client="Ada")(batch()))


def test_a_chosen_output() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"features": x.flatten(1), "logits": network()(x)}

    there = world(10)
    found = ProtectedClassifier(Two().eval(), there.mark, key=KEY, interface=Interface(which="logits"))(batch())
    torch.testing.assert_close(found, ProtectedClassifier(network(), there.mark, key=KEY)(batch()))
    with pytest.raises(ModelAnswerError, match="features, logits"):
        ProtectedClassifier(Two().eval(), there.mark, key=KEY)(batch())


def test_models_in_training_are_refused_whenever_they_are() -> None:
    with pytest.raises(WatermarkError, match=r"eval\(\)"):
        ProtectedClassifier(network().train(), world(10).mark, key=KEY)
    model = network()
    protected = ProtectedClassifier(model, world(10).mark, key=KEY)
    model.train()
    for inputs in (batch(), world(10).pictures):
        with pytest.raises(WatermarkError, match=r"eval\(\)"):
            protected(inputs)


@pytest.mark.parametrize(
    ("model", "interface", "message"),
    [
        (lambda x: np.full((len(x), 10), 0.5), Interface(), "logits or scores"),
        (lambda x: np.full((len(x), 10), 0.5), Interface(output="probabilities"), "sums to 5"),
        (lambda x: -np.ones((len(x), 10)), Interface(output="probabilities"), "logits"),
        (lambda x: np.full((len(x), 10), np.nan), Interface(), "NaN"),
        (lambda x: np.full((len(x), 10), np.inf), LOGITS, "NaN or infinity"),
        (lambda x: np.ones((len(x), 9)), LOGITS, r"\(64, 9\)"),
        (lambda x: np.ones(len(x)), LOGITS, r"\(64,\)"),
        (lambda x: ["a cat"] * len(x), LOGITS, "floating point"),
    ],
)
def test_answers_that_cannot_be_marked(model: Any, interface: Interface, message: str) -> None:
    protected = ProtectedClassifier(model, world(10).mark, key=KEY, interface=interface)
    with pytest.raises(ModelAnswerError, match=message):
        protected(world(10).pictures[:64])


def test_batches_and_inputs_that_do_not_fit() -> None:
    protected = ProtectedClassifier(network(), world(10).mark, key=KEY)
    with pytest.raises(WatermarkError, match="no input"):
        protected(batch()[:0])
    with pytest.raises(WatermarkError, match="no classifier"):
        ProtectedClassifier(3, world(10).mark, key=KEY)
    three = ProtectedClassifier(lambda x: world(10).own[:4], world(10).mark, key=KEY)
    with pytest.raises(UnsupportedImageError, match="1 channels"):
        three(torch.zeros(4, 3, 12, 12))
    with pytest.raises(UnsupportedImageError, match="NaN"):
        three(torch.full((4, 1, 12, 12), torch.nan))
    with pytest.raises(WatermarkError, match="4 answers to 5 inputs"):
        three(torch.zeros(5, 1, 12, 12))


def test_large_pictures_in_tensors_and_arrays_are_marked_alike() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (40, 30, 45, 3), np.uint8)
    mark = SoftLabelMark.fit(pictures, n_classes=10)
    answers = world(10).own[:40]
    protected = ProtectedClassifier(lambda x: answers, mark, key=KEY)
    wanted = mark.answer(answers, pictures, key=KEY)
    for some in (torch.from_numpy(pictures), torch.from_numpy(pictures).movedim(3, 1)):
        np.testing.assert_allclose(protected(some), wanted, atol=1e-5)
        np.testing.assert_allclose(protected(some.float() / 255), wanted, atol=1e-4)
