"""Evidence that may be stopped at any time: what it costs, and that it never cries wolf more often than it says."""

from __future__ import annotations

import numpy as np
import pytest
from learnt import answers, colourful, leaky
from scipy import integrate, special

from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.ownership.learnable import Evidence, LearnableMark, gather
from watermarking.ownership.learnable.evidence import calibrated, increment

KEY = Key(bytes(range(32)))


def cap_share(rho: float, dimensions: int) -> float:
    """Return the share of a sphere whose points have at least a cosine with one of them."""
    tail = 0.5 * float(special.betainc((dimensions - 1) / 2, 0.5, 1 - rho * rho))
    return tail if rho >= 0 else 1 - tail


def test_weights_are_those_of_the_first_checkpoints() -> None:
    half = calibrated(1.0)
    weights = {n: increment(n, 1.0) / half for n in range(1, 2**16) if increment(n, 1.0)}
    assert list(weights)[:11] == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]
    assert list(weights.values()) == pytest.approx([1 / (k * (k + 1)) for k in range(1, len(weights) + 1)])
    assert sum(weights.values()) < 1


def test_calibrated_has_mean_one_under_a_uniform_p_value() -> None:
    mean, error = integrate.quad(lambda x: calibrated(float(np.exp(-x))) * np.exp(-x), 0, 700, limit=500)
    assert mean < 1
    assert mean == pytest.approx(1 - 1 / 700, abs=1e-4)  # what lies beyond exp(-700) is left out
    assert error < 1e-4


def test_calibrated_falls_as_p_rises() -> None:
    values = [calibrated(p) for p in (1e-308, 1e-100, 1e-9, 0.01, 0.5, 1 - 1e-5, 1 - 1e-9, 1.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == 0.5
    assert np.isfinite(values).all()


@pytest.mark.parametrize("drift", [0.0, 0.3, 3.0])
def test_the_highest_e_value_of_random_keys_seldom_reaches_twenty(drift: float) -> None:
    """Answers whose direction wanders from query to query, watched after each, stopped at the best moment."""
    rng = np.random.default_rng(1)
    dimensions, n_keys, n_queries = 24, 3000, 64
    shown = np.cumsum(rng.normal(size=(n_queries, dimensions)) + drift * rng.normal(size=dimensions), axis=0)
    shown /= np.linalg.norm(shown, axis=1, keepdims=True)
    keys = rng.normal(size=(n_keys, dimensions))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    watched = [n for n in range(1, n_queries + 1) if increment(n, 1.0)]
    best = np.array(
        [sum(increment(n, cap_share(float(shown[n - 1] @ key), dimensions)) for n in watched) for key in keys]
    )
    for level in (2, 5, 20):
        bound = 1 / level
        assert (best >= level).mean() <= bound + 3 * np.sqrt(bound * (1 - bound) / n_keys)
    assert best.mean() < 1.5


def test_evidence_grows_on_a_suspect_that_learnt_and_may_be_stopped() -> None:
    own = colourful(6)
    suspect = answers(own, leaky(LearnableMark(), KEY))
    seen: list[Evidence] = []
    for evidence in gather(zip(suspect, own, strict=True), key=KEY):
        seen.append(evidence)
        if evidence.e_value >= 1e6:
            break
    assert seen[-1].e_value >= 1e6
    assert seen[-1].detection.is_present(1e-6)
    values = [evidence.e_value for evidence in seen]
    assert values == sorted(values)
    assert [evidence.n_queries for evidence in seen] == list(range(1, len(seen) + 1))


def test_the_latest_verdict_is_that_of_all_queries_at_once() -> None:
    own = colourful(3)
    suspect = answers(own, leaky(LearnableMark(), KEY))
    last = list(gather(zip(suspect, own, strict=True), key=KEY))[-1]
    assert last.latest.p_value == pytest.approx(LearnableMark().verify(suspect, own, key=KEY).p_value)


def test_a_suspect_that_learnt_nothing_gives_no_evidence() -> None:
    own = colourful(6)
    suspect = answers(own, lambda picture: picture)
    assert max(evidence.e_value for evidence in gather(zip(suspect, own, strict=True), key=KEY)) < 20


def test_it_asks_one_query_at_a_time() -> None:
    asked: list[int] = []

    def queries() -> object:
        for i, picture in enumerate(colourful(3)):
            asked.append(i)
            yield picture, picture

    stream = gather(queries(), key=KEY)  # type: ignore[arg-type]  # a generator is an iterable of such pairs
    next(stream)
    assert asked == [0]


def test_grey_and_colour_may_come_in_any_order() -> None:
    own = [picture if i % 2 else np.ascontiguousarray(picture[..., 1]) for i, picture in enumerate(colourful(4))]
    suspect = answers(own, leaky(LearnableMark(), KEY, share=0.6))
    last = list(gather(zip(suspect, own, strict=True), key=KEY))[-1]
    assert last.latest.p_value == pytest.approx(LearnableMark().verify(suspect, own, key=KEY).p_value)


def test_references_may_not_come_and_go() -> None:
    colour = colourful(1)[0]
    with pytest.raises(WatermarkError, match="1 references"):
        list(gather([(colour, colour), (colour, colour, [colour])], key=KEY))
