"""Removals: every named one runs on a stack of stolen models, does what it says, and says what it lacks."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from watermarking.errors import WatermarkError  # noqa: E402
from watermarking.ownership.classifiers.removal.answers import Changes  # noqa: E402
from watermarking.ownership.classifiers.removal.distil import Distil  # noqa: E402
from watermarking.ownership.classifiers.removal.erase import Dehydrate, Reshape  # noqa: E402
from watermarking.ownership.classifiers.removal.loot import Loot, Suspects, Thieves, log_probabilities  # noqa: E402
from watermarking.ownership.classifiers.removal.overwrite import Overwrite  # noqa: E402
from watermarking.ownership.classifiers.removal.registry import (  # noqa: E402
    KINDS,
    REMOVALS,
    get_removal,
    removal_config,
)
from watermarking.ownership.classifiers.removal.serve import Ensemble, Serve, filtered  # noqa: E402
from watermarking.ownership.classifiers.removal.shrink import FinePrune, Prune, Quantise  # noqa: E402
from watermarking.ownership.classifiers.removal.transfer import Transfer  # noqa: E402
from watermarking.ownership.classifiers.removal.tune import Tune  # noqa: E402
from watermarking.ownership.classifiers.tasks.course import Course, Lesson  # noqa: E402
from watermarking.ownership.classifiers.tasks.stack import Stack  # noqa: E402
from watermarking.ownership.classifiers.tasks.training import accuracy, train_stack  # noqa: E402

SHAPE, CLASSES, N = (1, 8, 8), 3, 160
THIEVES = Thieves(network="mlp", seeds=(1, 2, 3, 4), teachers=(0, 0, 1, 1))


def patterns(seed: int, n: int = N) -> tuple[Any, Any]:
    rng = torch.Generator().manual_seed(seed)
    centres = torch.randint(30, 226, (CLASSES, *SHAPE), generator=torch.Generator().manual_seed(99)).float()
    labels = torch.randint(0, CLASSES, (n,), generator=rng)
    noisy = centres[labels] + 40 * torch.randn((n, *SHAPE), generator=rng)
    return noisy.clamp(0, 255).to(torch.uint8), labels


@functools.cache
def loot() -> Loot:
    """Two teachers: both know the classes, and each leans to a class of its own in what it leaves over."""
    inputs, labels = patterns(0)
    answers = torch.full((2, N, CLASSES), 0.02)
    for t in range(2):
        answers[t].scatter_(1, ((labels + 1 + t) % CLASSES)[:, None], 0.13)
        answers[t].scatter_(1, labels[:, None], 0.85)
    clean = train_stack(
        Thieves(network="mlp", seeds=(9,), teachers=(0,)).untrained(CLASSES, SHAPE),
        Lesson(inputs[None], labels=labels[None]), Course(epochs=6, batch=32, true=1.0), seeds=[9],
    )  # fmt: skip
    return Loot(
        queries=inputs, answers=log_probabilities(answers), labels=labels, clean=clean, other=patterns(7),
        outside=(255 - inputs, log_probabilities(torch.full((2, N, CLASSES), 1 / CLASSES))),
    )  # fmt: skip


@functools.cache
def stolen() -> Suspects:
    return Distil(n=N, epochs=30).apply(loot(), THIEVES)


def shares(suspects: Suspects) -> list[float]:
    inputs, labels = patterns(1)
    return accuracy(suspects.answer(inputs), labels)


def lean(suspects: Suspects) -> Any:
    """How much more each model leaves over for the class that the first teacher leans to, in log units."""
    inputs, labels = patterns(1)
    answers = suspects.answer(inputs)
    one, two = (answers[:, torch.arange(N), (labels + i) % CLASSES] for i in (1, 2))
    return (one - two).mean(1)


def test_thieves_learn_task_and_lean_of_their_teachers() -> None:
    assert min(shares(stolen())) > 0.8
    assert (lean(stolen())[:2] > 0.7).all()
    assert (lean(stolen())[2:] < -0.7).all()


@pytest.mark.parametrize("name", REMOVALS)
def test_named_removals_run(name: str) -> None:
    removal: Any = REMOVALS[name]
    fewer = {"n": 100} if hasattr(removal, "n") else {}
    fewer |= {"epochs": 1} if getattr(removal, "epochs", 0) or removal.id == "distil" else {}
    fewer |= {"inversion": 2, "recovered": 3} if removal.id == "dehydrate" else {}
    before = stolen()
    held = {n: w.clone() for n, w in before.stack.parameters.items()}
    suspects = dataclasses.replace(removal, **fewer).apply(loot(), THIEVES, None if removal.steals else before)
    answers = suspects.answer(patterns(1)[0])
    assert answers.shape == (4, N, CLASSES)
    assert torch.allclose(answers.exp().sum(-1), torch.ones(4, N), atol=1e-4)
    assert torch.isfinite(answers).all()
    assert all(torch.equal(before.stack.parameters[n], w) for n, w in held.items())
    assert get_removal(json.loads(json.dumps(removal_config(removal)))) == removal
    assert get_removal(name) is removal


def test_all_kinds_have_names() -> None:
    assert {removal.id for removal in REMOVALS.values()} == KINDS.keys()
    configs = [json.dumps(removal_config(removal), sort_keys=True) for removal in REMOVALS.values()]
    assert len(set(configs)) == len(configs)


def test_hard_labels_and_true_labels_lose_the_lean() -> None:
    soft = lean(stolen()).abs().mean()
    hard = Distil(n=N, epochs=30, hard=True).apply(loot(), THIEVES)
    true = Distil(n=N, epochs=30, true=1.0).apply(loot(), THIEVES)
    floors = Distil(n=N, epochs=30, floors=True).apply(loot(), THIEVES)
    clean = Distil(n=N, epochs=30, clean=0.9).apply(loot(), THIEVES)
    for one in (hard, true):
        assert lean(one)[:2].mean() - lean(one)[2:].mean() < 0.3 * soft
    assert lean(clean)[:2].mean() < 0.8 * lean(stolen())[:2].mean()
    assert min(shares(hard) + shares(true) + shares(floors)) > 0.7


def test_temperature_and_outside_queries_change_what_is_learnt() -> None:
    assert not torch.equal(lean(Distil(n=N, epochs=5, temperature=3.0).apply(loot(), THIEVES)),
                           lean(Distil(n=N, epochs=5).apply(loot(), THIEVES)))  # fmt: skip
    outside = Distil(n=N, epochs=30, queries="outside").apply(loot(), THIEVES)
    assert max(shares(outside)) < 0.7
    assert min(shares(Distil(n=N, epochs=60, queries="mixed").apply(loot(), THIEVES))) > 0.6


def test_tuning_goes_where_the_labels_are() -> None:
    tuned = Tune(n=N, epochs=20).apply(loot(), THIEVES, stolen())
    assert min(shares(tuned)) > 0.8
    last = Tune(layers="last", reset=True, n=N, epochs=30, rate=1e-2).apply(loot(), THIEVES, stolen())
    assert torch.equal(
        last.stack.parameters["trunk.1.weight"], stolen().stack.parameters["trunk.1.weight"]
    )  # fmt: skip
    assert not torch.allclose(last.stack.parameters["head.weight"], stolen().stack.parameters["head.weight"], atol=1e-2)
    assert min(shares(last)) > 0.7
    smooth = Tune(n=N, epochs=20, smoothing=0.3).apply(loot(), THIEVES, stolen())
    inputs, _ = patterns(1)
    assert smooth.answer(inputs).amax(-1).mean() < tuned.answer(inputs).amax(-1).mean()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_pruning_takes_the_smallest_of_each(share: float) -> None:
    before = stolen().stack.parameters
    names = [name for name in before if before[name].ndim > 2]
    for removal in (Prune(share=share), Prune(share=share, epochs=1, n=N)):
        found = removal.apply(loot(), THIEVES, stolen()).stack.parameters
        zeros = torch.cat([(found[name] == 0).flatten(1) for name in names], 1)
        assert (zeros.double().mean(1) - share).abs().max() < 1e-3
        sizes = torch.cat([before[name].abs().flatten(1) for name in names], 1)
        for i in range(4):
            assert share == 0 or sizes[i][zeros[i]].max() <= sizes[i][~zeros[i]].min()


def test_fine_pruning_cuts_idle_features_off() -> None:
    found = FinePrune(share=0.25, epochs=0, n=N).apply(loot(), THIEVES, stolen())
    cut = (found.stack.parameters["head.weight"] == 0).all(1)
    assert cut.sum(1).tolist() == [32] * 4
    assert min(shares(found)) > 0.7


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_quantised_weights_take_few_values(bits: int) -> None:
    found = Quantise(bits=bits).apply(loot(), THIEVES, stolen()).stack.parameters["trunk.1.weight"]
    before = stolen().stack.parameters["trunk.1.weight"]
    assert max(len(torch.unique(row)) for row in found.flatten(0, 1)) <= 2**bits - 1
    step = before.abs().amax(2, keepdim=True) / (2 ** (bits - 1) - 1)
    assert ((found - before).abs() <= step / 2 + 1e-6).all()


def test_overwriting_and_erasers_keep_the_task() -> None:
    for removal in (
        Overwrite(n=N, epochs=20, strength=0.2), Dehydrate(n=N, epochs=10, recovered=6, inversion=10),
        Reshape(n=N, epochs=20, adversarial=0.01), Transfer(epochs=10, n=N, rate=3e-3),
    ):  # fmt: skip
        found = removal.apply(loot(), THIEVES, stolen())
        assert min(shares(found)) > 0.7, removal
        assert not torch.allclose(found.answer(patterns(1)[0]), stolen().answer(patterns(1)[0]), atol=0.05)
    head, old = (
        one.stack.parameters["head.weight"].flatten(1)
        for one in (Reshape(n=N, epochs=20, apart=5.0).apply(loot(), THIEVES, stolen()), stolen())
    )
    assert (torch.cosine_similarity(head, old) < 0).all()


def test_services_change_inputs_or_answers() -> None:
    inputs = patterns(1)[0]
    plain = stolen().answer(inputs)
    served = Serve(changes=Changes(top=1)).apply(loot(), THIEVES, stolen()).answer(inputs)
    assert torch.equal(served.argmax(-1), plain.argmax(-1))
    assert torch.allclose(served.sort(-1).values[..., 0], served.sort(-1).values[..., 1])
    floors = Serve(floors=True).apply(loot(), THIEVES, stolen())
    assert floors.answer(inputs).amax(-1).mean() > plain.amax(-1).mean()
    for how in ("blur", "jpeg", "noise"):
        seen = filtered(inputs, how)
        assert seen.shape == inputs.shape
        assert seen.dtype == torch.uint8
        assert 0 < (seen.float() - inputs.float()).abs().mean() < 60
        found = Serve(filter=how).apply(loot(), THIEVES, stolen()).answer(inputs)
        assert torch.equal(found, stolen().answer(seen))
    assert filtered(inputs, "none") is inputs
    assert filtered(inputs.expand(-1, 3, -1, -1), "jpeg").shape == (N, 3, 8, 8)


def test_ensembles_average() -> None:
    inputs = patterns(1)[0]
    one = stolen().answer(inputs).exp()
    pairs = {"seed": (1, 0, 3, 2), "client": (2, 2, 0, 0)}
    for partner, beside in pairs.items():
        found = Ensemble(partner=partner).apply(loot(), THIEVES, stolen()).answer(inputs).exp()
        assert torch.allclose(found, (one + one[list(beside)]) / 2, atol=1e-5)
    clean = Ensemble(partner="clean").apply(loot(), THIEVES, stolen())
    assert lean(clean)[:2].mean() < lean(stolen())[:2].mean()
    with pytest.raises(WatermarkError, match="no weights of their own"):
        Quantise().apply(loot(), THIEVES, clean)


def test_what_is_missing_is_said() -> None:
    bare = dataclasses.replace(loot(), outside=None, clean=None, other=None)
    lonely = Thieves(network="mlp", seeds=(1,), teachers=(0,))
    alone = Suspects(stacks=(stolen().stack.take([0]),))
    for removal, thieves, before, said in (
        (Distil(n=N, queries="outside"), THIEVES, None, "there are 160 and 0"),
        (Distil(n=999), THIEVES, None, "999 own"),
        (Distil(n=N, clean=0.5), THIEVES, None, "needs a clean model"),
        (Tune(), THIEVES, None, "4 thieves have 0 stolen models"),
        (Tune(), THIEVES, alone, "4 thieves have 1"),
        (Tune(n=999), THIEVES, stolen(), "999 labelled inputs"),
        (Transfer(), THIEVES, stolen(), "no other task"),
        (Ensemble(partner="clean"), THIEVES, stolen(), "needs one"),
        (Ensemble(partner="seed"), lonely, alone, "finds nobody with the same teacher"),
        (Ensemble(partner="client"), lonely, alone, "finds nobody with another teacher"),
    ):  # fmt: skip
        with pytest.raises(WatermarkError, match=said):
            removal.apply(bare, thieves, before)
    with pytest.raises(WatermarkError, match="no true labels"):
        Distil(n=N, queries="mixed", true=0.5).apply(loot(), THIEVES)


def test_bad_choices() -> None:
    for make, said in (
        (lambda: Distil(queries="some"), "cannot be made"), (lambda: Distil(clean=1.0), "out of range"),
        (lambda: Prune(share=1.0), "cannot be pruned"), (lambda: Quantise(bits=1), "2 to 16"),
        (lambda: Serve(filter="fog"), "no filter"), (lambda: Ensemble(partner="me"), "no partner"),
        (lambda: Overwrite(strength=0.0), "out of range"), (lambda: Dehydrate(recovered=1), "recover nothing"),
        (lambda: Thieves(network="mlp", seeds=(), teachers=()), "one of both"),
        (lambda: get_removal("magic"), "there is no removal"),
        (lambda: get_removal({"id": "prune", "shares": 0.5}), "prune has no shares"),
        (lambda: get_removal({"id": "distil", "changes": {"bits": 2}}), "is no removal"),
        (lambda: dataclasses.replace(loot(), labels=loot().labels[:5]), "do not go together"),
        (lambda: dataclasses.replace(loot(), other=(loot().queries, loot().labels + 5)), "more than 3 classes"),
    ):  # fmt: skip
        with pytest.raises(WatermarkError, match=said):
            make()


def test_features_have_no_filters() -> None:
    inputs = torch.randn(40, 6)
    answers = log_probabilities(torch.full((1, 40, 2), 0.5))
    vectors = Loot(queries=inputs, answers=answers, labels=(inputs[:, 0] > 0).long())
    one = Thieves(network="mlp", seeds=(1,), teachers=(0,))
    before = Distil(n=40, epochs=1).apply(vectors, one)
    assert before.answer(inputs).shape == (1, 40, 2)
    assert isinstance(Tune(n=40, epochs=1).apply(vectors, one, before).stack, Stack)
    for removal in (Serve(filter="jpeg"), Dehydrate(n=40)):
        with pytest.raises(WatermarkError, match="features"):
            removal.apply(vectors, one, before)
