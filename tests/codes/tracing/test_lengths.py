"""How long codes must be: what is proven holds, what is measured is enough, and too little room says how much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from watermarking.codes.tracing.accuse import ROUND_SHARES, Judge
from watermarking.codes.tracing.biases import arcsine, gauss_legendre
from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.lengths import bound, code_for, length_for, unit_length
from watermarking.codes.tracing.mixing import MIXING_RULES, rule
from watermarking.errors import WatermarkError
from watermarking.keys import Key


def n_named(code: TardosCode, mixing: str, n: int, seed: int, score: str) -> int:
    """Return how many of a coalition of full size are named among n customers, at 1e-6 over all."""
    key, c = Key((seed + 1).to_bytes(16, "big")), code.colluders
    words = code.words(range(c), key=key).astype(np.uint8)
    shown = np.random.default_rng(seed).random(code.length) < rule(mixing, c)[words.sum(axis=0)]
    judge = Judge(code, np.where(shown, np.inf, -np.inf), key.derive("tracing"), score)  # type: ignore[arg-type]  # one
    log_p = judge.round().log_p(words) + math.log(n / ROUND_SHARES[0])
    return int((judge.verdicts(words, log_p, n, 300) <= math.log(1e-6)).sum())


@pytest.mark.parametrize("colluders", [2, 4])
@pytest.mark.parametrize("mixing", MIXING_RULES)
def test_the_bound_holds(colluders: int, mixing: str) -> None:
    biases = gauss_legendre(colluders)
    code = TardosCode(length=bound(1000, colluders, 1e-6, 0.1, biases=biases), colluders=colluders)
    failed = sum(not n_named(code, mixing, 1000, seed, "symmetric") for seed in range(30))
    assert failed <= binom.ppf(0.9999, 30, 0.1)


def test_what_is_proven_is_more_than_what_is_measured_and_grows() -> None:
    for colluders in (2, 3, 5, 10):
        biases = gauss_legendre(colluders)
        proven = bound(10**6, colluders, 1e-6, 0.05, biases=biases)
        assert length_for(10**6, colluders) < proven < 3 * unit_length(10**6, colluders, 1e-6)
        assert proven < bound(10**6, colluders, 1e-6, 0.005, biases=biases)
        assert proven < bound(10**6, colluders, 1e-9, 0.05, biases=biases)
        assert proven < bound(10**6, colluders, 1e-6, 0.05, biases=arcsine())


@pytest.mark.parametrize("colluders", [1, 2, 3, 5])
@pytest.mark.parametrize("mixing", MIXING_RULES)
def test_the_measured_length_is_enough(colluders: int, mixing: str) -> None:
    code = code_for(1000, colluders)
    named = [n_named(code, mixing, 1000, seed, "likelihood") for seed in range(12)]
    assert sum(count > 0 for count in named) >= binom.ppf(0.001, 12, 0.95)
    assert np.mean(named) >= colluders / 2


def test_noise_makes_codes_longer() -> None:
    assert length_for(1000, 4, read_wrongly=0.25) == pytest.approx(4 * length_for(1000, 4), abs=4)
    with pytest.raises(WatermarkError, match=r"0\.5 read wrongly"):
        length_for(1000, 4, read_wrongly=0.5)


def test_too_little_room_says_how_much_is_needed() -> None:
    needed = length_for(1000, 4)
    with pytest.raises(WatermarkError, match=f"{needed - 1} places are given, {needed} are needed"):
        code_for(1000, 4, room=needed - 1)
    assert code_for(1000, 4, room=5000).length == 5000
    with pytest.raises(WatermarkError, match="0 customers"):
        unit_length(0, 4, 1e-6)
    with pytest.raises(WatermarkError, match="between 0 and 1"):
        unit_length(10, 4, 1.0)
