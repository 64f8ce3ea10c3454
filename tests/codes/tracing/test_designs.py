"""AND codes: all colluders and nobody else, up to as many as the order; under noise no more innocents than stated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from watermarking.codes.tracing.designs import ORDERS, AndCode, difference_set
from watermarking.errors import WatermarkError
from watermarking.keys import Key

KEY = Key(bytes(range(16)))


@pytest.mark.parametrize("order", ORDERS)
def test_every_difference_comes_once(order: int) -> None:
    points, v = difference_set(order), order * order + order + 1
    assert len(points) == order + 1
    assert sorted((a - b) % v for a in points for b in points if a != b) == list(range(1, v))


@pytest.mark.parametrize("order", [4, 6, 1, 37])
def test_orders_that_there_are_not(order: int) -> None:
    with pytest.raises(WatermarkError, match=f"order {order}"):
        AndCode(order=order)


@pytest.mark.parametrize("order", [2, 3])
def test_all_groups_of_colluders_are_found_exactly(order: int) -> None:
    code = AndCode(order=order)
    for size in range(1, order + 1):
        for guilty in itertools.combinations(range(code.length), size):
            verdicts = code.accuse(np.where(code.and_of(guilty, key=KEY), 30.0, -30.0), key=KEY)
            assert tuple(j for j, verdict in enumerate(verdicts) if verdict.is_present(1e-6)) == guilty


def test_five_of_31_are_found_exactly() -> None:
    code, rng = AndCode(order=5), np.random.default_rng(1)
    for _ in range(300):
        guilty = sorted(rng.choice(31, int(rng.integers(1, 6)), replace=False).tolist())
        verdicts = code.accuse(np.where(code.and_of(guilty, key=KEY), 30.0, -30.0), key=KEY)
        assert [j for j, verdict in enumerate(verdicts) if verdict.is_present(1e-6)] == guilty


def test_averages_of_antipodal_signals() -> None:
    code, rng = AndCode(order=7), np.random.default_rng(2)
    guilty = [3, 17, 40]
    mean = np.mean([np.where(code.word(j, key=KEY), 1.0, -1.0) for j in guilty], axis=0)
    read = mean + rng.normal(0, 0.1, code.length)
    # a one is read as 1, whatever is below 1/3 is not all of three: the likelier of the two nearest levels
    llr = ((read - 1 / 3) ** 2 - (read - 1) ** 2) / (2 * 0.1**2)
    verdicts = code.accuse(llr, key=KEY, colluders=3)
    assert [j for j, verdict in enumerate(verdicts) if verdict.is_present(1e-9)] == guilty


def test_innocents_under_noise_are_accused_no_more_often_than_stated() -> None:
    """Values with so much noise that many points are read wrongly; their ratios are true ones."""
    code, rng, n = AndCode(order=3), np.random.default_rng(3), 3000
    signs = np.where(code.and_of([0, 5, 9], key=KEY), 1.0, -1.0)
    innocent = [j for j in range(code.length) if j not in (0, 5, 9)]
    least = []
    for _ in range(n):
        verdicts = code.accuse(2 * (signs + rng.normal(0, 1, code.length)), key=KEY)
        least.append(min(verdicts[j].p_value for j in innocent))
    for level in (0.5, 0.1, 0.03):
        assert sum(p <= level for p in least) <= binom.ppf(0.9999, n, level)
    assert min(least) < 0.5


def test_the_key_says_where_the_points_are() -> None:
    code = AndCode(order=5)
    assert (code.word(0, key=KEY) != code.word(0, key=Key(bytes(16)))).any()
    assert (~code.word(0, key=KEY)).sum() == 6


def test_questions_that_cannot_be_answered() -> None:
    code = AndCode(order=3)
    with pytest.raises(WatermarkError, match="customer 13 is none of the 13"):
        code.word(13, key=KEY)
    with pytest.raises(WatermarkError, match="13 places"):
        code.accuse(np.zeros(12), key=KEY)
    with pytest.raises(WatermarkError, match="withstands 1 to 3 colluders, not 4"):
        code.accuse(np.zeros(13), key=KEY, colluders=4)
    assert {verdict.p_value for verdict in code.accuse(np.full(13, np.nan), key=KEY)} == {1.0}
