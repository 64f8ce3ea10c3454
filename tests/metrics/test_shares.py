"""Intervals, accuracies and detection rates against scipy.stats and counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from watermarking.metrics import (
    bit_accuracy,
    bits_per_pixel,
    bootstrap_interval,
    clustered_interval,
    match_p_value,
    roc,
    threshold_at_fpr,
    tpr_at_fpr,
    wilson_interval,
    word_accuracy,
)


@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_against_scipy(trials: int, share: float, confidence: float) -> None:
    successes = round(trials * share)
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert wilson_interval(successes, trials, confidence=confidence) == pytest.approx(tuple(expected), abs=1e-9)


def test_wilson_ends() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 9)[0] == 0.0
    assert wilson_interval(9, 9)[1] == 1.0
    for bad in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="no interval"):
            wilson_interval(*bad)


@pytest.mark.parametrize("alike", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_intervals_of_clusters_cover_the_share_where_pooled_ones_do_not(share: float, alike: float) -> None:
    """Seventeen photographs of another share each, read twelve times: beta-binomial counts."""
    rng = np.random.default_rng(3)
    shape = 1 / alike - 1
    counts = rng.binomial(12, rng.beta(share * shape, (1 - share) * shape, (400, 17)))
    clustered = [clustered_interval(one, np.full(17, 12)) for one in counts]
    pooled = [wilson_interval(int(one.sum()), 17 * 12) for one in counts]
    covered, too_narrow = (np.mean([low <= share <= high for low, high in them]) for them in (clustered, pooled))
    assert covered >= 0.94
    if alike >= 0.3:
        assert too_narrow < 0.8


def test_intervals_of_clusters_know_what_is_alike() -> None:
    wide, narrow = clustered_interval([12] * 8 + [0] * 9, [12] * 17), clustered_interval([6] * 17, [12] * 17)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    single, pooled = clustered_interval([1] * 17, [1] * 17), wilson_interval(17, 17)
    assert single == pytest.approx(pooled, abs=0.03)  # one read of each: nothing to be alike
    assert clustered_interval([1, 0, 0, 2], [2, 0, 1, 2]) == clustered_interval([1, 0, 2], [2, 1, 2])


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=20), st.sampled_from([0.5, 0.95]))
def test_intervals_of_clusters_hold_their_share(counts: list[tuple[int, int]], confidence: float) -> None:
    found, tried = [min(pair) for pair in counts], [max(pair) for pair in counts]
    low, high = clustered_interval(found, tried, confidence=confidence)
    assert 0 <= low <= high <= 1
    if sum(tried):
        assert low <= sum(found) / sum(tried) + 1e-12
        assert high >= sum(found) / sum(tried) - 1e-12
    else:
        assert (low, high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("found", "tried", "confidence"),
    [([2], [1], 0.95), ([-1], [1], 0.95), ([1], [1, 2], 0.95), (1, 2, 0.95), ([1], [2], 1.0), ([np.nan], [2], 0.95)],
)
def test_counts_that_make_no_interval(found: object, tried: object, confidence: float) -> None:
    with pytest.raises(ValueError, match="no interval"):
        clustered_interval(found, tried, confidence=confidence)  # type: ignore[arg-type]  # scalars are among them


def test_bootstrap_against_scipy() -> None:
    values = np.random.default_rng(0).exponential(1, 80)
    mine = bootstrap_interval(values, rng=np.random.default_rng(1), resamples=4000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(2))
    assert mine == pytest.approx(tuple(theirs.confidence_interval), abs=0.04)
    median = bootstrap_interval(values, rng=np.random.default_rng(1), statistic=np.median)
    assert median[0] < np.median(values) < median[1]
    assert mine == bootstrap_interval(values, rng=np.random.default_rng(1), resamples=4000)


def test_bootstrap_of_groups_is_wider() -> None:
    level = np.random.default_rng(0).normal(size=15)
    values, groups = np.repeat(level, 12), np.repeat(np.arange(15), 12)
    alone = bootstrap_interval(values, rng=np.random.default_rng(1))
    together = bootstrap_interval(values, rng=np.random.default_rng(1), groups=groups)
    by_group = bootstrap_interval(level, rng=np.random.default_rng(1))
    assert together == pytest.approx(by_group, abs=1e-9)
    assert together[1] - together[0] > 2.5 * (alone[1] - alone[0])
    for bad in ([], [[1.0]]):
        with pytest.raises(ValueError, match="bootstrap needs"):
            bootstrap_interval(bad, rng=np.random.default_rng(0))


def test_accuracies() -> None:
    assert bit_accuracy([1, 0, 1, 1], [1, 1, 1, 0]) == 0.5
    assert word_accuracy([([1, 0], [1, 0]), ([1, 0], [1, 1]), ([1, 0], None), ([1, 0], [1, 0, 0])]) == 0.25
    assert bits_per_pixel(64, (100, 200, 3), success=0.5) == 64 * 0.5 / 20000
    for call in (lambda: bit_accuracy([], []), lambda: bit_accuracy([1], [1, 0]), lambda: word_accuracy([])):
        with pytest.raises(ValueError, match=r"payloads"):
            call()
    for bad in ((64, (0, 5)), (-1, (5, 5))):
        with pytest.raises(ValueError, match="no rate"):
            bits_per_pixel(*bad)


@given(st.integers(1, 500), st.data())
def test_match_p_value_against_scipy(bits: int, data: st.DataObject) -> None:
    matches = data.draw(st.integers(0, bits))
    expected = stats.binomtest(matches, bits, 0.5, alternative="greater").pvalue
    assert match_p_value(matches, bits) == pytest.approx(expected, rel=1e-9)


def test_match_p_value_refuses() -> None:
    with pytest.raises(ValueError, match="cannot match"):
        match_p_value(5, 4)


scores = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


@given(scores, scores)
def test_roc_against_counting(absent: list[int], present: list[int]) -> None:
    curve = roc(absent, present)
    null, marked = np.array(absent), np.array(present)
    for fpr, tpr, threshold in zip(curve.fpr, curve.tpr, curve.thresholds, strict=True):
        assert fpr == pytest.approx(np.mean(null >= threshold))
        assert tpr == pytest.approx(np.mean(marked >= threshold))
    assert (curve.fpr[-1], curve.tpr[-1]) == (1, 1)
    pairs = stats.mannwhitneyu(marked, null).statistic / (null.size * marked.size)
    assert curve.area == pytest.approx(pairs)


@given(st.lists(st.integers(-20, 20), min_size=20, max_size=300), scores, st.sampled_from([0.05, 0.1, 0.3]))
def test_threshold_is_the_lowest_that_keeps_the_rate(absent: list[int], present: list[int], fpr: float) -> None:
    null = np.array(absent, dtype=float)
    threshold = threshold_at_fpr(absent, fpr)
    assert np.mean(null >= threshold) <= fpr + 1e-12
    lower = null[null < threshold].max()
    assert np.mean(null >= lower) > fpr
    assert tpr_at_fpr(absent, present, fpr) == pytest.approx(np.mean(np.array(present) >= threshold))


@pytest.mark.parametrize("fpr", [1e-2, 1e-3])
def test_normal_scores(fpr: float) -> None:
    rng = np.random.default_rng(0)
    null, marked = rng.standard_normal(200_000), rng.standard_normal(20_000) + 3
    assert tpr_at_fpr(null, marked, fpr) == pytest.approx(stats.norm.sf(stats.norm.isf(fpr) - 3), abs=0.02)


def test_rates_that_cannot_be_measured_are_refused() -> None:
    with pytest.raises(ValueError, match="1e-06 needs 1000000 scores, there are 5000"):
        threshold_at_fpr(np.arange(5000), 1e-6)
    assert threshold_at_fpr(np.arange(300), 0.01) == pytest.approx(296)
    for bad in ([], [np.nan]):
        with pytest.raises(ValueError, match="at least one score"):
            roc(bad, [1.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold_at_fpr([1.0], 0.0)
