"""Marked suspects are found in whatever form they answer, others are not, and what cannot be claimed is not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.ownership.classifiers.world import KEY, OTHER, softmax, world
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.asking import Interface
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.estimate import measure, views
from watermarking.ownership.classifiers.proof import ClassifierProof, verify_classifier
from watermarking.ownership.classifiers.verdict import Compared, verdicts
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from watermarking.keys import Key

NAMES = tuple(f"kind {i}" for i in range(10))


def proof(suspect: Any, n_classes: int = 10, key: Key = KEY, **more: Any) -> ClassifierProof:
    there = world(n_classes)
    chosen = {"own": there.own, "references": there.references, **more}
    return verify_classifier(suspect, there.pictures, mark=there.mark, key=key, **chosen)


@pytest.mark.parametrize("n_classes", [4, 10, 100])
def test_students_are_found_and_others_not(n_classes: int) -> None:
    there = world(n_classes)
    assert proof(there.student(), n_classes).detection.is_present(1e-12)
    assert proof(there.student(OTHER), n_classes).detection.p_value > 1e-3
    assert proof(there.model(9), n_classes).detection.p_value > 1e-3
    assert proof(there.own, n_classes).detection.p_value > 1e-3


@pytest.mark.parametrize("n_classes", [2, 3])
def test_few_classes_need_more_queries(n_classes: int) -> None:
    there = world(n_classes, 3000)
    found = verify_classifier(
        there.student(noise=0.4), there.pictures, own=there.own, references=there.references, mark=there.mark, key=KEY
    )
    assert found.detection.is_present(1e-6)
    wrong = verify_classifier(there.student(OTHER, noise=0.4), there.pictures, own=there.own, mark=there.mark, key=KEY)
    assert wrong.detection.p_value > 1e-3


def largest(row: np.ndarray, n: int) -> list[int]:
    return [int(one) for one in np.argsort(-row)[:n]]


FORMS = {
    "rounded": lambda p: p.round(2),
    "logits": lambda p: (np.log(p) + 3).astype(np.float32),
    "labels and numbers": lambda p: [{one: float(row[one]) for one in largest(row, 4)} for row in p],
    "names": lambda p: [{NAMES[one]: float(row[one]) for one in largest(row, 4)} for row in p],
    "pairs": lambda p: [[(NAMES[one], float(row[one])) for one in largest(row, 4)] for row in p],
    "floored": lambda p: np.where(p < 0.002, 0, p),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_answers(form: str) -> None:
    found = proof(FORMS[form](world(10).student(noise=0.3)), interface=Interface(classes=NAMES))
    assert found.detection.is_present(1e-6), found.detection
    assert found.n_compared == 400
    assert any("few classes" in note for note in found.notes) == (form in ("labels and numbers", "names", "pairs"))


@pytest.mark.parametrize(
    "suspect",
    [
        lambda p: p.argmax(1),
        lambda p: [NAMES[one] for one in p.argmax(1)],
        lambda p: np.eye(10)[p.argmax(1)],
        lambda p: [{int(row.argmax()): float(row.max())} for row in p],
    ],
    ids=["numbers", "names", "rows", "label and its probability"],
)
def test_labels_alone_are_no_evidence(suspect: Any) -> None:
    found = proof(suspect(world(10).student()), interface=Interface(classes=NAMES))
    assert found.detection.p_value == found.alone.p_value == 1
    assert "labels alone" in found.notes[0]


@pytest.mark.parametrize(
    ("suspect", "message"),
    [
        (lambda p: p[:, :9], "9 classes"),
        (lambda p: p * np.nan, "NaN"),
        (lambda p: p * 100, "per cent"),
        (lambda p: p * 0.2, "sum to 0.2"),
        (lambda p: [NAMES[one] for one in p.argmax(1)], "list the names"),
        (lambda p: p[:, [1, 0, 3, 2, 5, 4, 7, 6, 9, 8]], "0 is 1"),
        (lambda p: [None] * 400, "answered nothing"),
        (lambda p: [object()] * 400, "object is no answer"),
        (lambda p: [{77: 1.0}] * 400, "class 77"),
        (lambda p: [{3: "much"}] * 400, "no probability"),
        (lambda p: [{3: 1.5}] * 400, "within 0 and 1"),
    ],
    ids=["classes", "nan", "percent", "scores", "names", "order", "none", "objects", "label", "words", "above one"],
)
def test_answers_that_cannot_be_used(suspect: Any, message: str) -> None:
    with pytest.raises(ModelAnswerError, match=message):
        proof(suspect(world(10).student()))


def test_single_answers_that_fail_are_counted() -> None:
    answers: list[Any] = list(world(10).student())
    answers[3], answers[5], answers[7] = None, answers[5] * np.nan, answers[7][:9]
    found = proof(answers)
    assert found.n_compared == 397
    assert found.n_queries == 400
    assert sorted(found.failures) == [3, 5, 7]
    assert found.failures[5] == "NaN or infinity"
    assert found.detection.is_present(1e-12)


def test_what_an_interface_says_among_rows_costs_those_answers_alone() -> None:
    answers: list[Any] = [row.tolist() for row in world(10).student().round(3)]
    answers[2], answers[4], answers[6] = "429: try later", {"error": "overloaded"}, [[1.0], [2.0, 3.0]]
    answers[8] = [1] + [0] * 9  # JSON of 1.0 and 0.0
    found = proof(answers)
    assert sorted(found.failures) == [2, 4, 6]
    assert "429" in found.failures[2]
    assert found.n_compared == 397
    assert found.detection.is_present(1e-12)


def test_whole_numbers_are_rows_too() -> None:
    assert "labels alone" in proof(np.eye(10, dtype=np.int64)[world(10).own.argmax(1)]).notes[0]
    assert proof((1000 * np.log(world(10).student())).round().astype(np.int64) // 1000).detection.is_present(1e-6)


def test_names_that_are_unknown_fail_alone() -> None:
    answers = [{NAMES[one]: float(row[one]) for one in largest(row, 5)} for row in world(10).student(noise=0.3)]
    answers[0] = {"a dog": 0.9}
    found = proof(answers, interface=Interface(classes=NAMES))
    assert "'a dog'" in found.failures[0]
    assert found.n_compared == 399


def test_marked_references_are_refused() -> None:
    there = world(10)
    with pytest.raises(WatermarkError, match=r"reference 1 carries the mark"):
        proof(there.student(), references=[there.model(1), there.student(seed=9), there.model(2)])
    with pytest.raises(WatermarkError, match="your own model"):
        proof(there.student(), own=there.marked())
    with pytest.raises(WatermarkError, match="smoothed reference 0"):
        proof(there.student(), smoothed=[there.student(seed=9)])
    other = proof(there.student(), references=[there.model(1), there.student(OTHER)])  # another client's hides nothing
    assert other.detection.is_present(1e-9)


def leaning_away(answers: np.ndarray, how_far: float = 0.4) -> np.ndarray:
    there = world(10)
    favour = there.mark.keyed(KEY).favour(answers.argmax(1), there.mark.coarse(there.pictures))
    return softmax(np.log(answers) - how_far * favour)


def test_an_owner_who_leans_away_from_his_key_accuses_nobody() -> None:
    """Beside answers that were made so, a model that knows nothing would seem to carry the mark, at p < 1e-12."""
    there = world(10)
    with pytest.raises(WatermarkError, match=r"leans away|carries the mark"):
        proof(there.model(9), own=leaning_away(there.own))
    with pytest.raises(WatermarkError, match=r"reference 1 leans away"):
        proof(there.model(9), references=[there.model(1), leaning_away(there.model(2), 1), there.model(3)])
    honest = proof(there.model(9), own=leaning_away(there.own), key=OTHER)  # of another key it is nothing
    assert honest.detection.p_value > 1e-3


def test_few_references_are_said_to_be_few() -> None:
    there = world(10)
    found = proof(there.student(), references=[])
    assert "0 clean references" in found.notes[0]
    assert found.detection == found.alone
    assert not proof(there.student()).notes
    assert proof(there.student()).detection != proof(there.student()).alone


def test_smoothed_references_add_views() -> None:
    there = world(10)
    smoothed = [0.9 * there.model(seed) + 0.01 for seed in (11, 12)]
    assert "18 views" in proof(there.student(), smoothed=smoothed).detection.statistic
    assert "12 views" in proof(there.student()).detection.statistic
    assert "6 views" in proof(there.student()).alone.statistic


def as_sure(answers: np.ndarray, how: float) -> np.ndarray:
    return softmax(how * np.log(answers))


@pytest.mark.parametrize("how", [0.5, 2.0])
def test_a_suspect_may_be_surer_or_less_sure_than_all_references(how: float) -> None:
    """What he differs by as a whole is explained by the references, and hides nothing."""
    there = world(10)
    assert proof(as_sure(there.student(), how)).detection.is_present(1e-9)
    assert not proof(as_sure(there.model(9), how)).detection.is_present(1e-3)


@pytest.mark.parametrize("how_far", [0.1, 0.2, 0.3, 0.5, 0.8, 1.2])
@pytest.mark.parametrize("how", [0.5, 1.0, 2.0])
def test_two_references_that_lean_alike_accuse_nobody(how: float, how_far: float) -> None:
    """They must not explain each other, nor a suspect of their kind but for the lean."""
    there = world(10)
    forged = [leaning_away(as_sure(there.model(seed), how), how_far) for seed in (2, 3)]
    with contextlib.suppress(WatermarkError):
        found = proof(as_sure(there.model(9), how), references=[there.model(1), there.model(4), *forged])
        assert not found.detection.is_present(1e-5)
    if how_far >= 0.8 * how:
        with pytest.raises(WatermarkError, match=r"leans away|carries the mark"):
            proof(there.model(9), references=[there.model(1), there.model(4), *forged])


def test_smoothed_references_that_lean_together_are_seen_in_clean_ones() -> None:
    """Each looks harmless by itself: what hides its lean cancels among them."""
    there = world(10)
    at = there.mark.coarse(there.pictures)
    favours = [there.mark.keyed(key).favour(there.own.argmax(1), at) for key in (KEY, OTHER)]
    base = np.log(there.model(5))
    forged = [softmax(base - 0.7 * favours[0] + sign * 3 * favours[1]) for sign in (1, -1)]
    honest = [there.model(seed) for seed in range(1, 5)]
    with pytest.raises(WatermarkError, match=r"leans away|carries the mark"):
        proof(there.model(9), references=honest, smoothed=forged)
    found = proof(there.student(), references=honest, smoothed=[there.model(6), there.model(7)])
    assert found.detection.is_present(1e-9)


def test_two_marked_references_are_refused() -> None:
    there = world(10)
    marked = [there.student(seed=8), there.student(seed=9)]
    with pytest.raises(WatermarkError, match="carries the mark"):
        proof(there.student(), references=[there.model(1), there.model(2), *marked])


def test_the_number_of_queries() -> None:
    found = proof(world(10).student(), n_queries=50)
    assert found.n_compared == found.n_queries == 50
    with pytest.raises(WatermarkError, match="no input"):
        verify_classifier(world().own[:0], world().pictures[:0], own=world().own[:0], mark=world().mark, key=KEY)
    with pytest.raises(WatermarkError, match="10 answers to 400"):
        proof(world(10).student()[:10])
    with pytest.raises(WatermarkError, match="401 answers to 400"):
        proof([*world(10).student(), world(10).own[0]])
    for n in (0, -5):
        with pytest.raises(WatermarkError, match=f"{n} queries"):
            proof(world(10).student(), n_queries=n)
    with pytest.raises(WatermarkError, match="reference 0 has 10"):
        proof(world(10).student(), references=[world(10).own[:10]])


def test_clients_are_told_apart() -> None:
    there = world(10)
    names = [f"client {i}" for i in range(40)]
    keys = {name: client_key(KEY, name) for name in names}
    suspect = softmax(np.log((there.marked(keys["client 7"]) + there.marked(keys["client 20"])) / 2))
    found = identify(proof(suspect, key=keys["client 7"]).compared, there.mark, keys)
    assert set(list(found)[:2]) == {"client 7", "client 20"}  # two whose answers were mixed are both found
    assert found["client 7"].is_present()
    assert found["client 20"].is_present()
    assert min(one.p_value for name, one in found.items() if name not in ("client 7", "client 20")) > 1e-3
    single = proof(suspect, key=keys["client 7"]).detection.p_value
    assert found["client 7"].p_value == pytest.approx(40 * single)
    with pytest.raises(WatermarkError, match="no client"):
        identify(proof(suspect).compared, there.mark, {})
    with pytest.raises(WatermarkError, match="a client is a name"):
        client_key(KEY, "")


def test_no_client_is_named_beside_answers_that_lean_away_from_him() -> None:
    """A proof with one key looks at one key: the owner could still have leant away from another client's."""
    there = world(10)
    compared = proof(there.model(9), own=leaning_away(there.own), key=OTHER).compared
    with pytest.raises(WatermarkError, match=r"leans away|carries the mark"):
        identify(compared, there.mark, {"innocent": KEY, "another": OTHER})


def first_view(compared: Compared, key: Key) -> float:
    mark = world(10).mark
    looks, keyed = views(mark.delta, 10), mark.keyed(key)
    everyone = np.concatenate([compared.suspect[np.newaxis], compared.sides])
    sums = measure(everyone, compared.top, mark.coarse.whitened(compared.numbers), keyed, looks)
    return verdicts(sums.of(compared.groups[1]), keyed, looks)[0].p_value


def test_p_values_are_uniform_over_keys() -> None:
    """A model that knows no key, 1,000 keys: shares below .1, .01 and .001 lie within binomial bounds."""
    there = world(10)
    compared = proof(there.model(9)).compared
    keys = {str(i): KEY.derive(f"null {i}") for i in range(1000)}
    assert min(one.p_value for one in identify(compared, there.mark, keys).values()) > 1e-3  # none of 1,000 is named
    single = [first_view(compared, key) for key in keys.values()]
    for level, low, most in ((0.1, 66, 137), (0.01, 1, 21), (0.001, 0, 6)):  # of one view they are exact
        assert low <= (np.array(single) < level).sum() <= most
