"""Classifiers: shapes, channels, seeds, and what they refuse."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from watermarking.errors import WatermarkError  # noqa: E402
from watermarking.ownership.classifiers.tasks.networks import CLASSIFIERS, build_classifier  # noqa: E402


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 28, 28), (1, 9, 14)])
def test_pictures_become_logits(name: str, shape: tuple[int, ...]) -> None:
    model = build_classifier(name, 7, shape).eval()
    x = torch.rand(5, *shape)
    assert model(x).shape == (5, 7)
    assert torch.allclose(model.head(model.features(x)), model(x))


def test_features_go_to_the_perceptron() -> None:
    model = build_classifier("mlp", 3, (12,))
    x = torch.randn(4, 12)
    assert model(x).shape == (4, 3)
    assert not torch.allclose(model(x), model(2 * x))


def test_logits_are_exact_under_autocast() -> None:
    model = build_classifier("c2", 4, (1, 12, 12))
    with torch.autocast("cpu", torch.bfloat16):
        found = model(torch.rand(2, 1, 12, 12))
    assert found.dtype == torch.float32
    assert not torch.equal(found, found.bfloat16().float())


def test_the_seed_decides_and_the_callers_does_not() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two, other = (build_classifier("c2", 4, (1, 12, 12), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vgg", 10, (1, 28, 28)), "there is no network 'vgg'"),
        (("c2", 1, (1, 28, 28)), "1 classes are nothing to choose from"),
        (("c2", 10, (2, 28, 28)), "1 or 3 channels"),
        (("c2", 10, (1, 7, 28)), "sides of 8 or more"),
        (("c2", 10, (30,)), "takes no inputs of shape"),
        (("mlp", 10, (3, 4)), "takes no inputs of shape"),
    ],
)
def test_bad_requests(arguments: tuple[str, int, tuple[int, ...]], said: str) -> None:
    with pytest.raises(WatermarkError, match=said):
        build_classifier(*arguments)
