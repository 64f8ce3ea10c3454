"""A suspect is asked query by query, no longer than needed, and nothing that was paid for is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from learnt import Array, colourful, leaky
from PIL import Image

from tests.ownership.conftest import KEY, OTHER
from watermarking.errors import WatermarkError
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.marks import BitsMark, MeteredMark
from watermarking.ownership.metered import gather

if TYPE_CHECKING:
    from pathlib import Path

MARK = LearnableMark()


class Suspect:
    """Learnt the mark, and counts what it is asked."""

    def __init__(self, fails: dict[int, BaseException] | None = None) -> None:
        self.n, self._fails, self._answer = 0, fails or {}, leaky(MARK, KEY)

    def __call__(self, picture: Array) -> Any:
        self.n += 1
        if self.n in self._fails:
            raise self._fails[self.n]
        return self._answer(picture)


def honest(picture: Array) -> Array:
    return picture


def test_it_asks_no_more_than_needed() -> None:
    suspect = Suspect()
    told: list[tuple[int, float]] = []
    proof = gather(
        suspect, colourful(12), own=honest, mark=MARK, key=KEY, level=1e-4, tell=lambda n, e: told.append((n, e))
    )
    assert proof.metering is not None
    assert proof.metering.stopped == "enough evidence"
    assert suspect.n == proof.n_queries == proof.n_compared == len(told) < 12
    assert proof.metering.e_values[-1] >= 1e4 > max(proof.metering.e_values[:-1], default=0)
    assert proof.detection.is_present(1e-4)
    assert proof.detection.p_value == pytest.approx(1 / proof.metering.e_values[-1])
    assert [e for _, e in told] == list(proof.metering.e_values)


def test_another_key_and_an_honest_one_gather_nothing() -> None:
    for suspect, key in ((Suspect(), OTHER), (honest, KEY)):
        proof = gather(suspect, colourful(6), own=honest, mark=MARK, key=key)
        assert proof.metering is not None
        assert proof.metering.stopped == "no more queries"
        assert max(proof.metering.e_values) < 20
        assert proof.n_compared == 6


def test_failures_cost_money_too_and_nothing_that_came_is_lost() -> None:
    suspect = Suspect({2: TimeoutError("rate limit"), 3: ConnectionError("gone")})
    proof = gather(suspect, colourful(8), own=honest, mark=MARK, key=KEY, level=1e-300, at_most=5)
    assert proof.metering is not None
    assert (proof.n_queries, proof.n_compared, suspect.n) == (5, 3, 5)
    assert proof.metering.stopped == "as many queries as allowed"
    assert list(proof.failures) == ["000001", "000002"]
    assert "TimeoutError: rate limit" in proof.failures["000001"]


def test_an_interruption_keeps_what_came() -> None:
    proof = gather(Suspect({4: KeyboardInterrupt()}), colourful(6), own=honest, mark=MARK, key=KEY, level=1e-300)
    assert proof.metering is not None
    assert proof.metering.stopped == "interrupted"
    assert proof.n_compared == len(proof.metering.e_values) == 3
    same = gather(Suspect(), colourful(3), own=honest, mark=MARK, key=KEY, level=1e-300)
    assert proof.detection == same.detection
    with pytest.raises(KeyboardInterrupt):
        gather(Suspect({1: KeyboardInterrupt()}), colourful(2), own=honest, mark=MARK, key=KEY)


def test_what_the_owner_has_no_answer_to_is_not_asked() -> None:
    queries = {f"{i}": one for i, one in enumerate(colourful(3))}
    suspect = Suspect()
    proof = gather(suspect, queries, own={"0": queries["0"], "2": queries["2"]}, mark=MARK, key=KEY, level=1e-300)
    assert suspect.n == proof.n_compared == 2
    assert "has no answer" in proof.failures["1"]


def test_odd_answers_are_counted_and_left_out() -> None:
    queries = colourful(5)
    answers = [queries[0], queries[1][..., 0], queries[2][:40], queries[0], np.full_like(queries[4], 3)]
    stream = iter(answers)
    proof = gather(lambda _: next(stream), queries, own=honest, mark=MARK, key=KEY)
    assert proof.n_compared == 2  # a flat answer may be one to anything
    assert list(proof.failures) == ["000001", "000002", "000003"]
    assert "is grey" in proof.failures["000001"]
    assert "must be of one size" in proof.failures["000002"]
    assert "shows something else" in proof.failures["000003"]


def test_answers_that_are_there_are_taken_in_the_order_of_the_owners(tmp_path: Path) -> None:
    pictures = colourful(4)
    for folder, answer in (("own", honest), ("suspect", Suspect())):
        (tmp_path / folder).mkdir()
        for i, picture in enumerate(pictures):
            Image.fromarray(answer(picture)).save(tmp_path / folder / f"{i if folder == 'own' else 9 - i}.png")
    proof = gather(tmp_path / "suspect", own=tmp_path / "own", mark=MARK, key=KEY, at_most=3, level=1e-300)
    assert [pair.name for pair in proof.pairs] == ["0", "1", "2"]


def test_what_is_refused() -> None:
    assert isinstance(MARK, MeteredMark)
    queries = colourful(2)
    with pytest.raises(WatermarkError, match="'bits' cannot be gathered query by query"):
        gather(honest, queries, own=honest, mark=BitsMark(), key=KEY)
    for level in (0.0, 1.0, 2.0):
        with pytest.raises(WatermarkError, match="no false-positive rate"):
            gather(honest, queries, own=honest, mark=MARK, key=KEY, level=level)
    with pytest.raises(WatermarkError, match="allow 1 or more"):
        gather(honest, queries, own=honest, mark=MARK, key=KEY, at_most=0)
    with pytest.raises(WatermarkError, match="give queries"):
        gather(honest, own=honest, mark=MARK, key=KEY)
    with pytest.raises(WatermarkError, match=r"can be compared with the owner.s .*TimeoutError"):
        gather(Suspect({1: TimeoutError(), 2: TimeoutError()}), queries, own=honest, mark=MARK, key=KEY)
