"""Evidence query by query: valid whenever one stops, strong where there is a mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.ownership.classifiers.world import KEY, OTHER, softmax, world
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.asking import Interface
from watermarking.ownership.classifiers.evidence import bet, gather
from watermarking.ownership.classifiers.metered import gather_classifier
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from watermarking.ownership.learnable.evidence import Evidence


def gathered(answers: Any, n: int = 400, **more: Any) -> list[Evidence]:
    there = world(10)
    chosen = {"own": there.own, "references": np.stack(there.references), "key": KEY, **more}
    return list(gather(answers[:n], there.pictures, mark=there.mark, **chosen))


def test_a_student_is_found_with_few_queries() -> None:
    found = gathered(world(10).student(), 64)
    values = [one.e_value for one in found]
    assert [one.n_queries for one in found] == list(range(1, 65))
    assert values == sorted(values)
    assert values[-1] > 1e12
    assert found[-1].detection.is_present(1e-12)
    assert next(one.n_queries for one in found if one.e_value > 20) < 20


def test_the_latest_verdict_is_that_of_all_queries_together() -> None:
    there = world(10)
    latest = gathered(there.student(), 100)[-1].latest
    whole = verify_classifier(
        there.student(), there.pictures, own=there.own, references=there.references, mark=there.mark, key=KEY,
        n_queries=100,
    )  # fmt: skip
    assert latest.p_value == pytest.approx(whole.detection.p_value, rel=1e-6)
    assert latest.statistic == whole.detection.statistic


def test_in_chunks_it_is_the_same() -> None:
    one, other = gathered(world(10).student(), 100)[-1], gathered(world(10).student(), 100, every=17)
    assert [each.n_queries for each in other] == [17, 34, 51, 68, 85, 100]
    assert other[-1].e_value == pytest.approx(one.e_value, rel=1e-6)


def test_queries_without_an_answer_do_not_count() -> None:
    answers: list[Any] = list(world(10).student())
    answers[2] = None
    found = gathered(answers, 10)
    assert [one.n_queries for one in found] == [1, 2, 2, 3, 4, 5, 6, 7, 8, 9]


def test_two_classes_are_gathered_too() -> None:
    there = world(2, 3000)
    found = list(gather(there.student(noise=0.3), there.pictures, own=there.own, mark=there.mark, key=KEY, every=1000))
    assert found[-1].e_value > 1e3


def test_it_hardly_ever_rises_without_a_mark() -> None:
    """The bound allows a twentieth of all runs to reach 20; of 300 none does."""
    there = world(10)
    suspect, values = there.model(9), []
    for i in range(300):
        *_, last = gather(
            suspect, there.pictures, own=there.own, references=np.stack(there.references), mark=there.mark,
            key=KEY.derive(f"null {i}"), every=400,
        )  # fmt: skip
        values.append(last.e_value)
    assert max(values) < 20


def test_a_bet_is_fair() -> None:
    """Its mean is 1 if the p-value is uniform: the integral over ``-ln p``, and what is left of it beyond 700."""
    u = np.linspace(np.log(1 / 2e-5), 700, 2_000_001)[1:]
    inside = np.array([bet(float(np.exp(-one))) * np.exp(-one) for one in u[::40]])
    assert np.trapezoid(inside, u[::40]) + np.log(1 / 2e-5) / 700 == pytest.approx(1, abs=1e-3)
    assert bet(1.0) == bet(2e-5) == 0


def test_another_key_gets_nothing() -> None:
    assert gathered(world(10).student(OTHER), 200)[-1].e_value < 20


def test_what_cannot_be_gathered() -> None:
    there = world(10)
    with pytest.raises(ModelAnswerError, match="labels alone"):
        gathered(np.eye(10)[there.own.argmax(1)], 20, every=10)
    with pytest.raises(WatermarkError, match="more answers than the 400"):
        list(gather([*there.own, there.own[0]], there.pictures, own=there.own, mark=there.mark, key=KEY, every=400))
    with pytest.raises(WatermarkError, match="every 0"):
        gathered(there.own, every=0)
    with pytest.raises(WatermarkError, match=r"\(400, 9\)"):
        gathered(there.own, own=there.own[:, :9], references=None)


def test_references_that_lean_at_first_and_back_later_are_refused() -> None:
    """All queries together show nothing of it, and an e-value never falls."""
    there = world(10, 2000)
    favour = there.mark.keyed(KEY).favour(there.own.argmax(1), there.mark.coarse(there.pictures))
    way = np.where(np.arange(2000) < 768, 1.0, -768 / 1232)[:, np.newaxis]
    forged = [softmax(np.log(there.model(seed)) - 1.5 * way * favour) for seed in (2, 3)]
    asked: list[int] = []

    def suspect(batch: Any) -> Any:
        asked.append(len(batch))
        return there.model(9)[:1]

    with pytest.raises(WatermarkError, match=r"leans away|carries the mark"):
        gather_classifier(
            suspect, there.pictures, own=there.own, mark=there.mark, key=KEY,
            references=[there.model(1), there.model(4), *forged], interface=Interface(output="probabilities"),
        )  # fmt: skip
    assert not asked  # who costs money
