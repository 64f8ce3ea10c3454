"""Labels alone: swapped at a stated price, learnt by who trains on them, and read by an exact test."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.ownership.classifiers.world import KEY, OTHER, softmax, world
from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.ownership.classifiers import SoftLabelMark
from watermarking.ownership.classifiers.asking import Interface
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.labels import _direction, label_verdict
from watermarking.ownership.classifiers.proof import ClassifierProof, verify_classifier
from watermarking.ownership.classifiers.protect import ProtectedClassifier
from watermarking.ownership.classifiers.swaps import first_two, lean, lean_of, most_ambiguous, swapped
from watermarking.ownership.marks import mark_config

if TYPE_CHECKING:
    import numpy.typing as npt

PRICE = 0.01


@lru_cache(maxsize=4)
def swapping(n_classes: int = 10) -> SoftLabelMark:
    there = world(n_classes, 3000)
    return there.mark.for_labels(there.own, there.pictures, price=PRICE)


def follower(key: Key, n_classes: int = 10, seed: int = 5, noise: float = 0.4) -> npt.NDArray[np.int64]:
    """Return labels of somebody who learnt where the boundaries were moved to, with errors of his own."""
    there = world(n_classes, 3000)
    noisy = np.log(there.own) + noise * np.random.default_rng(seed).normal(size=there.own.shape)
    at = there.mark.coarse(there.pictures)
    found: npt.NDArray[np.int64] = swapped(np.exp(noisy), at, key, swapping(n_classes).reach).argmax(1)
    return found


def proof(suspect: Any, mark: SoftLabelMark | None = None, key: Key = KEY, **more: Any) -> ClassifierProof:
    there = world(10, 3000)
    chosen = {"own": there.own, "references": there.references, **more}
    return verify_classifier(suspect, there.pictures, mark=mark or swapping(), key=key, **chosen)


def test_swaps_are_where_a_key_leans_further_than_the_odds() -> None:
    there, mark = world(10, 3000), swapping()
    at = mark.coarse(there.pictures)
    first, second, odds = first_two(there.own)
    moved = swapped(there.own, at, KEY, mark.reach)
    wanted = mark.reach * lean_of(lean(KEY, 10, at.shape[1]), at, first, second) > odds
    assert 0.01 < wanted.mean() < 0.3
    np.testing.assert_array_equal(moved.argmax(1), np.where(wanted, second, first))
    np.testing.assert_array_equal(np.sort(moved, 1), np.sort(there.own, 1))
    np.testing.assert_array_equal(moved[~wanted], there.own[~wanted])
    answers = mark.answer(there.own, there.pictures, key=KEY)
    np.testing.assert_array_equal(answers.argmax(1), moved.argmax(1))  # the tail leaves the new first class first


def test_the_price_holds_on_average_over_other_keys() -> None:
    there = world(10, 3000)
    at, rows = there.mark.coarse(there.pictures), np.arange(3000)
    reaches = []
    for price in (0.002, 0.01, 0.03):
        mark = there.mark.for_labels(there.own, there.pictures, price=price)
        lost = [
            (there.own.max(1) - there.own[rows, swapped(there.own, at, Key(bytes([n] * 16)), mark.reach).argmax(1)])
            for n in range(20)
        ]
        assert 0.7 * price < np.mean(lost) < 1.3 * price
        reaches.append(mark.reach)
    assert reaches == sorted(set(reaches))


def test_true_classes_make_the_price_real() -> None:
    there = world(10, 3000)
    sure = there.own.argmax(1)  # an owner who is always right loses with every swap
    right = there.mark.for_labels(there.own, there.pictures, sure, price=PRICE)
    assert 0 < right.reach < 0.5 * swapping().reach
    marked = right.answer(there.own, there.pictures, key=KEY).argmax(1)
    assert np.mean(marked != sure) < 2 * PRICE


@pytest.mark.parametrize("n_classes", [2, 3, 10, 100])
def test_followers_are_read_of_labels_alone(n_classes: int) -> None:
    there, mark = world(n_classes, 3000), swapping(n_classes)
    references = np.stack(there.references)
    at = mark.coarse(there.pictures)
    found = label_verdict(follower(KEY, n_classes), there.own, references, at, mark, KEY)
    assert found.is_present(1e-6), found
    for labels in (follower(OTHER, n_classes), there.own.argmax(1), there.model(9).argmax(1)):
        assert label_verdict(labels, there.own, references, at, mark, KEY).p_value > 1e-3


FORMS = {
    "numbers": lambda labels: labels,
    "names": lambda labels: [f"kind {one}" for one in labels],
    "rows": lambda labels: np.eye(10)[labels],
    "label and its probability": lambda labels: [{int(one): 0.8} for one in labels],
    "probabilities": lambda labels: 0.9 * np.eye(10)[labels] + 0.01,
}


@pytest.mark.parametrize("form", FORMS)
def test_proofs_read_labels_in_every_form(form: str) -> None:
    names = Interface(classes=tuple(f"kind {i}" for i in range(10)))
    found = proof(FORMS[form](follower(KEY)), interface=names)
    assert found.detection.is_present(1e-6)
    assert found.alone.is_present(1e-4)
    assert any("labels alone" in note for note in found.notes) == (form != "probabilities")
    assert proof(FORMS[form](follower(OTHER)), interface=names).detection.p_value > 1e-3


def test_without_a_reach_labels_are_refused_as_ever() -> None:
    plain = dataclasses.replace(swapping(), reach=0.0)
    found = proof(follower(KEY), plain)
    assert found.detection.p_value == found.alone.p_value == 1
    assert "nothing in them" in found.notes[0]
    there = world(10, 3000)
    unchanged = there.mark.answer(there.own, there.pictures, key=KEY)
    np.testing.assert_array_equal(plain.answer(there.own, there.pictures, key=KEY), unchanged)


def test_p_values_of_keys_that_marked_nothing_are_uniform() -> None:
    there, mark = world(10, 3000), swapping()
    rows = most_ambiguous(there.own, 600)
    references, at = np.stack(there.references)[:, rows], mark.coarse(there.pictures[rows])
    labels = follower(KEY)[rows]  # a marked suspect, and other keys
    keys = [Key(number.to_bytes(16, "big")) for number in range(200)]
    p = np.array([label_verdict(labels, there.own[rows], references, at, mark, key).p_value for key in keys])
    assert 5 <= (p < 0.1).sum() <= 37  # 20 expected; four standard deviations
    assert 72 <= (p < 0.5).sum() <= 128
    assert (p < 0.001).sum() <= 3


def test_the_direction_is_the_ridge_regression_that_it_says() -> None:
    rng = np.random.default_rng(0)
    n, m, k = 500, 6, 5
    psi, left, expected = rng.normal(size=(n, m)), rng.normal(size=n), rng.uniform(0.1, 0.9, n)
    first = rng.integers(0, k, n)
    second = (first + rng.integers(1, k, n)) % k
    design = np.zeros((n, k, m))
    design[np.arange(n), second] = psi
    design[np.arange(n), first] = -psi
    flat, weights = design.reshape(n, -1), expected * (1 - expected)
    gram = flat.T @ (flat * weights[:, np.newaxis])
    wanted = np.linalg.solve(gram + np.trace(gram) / len(gram) * np.eye(len(gram)), flat.T @ left).reshape(k, m).T
    np.testing.assert_allclose(_direction(psi, first, second, left, expected, k), wanted, atol=1e-3 * wanted.std())


def test_a_network_trained_on_labels_alone_learns_the_swaps() -> None:
    """No simulation: a small perceptron learns swapped labels of its queries, another one the labels as they were."""
    there, mark = world(10, 3000), swapping()
    inputs = torch.from_numpy(there.pictures.reshape(3000, -1))
    marked = mark.answer(there.own, there.pictures, key=KEY).argmax(1)
    thief, honest = (_trained(inputs, torch.from_numpy(labels)) for labels in (marked, there.own.argmax(1)))
    rows = most_ambiguous(there.own, 1500)
    found = [
        verify_classifier(
            one[rows], there.pictures[rows], own=there.own[rows], mark=mark, key=KEY,
            references=[reference[rows] for reference in there.references],
        ).detection.p_value
        for one in (thief, honest)
    ]  # fmt: skip
    assert found[0] < 1e-6
    assert found[1] > 1e-3


def _trained(inputs: torch.Tensor, labels: torch.Tensor) -> npt.NDArray[np.int64]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10))
        optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
        for _ in range(40):
            for rows in torch.randperm(len(inputs)).split(200):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
                optimiser.step()
        with torch.no_grad():
            return network(inputs).argmax(1).numpy()


def test_clients_are_told_apart_by_labels() -> None:
    keys = {name: client_key(KEY, name) for name in ("Ada", "Bo", "Cy")}
    found = identify(proof(follower(keys["Bo"])).compared, swapping(), keys)
    assert next(iter(found)) == "Bo"
    assert found["Bo"].is_present(1e-6)
    assert min(found["Ada"].p_value, found["Cy"].p_value) > 1e-3


def test_references_that_follow_the_key_are_refused() -> None:
    there = world(10, 3000)
    marked = 0.9 * np.eye(10)[follower(KEY, noise=0.1)] + 0.01
    with pytest.raises(WatermarkError, match="reference 1 carries the mark"):
        proof(follower(KEY), references=[there.model(1), marked, there.model(2)])


@pytest.mark.parametrize("how_far", [1.0, 4.0])
def test_references_whose_odds_lean_where_their_labels_do_not_are_refused(how_far: float) -> None:
    there, mark = world(10, 3000), swapping()
    first, second, _ = first_two(there.own)
    at, rows = mark.coarse(there.pictures), np.arange(len(there.own))
    logs = np.log(there.model(4))
    odds = logs[rows, second] - logs[rows, first]
    leaning = odds - how_far * lean_of(lean(KEY, 10, at.shape[1]), at, first, second)
    kept = np.where(np.sign(leaning) == np.sign(odds), leaning, 1e-3 * np.sign(odds))
    logs[rows, second] += (kept - odds) / 2
    logs[rows, first] -= (kept - odds) / 2
    with pytest.raises(WatermarkError, match="reference 1 leans away"):
        proof(there.model(9).argmax(1), references=[there.model(1), softmax(logs), there.model(2)])


@pytest.mark.parametrize("form", ["probabilities", "logits", "tensor"])
def test_the_wrapper_serves_swapped_labels(form: str) -> None:
    there, mark = world(10, 3000), swapping()
    own = there.own.astype(np.float32)
    given: Any = {"probabilities": own, "logits": np.log(own) + 2, "tensor": torch.from_numpy(own)}[form]
    asked: Any = torch.from_numpy(there.pictures) if form == "tensor" else there.pictures
    served = ProtectedClassifier(lambda _: given, mark, key=KEY)(asked)
    wanted = mark.answer(own, there.pictures, key=KEY)
    assert type(served) is type(given)
    labels = np.asarray(served).argmax(1)
    np.testing.assert_array_equal(labels, wanted.argmax(1))
    assert np.mean(labels != own.argmax(1)) > 0.01


def test_a_configuration_keeps_the_reach_and_older_ones_have_none() -> None:
    config = mark_config(swapping())
    assert SoftLabelMark.from_config(config) == swapping()
    del config["reach"]
    assert SoftLabelMark.from_config(config).reach == 0


def test_what_cannot_be_read_or_chosen() -> None:
    there, mark = world(10, 3000), swapping()
    third = np.argsort(-there.own, 1)[:, 2]
    assert label_verdict(third, there.own, there.own[None], mark.coarse(there.pictures), mark, KEY).p_value == 1
    with pytest.raises(WatermarkError, match="a price of 0"):
        there.mark.for_labels(there.own, there.pictures, price=0)
    with pytest.raises(WatermarkError, match="2999 answers"):
        there.mark.for_labels(there.own[1:], there.pictures)
    with pytest.raises(WatermarkError, match="give one each"):
        there.mark.for_labels(there.own, there.pictures, np.zeros(5, int))
    with pytest.raises(WatermarkError, match="reach is 3"):
        dataclasses.replace(mark, reach=3)
    with pytest.raises(WatermarkError, match="1 or more"):
        most_ambiguous(there.own, 0)
