"""Training of one classifier and of many: they learn, they do not disturb each other, they go on where they stopped."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from watermarking.errors import WatermarkError, WeightsError  # noqa: E402
from watermarking.ownership.classifiers.tasks.batches import Draws, moved  # noqa: E402
from watermarking.ownership.classifiers.tasks.course import Course, Lesson  # noqa: E402
from watermarking.ownership.classifiers.tasks.engine import Engine  # noqa: E402
from watermarking.ownership.classifiers.tasks.networks import CLASSIFIERS, build_classifier  # noqa: E402
from watermarking.ownership.classifiers.tasks.stack import Stack  # noqa: E402
from watermarking.ownership.classifiers.tasks.training import (  # noqa: E402
    accuracy,
    log_answers,
    train,
    train_stack,
)
from watermarking.ownership.classifiers.tasks.trials import candidates, fastest  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

SHAPE, CLASSES = (1, 8, 8), 3
LABELS = Course(epochs=4, batch=16, true=1.0, rate=5e-3)


def patterns(n: int = 96, seed: int = 0) -> tuple[Any, Any]:
    rng = torch.Generator().manual_seed(seed)
    centres = torch.randint(30, 226, (CLASSES, *SHAPE), generator=torch.Generator().manual_seed(99)).float()
    labels = torch.randint(0, CLASSES, (n,), generator=rng)
    noisy = centres[labels] + 30 * torch.randn((n, *SHAPE), generator=rng)
    return noisy.clamp(0, 255).to(torch.uint8), labels


def stack(name: str = "c2", k: int = 3) -> Stack:
    return Stack.of([build_classifier(name, CLASSES, SHAPE, seed=i) for i in range(k)])


def lesson(n: int = 96, **more: Any) -> Lesson:
    inputs, labels = patterns(n)
    return Lesson(inputs[None], labels=labels[None], **more)


def apart(one: Stack, two: Stack, i: int = 0, j: int = 0) -> float:
    """Mean over weights: where a gradient is next to nothing, Adam makes a whole step of how it was rounded."""
    return float(
        torch.cat([(one.parameters[n][i] - two.parameters[n][j]).abs().flatten() for n in one.parameters]).mean()
    )


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_learn(name: str) -> None:
    found = train_stack(stack(name), lesson(), LABELS, seeds=[5, 6, 7])
    inputs, labels = patterns(60, seed=1)
    assert min(accuracy(log_answers(found, inputs), labels)) > 0.8


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("stacked", [False, True])
def test_many_learn_what_each_would_learn_alone(name: str, stacked: bool) -> None:
    engine = Engine(stacked=stacked)
    course = dataclasses.replace(LABELS, flips=True, shift=1, epochs=2)
    together = train_stack(stack(name), lesson(), course, seeds=[5, 6, 7], engine=engine)
    for i in range(3):
        alone = train_stack(stack(name).take([i]), lesson(), course, seeds=[5 + i])
        assert apart(together, alone, i) < 2e-4
        assert apart(stack(name), alone, i) > 5e-3
        for buffer in (n for n in together.buffers if "running" in n):
            assert torch.allclose(together.buffers[buffer][i], alone.buffers[buffer][0], atol=3e-2)


def test_one_module_is_a_stack_of_one() -> None:
    module = build_classifier("mlp", CLASSES, SHAPE, seed=1)
    before = module.head.weight.clone()
    found = train(module, lesson(), LABELS, seed=6)
    assert torch.equal(module.head.weight, before)
    assert not found.training
    expected = train_stack(stack("mlp").take([1]), lesson(), LABELS, seeds=[6]).module(0)
    assert torch.equal(found.head.weight, expected.head.weight)


def test_each_has_its_own_teacher() -> None:
    inputs, labels = patterns()
    answers = torch.full((2, 96, CLASSES), 0.05)
    answers[0].scatter_(1, labels[:, None], 0.9)
    answers[1].scatter_(1, (labels[:, None] + 1) % CLASSES, 0.9)
    course = dataclasses.replace(LABELS, true=0.0, temperature=2.0, epochs=6)
    found = train_stack(
        stack(), Lesson(inputs[None], answers.log()), course, seeds=[1, 2, 3], answer_sets=[0, 1, 0]
    )  # fmt: skip
    shares = accuracy(log_answers(found, inputs), labels)
    assert min(shares[0], shares[2]) > 0.8
    assert shares[1] < 0.2


def test_each_has_its_own_inputs() -> None:
    inputs, labels = patterns()
    both = Lesson(torch.stack([inputs, 255 - inputs]), labels=torch.stack([labels, labels]))
    found = train_stack(stack(k=2), both, dataclasses.replace(LABELS, epochs=8), seeds=[1, 2])
    as_they_are, negative = (accuracy(log_answers(found, one), labels) for one in (inputs, 255 - inputs))
    assert as_they_are[0] > 0.8 > as_they_are[1]
    assert negative[1] > 0.8 > negative[0]


def test_the_last_layer_alone() -> None:
    start = stack("residual")
    found = train_stack(start, lesson(), dataclasses.replace(LABELS, layers="last"), seeds=[1, 2, 3])
    for name in start.parameters:
        assert torch.equal(start.parameters[name], found.parameters[name]) != name.startswith("head.")
    assert all(torch.equal(start.buffers[name], found.buffers[name]) for name in start.buffers)


def test_masks_and_penalties() -> None:
    start = stack()
    mask = torch.ones_like(start.parameters["head.weight"])
    mask[1, :, :20] = 0
    found = train_stack(start, lesson(), LABELS, seeds=[1, 2, 3], masks={"head.weight": mask})
    weight = found.parameters["head.weight"]
    assert (weight[1, :, :20] == 0).all()
    assert (weight[0] != 0).all()
    small = train_stack(
        start, lesson(), LABELS, seeds=[1, 2, 3], penalty=lambda p: 10 * p["head.weight"].flatten(1).norm(dim=1)
    )
    assert (small.parameters["head.weight"].flatten(1).norm(dim=1) < 0.5 * weight.flatten(1).norm(dim=1)).all()


def test_opposed_inputs_make_robust() -> None:
    inputs, labels = patterns()
    course = dataclasses.replace(LABELS, epochs=10)
    plain, hardened = (
        train_stack(stack(k=1), lesson(), dataclasses.replace(course, adversarial=size), seeds=[1]).module(0)
        for size in (0.0, 0.1)
    )
    losses = []
    for module in (plain, hardened):
        x = (inputs.float() / 255).requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(module(x), labels)
        (gradient,) = torch.autograd.grad(loss, x)
        losses.append(float(torch.nn.functional.cross_entropy(module(x + 0.1 * gradient.sign()), labels).detach()))
    assert losses[1] < 0.7 * losses[0]


def test_pictures_are_mirrored_and_moved() -> None:
    picture = torch.arange(12.0).view(1, 1, 1, 3, 4)
    mirrored = moved(picture, torch.tensor([[True]]), None)
    assert torch.equal(mirrored, picture.flip(-1))
    down = moved(picture, None, torch.tensor([1, 0]).view(2, 1, 1))
    assert torch.equal(down[0, 0, 0], picture[0, 0, 0][[0, 0, 1]])
    assert moved(picture, None, None) is picture
    draws = Draws([3, 3, 4], 50, 40, 2, torch.device("cpu"))
    draws.draw(0)
    assert torch.equal(draws.order[0], draws.order[1])
    assert not torch.equal(draws.order[0], draws.order[2])
    assert len(set(draws.order[2].tolist())) == 40
    assert set(draws.moves.flatten().tolist()) == {-2, -1, 0, 1, 2}


def test_features_are_learnt() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn((80, 6), generator=rng)
    labels = (x[:, 0] > 0).long()
    found = train(build_classifier("mlp", 2, (6,)), Lesson(x[None], labels=labels[None]), LABELS)
    assert (found(x).argmax(1) == labels).double().mean() > 0.85


class StoppedError(Exception):
    pass


def test_training_goes_on(tmp_path: Path) -> None:
    whole = train_stack(stack("residual"), lesson(), LABELS, seeds=[1, 2, 3])
    path = tmp_path / "kept.safetensors"

    def stop(epoch: int, loss: float) -> None:
        if epoch == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        train_stack(stack("residual"), lesson(), LABELS, seeds=[1, 2, 3], checkpoint=path, progress=stop)
    epochs: list[int] = []
    found = train_stack(
        stack("residual"), lesson(), LABELS, seeds=[1, 2, 3], checkpoint=path, progress=lambda n, _: epochs.append(n)
    )
    assert epochs == [3, 4]
    assert apart(whole, found, 2, 2) < 1e-5
    again = train_stack(stack("residual"), lesson(), LABELS, seeds=[1, 2, 3], checkpoint=path)
    assert apart(again, found) == 0


def test_checkpoints_of_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    train_stack(stack(), lesson(), LABELS, seeds=[1, 2, 3], checkpoint=path)
    for changed, course, seeds in (
        (lesson(95), LABELS, [1, 2, 3]), (lesson(), dataclasses.replace(LABELS, rate=1e-3), [1, 2, 3]),
        (lesson(), LABELS, [1, 2, 4]),
    ):  # fmt: skip
        with pytest.raises(WeightsError, match="another run"):
            train_stack(stack(), changed, course, seeds=seeds, checkpoint=path)
    other = stack().take([1, 2, 0])  # the same lesson, course and seeds, but other networks to begin with
    for start in (other, stack("mlp")):
        with pytest.raises(WeightsError, match="another run, by its start"):
            train_stack(start, lesson(), LABELS, seeds=[1, 2, 3], checkpoint=path)
    path.write_bytes(b"none")
    with pytest.raises(WeightsError, match="no complete safetensors"):
        train_stack(stack(), lesson(), LABELS, seeds=[1, 2, 3], checkpoint=path)


def test_engines_are_tried() -> None:
    engines = [Engine(), Engine(stacked=True)]
    chosen, trials = fastest(stack(), lesson(), LABELS, seeds=[1, 2, 3], engines=engines)
    assert chosen in engines
    assert [trial.said for trial in trials] == ["", ""]
    assert all(0 < trial.seconds < 10 and len(trial.losses) == 3 for trial in trials)
    assert candidates(Engine()) == [Engine()]
    with pytest.raises(WatermarkError, match="no engine"):
        fastest(stack(), lesson(), LABELS, seeds=[1, 2, 3], engines=[])


def test_bad_requests() -> None:
    inputs, labels = patterns()
    with pytest.raises(WatermarkError, match="as many seeds"):
        train_stack(stack(), lesson(), LABELS, seeds=[1, 2])
    with pytest.raises(WatermarkError, match="labels a weight of 1"):
        train_stack(stack(), Lesson(inputs[None]), LABELS, seeds=[1, 2, 3])
    with pytest.raises(WatermarkError, match="do not go with"):
        train_stack(stack(), Lesson(inputs[None], labels=labels[None, :-1]), LABELS, seeds=[1, 2, 3])
    soft = dataclasses.replace(LABELS, true=0.0)
    with pytest.raises(WatermarkError, match="not all finite"):
        train_stack(stack(), Lesson(inputs[None], torch.zeros(1, 96, 3).log()), soft, seeds=[1, 2, 3])
    with pytest.raises(WatermarkError, match="2 sets of answers for 3"):
        train_stack(stack(), Lesson(inputs[None], torch.zeros(2, 96, 3)), soft, seeds=[1, 2, 3])
    with pytest.raises(WatermarkError, match="there are 2"):
        train_stack(stack(), Lesson(inputs[None], torch.zeros(2, 96, 3)), soft, seeds=[1, 2, 3], answer_sets=[0, 1, 2])
    with pytest.raises(WatermarkError, match="smaller rate"):
        train_stack(stack(), lesson(), dataclasses.replace(LABELS, rate=1.0, true=1.0), seeds=[1, 2, 3],
                    penalty=lambda p: p["head.weight"].flatten(1).sum(1) * torch.inf)  # fmt: skip
    with pytest.raises(WatermarkError, match="no layer 'head'"):
        train(torch.nn.Linear(4, 3), Lesson(torch.rand(1, 8, 4), labels=labels[None, :8]), LABELS)
    with pytest.raises(WatermarkError, match="one architecture"):
        Stack.of([build_classifier("c2", 3, SHAPE), build_classifier("mlp", 3, SHAPE)])
    with pytest.raises(WatermarkError, match="nothing to stack"):
        Stack.of([])
    for choice in ({"epochs": 0}, {"batch": 1}, {"rate": 0}, {"true": 1.5}, {"layers": "some"}, {"temperature": 0}):
        with pytest.raises(WatermarkError, match=r"give|train 'all'"):
            Course(**choice)
    with pytest.raises(WatermarkError, match="streams"):
        Engine(streams=0)
    with pytest.raises(WatermarkError, match="cannot use the device"):
        _ = Engine(device="nowhere").place
