"""Who took part: colluders are named, whatever they do; innocents are not, and their p-values are p-values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from watermarking.codes.tracing.accuse import Judge, accuse
from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.lengths import length_for
from watermarking.codes.tracing.mixing import MIXING_RULES, rule
from watermarking.errors import WatermarkError
from watermarking.keys import Key

KEY = Key(bytes(range(16)))


def merged(code: TardosCode, guilty: list[Any], mixing: str, seed: int, key: Key = KEY) -> Any:
    """Return the bits (length,) that a copy of the guilty shows."""
    ones = code.words(guilty, key=key).sum(axis=0)
    return np.random.default_rng(seed).random(code.length) < rule(mixing, len(guilty))[ones]


@pytest.mark.parametrize("mixing", MIXING_RULES)
def test_four_of_a_thousand_are_found_and_nobody_else(mixing: str) -> None:
    code = TardosCode(length=length_for(1000, 4), colluders=4)
    guilty = [3, 141, 592, 999]
    copy = merged(code, guilty, mixing, 1)
    found = accuse(code, np.where(copy, np.inf, -np.inf), range(1000), key=KEY)
    assert found.named()
    assert set(found.named()) <= set(map(str, guilty))
    assert found.n_customers == 1000
    p_values = [verdict.p_value for verdict in found.values()]
    assert p_values == sorted(p_values)
    assert found[found.named()[0]].statistic == "collusion-secure code"
    innocent = min(verdict.p_value for name, verdict in found.items() if int(name) not in guilty)
    assert innocent > 1e-4


@pytest.mark.parametrize("score", ["likelihood", "interleaving", "symmetric"])
def test_one_who_leaked_alone(score: Any) -> None:
    code = TardosCode(length=700, colluders=3)
    copy = code.word("ada", key=KEY)
    found = accuse(code, np.where(copy, 3.0, -3.0), ["ada", *map(str, range(500))], key=KEY, score=score)
    assert found.named(1e-9) == ["ada"]


def test_soft_values_find_what_hard_ones_do_not() -> None:
    """Averages of copies under noise: what is sure counts for more."""
    code, guilty = TardosCode(length=1500, colluders=4), list(range(4))
    means = np.where(code.words(guilty, key=KEY), 1.0, -1.0).mean(axis=0)
    noisy = means + np.random.default_rng(2).normal(0, 0.7, code.length)
    soft = accuse(code, 2 * noisy / 0.9, range(300), key=KEY)
    hard = accuse(code, np.where(noisy > 0, 2.0, -2.0), range(300), key=KEY)
    total = [sum(math.log(found[str(i)].p_value) for i in guilty) for found in (soft, hard)]
    assert set(soft.named()) <= set(map(str, guilty))
    assert soft.named()
    assert total[0] < total[1]


def test_erased_places_are_left_out() -> None:
    code = TardosCode(length=1200, colluders=2)
    soft = np.where(merged(code, ["ada", "bob"], "majority", 3), 9.0, -9.0)
    soft[::2] = np.nan
    found = accuse(code, soft, ["ada", "bob", *range(200)], key=KEY)
    assert sorted(found.named()) == ["ada", "bob"]
    empty = accuse(code, np.zeros(1200), ["ada", "bob"], key=KEY)
    assert [verdict.p_value for verdict in empty.values()] == [1.0, 1.0]


def test_the_wrong_key_names_nobody() -> None:
    code = TardosCode(length=1200, colluders=2)
    copy = merged(code, ["ada", "bob"], "majority", 3)
    found = accuse(code, np.where(copy, 9.0, -9.0), ["ada", "bob", *range(200)], key=Key(bytes(16)))
    assert min(verdict.p_value for verdict in found.values()) > 1e-3


def test_more_colluders_than_the_code_is_for_accuse_nobody_else() -> None:
    code = TardosCode(length=500, colluders=2)
    for mixing in ("interleaving", "minority"):
        copy = merged(code, list(range(12)), mixing, 4)
        found = accuse(code, np.where(copy, np.inf, -np.inf), range(400), key=KEY)
        assert {name for name in found.named(1e-3) if int(name) >= 12} == set()


def test_only_the_best_are_kept_and_they_are_the_same() -> None:
    code = TardosCode(length=800, colluders=3)
    soft = np.where(merged(code, [5, 6, 7], "interleaving", 5), np.inf, -np.inf)
    every, few = (accuse(code, soft, range(300), key=KEY, keep=keep) for keep in (300, 20))
    assert len(every) == 300
    assert len(few) == 20
    assert few.n_customers == 300
    assert {name: few[name] for name in few.named()} == {name: every[name] for name in every.named()}


@pytest.mark.parametrize("mixing", ["interleaving", "all-one"])
def test_p_values_of_innocents_are_p_values(mixing: str) -> None:
    """Each for itself, over many keys and copies, in the first round and in one that holds two colluders' words."""
    log_first, log_later = [], []
    for trial in range(40):
        key = Key(trial.to_bytes(16, "big"))
        code = TardosCode(length=150, colluders=4)
        soft = np.where(merged(code, ["a", "b", "c"], mixing, trial, key), 2.0, -2.0)
        judge = Judge(code, soft, key.derive("tracing"), "likelihood")
        ones = code.words(range(250), key=key).astype(np.uint8)
        log_first.append(judge.round().log_p(ones))
        judge.held, judge.n_held = code.words(["a", "b"], key=key).sum(axis=0), 2
        log_later.append(judge.round().log_p(ones))
    for log_p in (np.concatenate(log_first), np.concatenate(log_later)):
        for level in (0.1, 0.01, 0.001):
            assert (log_p <= math.log(level)).sum() <= binom.ppf(0.9999, log_p.size, level)
        assert (log_p <= math.log(0.1)).mean() > 0.02  # not so cautious that nothing is ever found


def test_verdicts_count_everybody() -> None:
    """Over whole procedures, pairs and rounds included, the least p-value of innocents is below a at most so often."""
    least = []
    for trial in range(60):
        key = Key(trial.to_bytes(16, "big"))
        code = TardosCode(length=100, colluders=3)
        soft = np.where(merged(code, [0, 1, 2], "interleaving", trial, key), np.inf, -np.inf)
        found = accuse(code, soft, range(60), key=key, pairs=30)
        least.append(min(verdict.p_value for name, verdict in found.items() if int(name) > 2))
    for level in (0.3, 0.1, 0.03):
        assert sum(p <= level for p in least) <= binom.ppf(0.9999, len(least), level)


def test_questions_that_cannot_be_answered() -> None:
    code = TardosCode(length=50, colluders=3)
    soft = np.ones(50)
    with pytest.raises(WatermarkError, match=r"\(49,\).*50 places"):
        accuse(code, soft[1:], ["ada"], key=KEY)
    with pytest.raises(WatermarkError, match="no customers"):
        accuse(code, soft, [], key=KEY)
    with pytest.raises(WatermarkError, match="'ada' was given twice"):
        accuse(code, soft, ["ada", "bob", "ada"], key=KEY)
    with pytest.raises(WatermarkError, match="'best'"):
        accuse(code, soft, ["ada"], key=KEY, score="best")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(WatermarkError, match="keep at least 1"):
        accuse(code, soft, ["ada"], key=KEY, keep=0)
