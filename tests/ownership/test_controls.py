"""P-values from unmarked models, and marks that are read blind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.ownership.conftest import KEY, OTHER, Pixels, tiles
from tests.ownership.patterned import Patterned
from watermarking.errors import WatermarkError
from watermarking.ownership.controls import check_enough, n_needed, null_p_value
from watermarking.ownership.marks import BitsMark, BlindMark, MeteredMark
from watermarking.ownership.proof import verify

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = BitsMark(scheme={"id": "dwt", "psnr": 42.0})
BLIND = Patterned()


def honest(picture: Pixels) -> Pixels:
    return picture


def blurred(sigma: float) -> Callable[[Pixels], Pixels]:
    """Return an unmarked model: it does the task a little otherwise."""
    return lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma))


UNMARKED = [blurred(0.4 + 0.1 * i) for i in range(19)]


def test_the_share_of_controls_that_score_as_high() -> None:
    assert null_p_value(3.0, [1.0, 2.0, 3.0, 4.0]) == pytest.approx(3 / 5)  # one that scores the same counts
    assert null_p_value(9.0, list(range(9))) == pytest.approx(1 / 10)
    assert null_p_value(-1.0, [0.0, 1.0]) == 1


def test_an_innocent_one_is_below_a_level_no_more_often_than_it_says() -> None:
    rng = np.random.default_rng(3)
    found = np.array([null_p_value(row[0], row[1:].tolist()) for row in rng.normal(size=(4000, 20))])
    for level in (0.05, 0.1, 0.5):
        assert abs((found <= level + 1e-12).mean() - level) < 4 * np.sqrt(level / 4000)


@pytest.mark.parametrize(("level", "n"), [(0.01, 99), (0.05, 19), (0.001, 999), (0.3, 3), (1e-6, 999_999), (0.99, 1)])
def test_how_many_are_needed(level: float, n: int) -> None:
    assert n_needed(level) == n
    check_enough(n, level)
    assert null_p_value(1.0, [0.0] * n, level=level) <= level
    with pytest.raises(WatermarkError, match=f"give {n:,} models"):
        check_enough(n - 1, level)


def test_the_way_out_that_is_named_works() -> None:
    with pytest.raises(WatermarkError, match=r"ask for a level of (?P<level>0\.333334)"):
        check_enough(2, 0.1)
    check_enough(2, 0.333334)


def test_scores_and_levels_that_are_none() -> None:
    for level in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(WatermarkError, match="level of significance"):
            n_needed(level)
    for score, others in ((float("nan"), [1.0]), (1.0, [float("nan")])):
        with pytest.raises(WatermarkError, match="NaN"):
            null_p_value(score, others)


def test_controls_beside_the_key(photographs: list[Pixels]) -> None:
    proof = verify(
        lambda picture: MARK.mark(picture, key=KEY), photographs, own=honest, mark=MARK, key=KEY, controls=UNMARKED,
        control_level=0.05,
    )  # fmt: skip
    assert proof.detection.p_value < 1e-9
    assert proof.control is not None
    assert proof.control.p_value == pytest.approx(1 / 20)
    assert len(proof.control.scores) == len(proof.controls) == 19
    assert max(proof.control.scores) < proof.detection.score
    innocent = verify(blurred(1.05), photographs, own=honest, mark=MARK, key=KEY, controls=UNMARKED, control_level=0.05)
    assert innocent.control is not None
    assert innocent.control.p_value > 0.05


def test_too_few_controls_are_refused_before_anybody_is_asked(photographs: list[Pixels]) -> None:
    asked = 0

    def costly(picture: Pixels) -> Pixels:
        nonlocal asked
        asked += 1
        return picture

    with pytest.raises(WatermarkError, match=r"19 controls .* below 0\.05: for a level of 0\.01 give 99"):
        verify(costly, photographs, own=honest, mark=MARK, key=KEY, controls=UNMARKED)
    assert asked == 0


def test_a_control_answers_all_queries(photographs: list[Pixels]) -> None:
    own = {f"{i}": one for i, one in enumerate(photographs)}
    short = dict(list(own.items())[1:])
    grey = {name: cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for name, one in own.items()}
    for control, said in ((short, "a control has no answer to '0'"), (grey, "is grey, the others are in colour")):
        with pytest.raises(WatermarkError, match=said):
            verify(own, own=own, mark=MARK, key=KEY, controls=[control], control_level=0.5)


def test_a_mark_is_read_blind(photographs: list[Pixels]) -> None:
    suspect = [BLIND.mark(one, key=KEY) for one in photographs]
    proof = verify(suspect, own=None, mark=BLIND, key=KEY, controls=[photographs], control_level=0.5)
    assert proof.detection.p_value < 1e-9
    assert proof.is_blind
    assert proof.control is not None
    assert proof.control.p_value == 0.5
    assert verify(suspect, own=None, mark=BLIND, key=OTHER).detection.p_value > 1e-3
    assert verify(honest, photographs, own=None, mark=BLIND, key=KEY).detection.p_value > 1e-3
    assert not verify(suspect, own=photographs, mark=BLIND, key=KEY).is_blind


def test_marks_that_cannot_are_refused(photographs: list[Pixels]) -> None:
    assert isinstance(BLIND, BlindMark)
    assert not isinstance(MARK, BlindMark | MeteredMark)
    with pytest.raises(WatermarkError, match="'bits' cannot be read blind: give your own answers"):
        verify(photographs, own=None, mark=MARK, key=KEY)
    with pytest.raises(WatermarkError, match="give these, or no references"):
        verify(photographs, own=None, mark=BLIND, key=KEY, references=[photographs])


def test_a_blind_suspect_that_fails_now_and_then() -> None:
    def flaky(picture: Pixels) -> Pixels:
        if picture[0, 0, 0] == pictures[1][0, 0, 0]:
            raise TimeoutError("rate limit")
        return BLIND.mark(picture, key=KEY)

    pictures = tiles(4)
    proof = verify(flaky, pictures, own=None, mark=BLIND, key=KEY)
    assert (proof.n_queries, proof.n_compared) == (4, 3)
    assert "rate limit" in proof.failures["000001"]
    with pytest.raises(WatermarkError, match="TypeError"):
        verify(lambda: None, pictures, own=None, mark=BLIND, key=KEY)
