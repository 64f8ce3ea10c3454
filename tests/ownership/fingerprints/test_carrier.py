"""Words go into weights and come out again; nothing stands out, and nothing grows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from tests.ownership.fingerprints.world import KEY, network
from watermarking import Key
from watermarking.errors import CapacityError, WatermarkError
from watermarking.ownership.fingerprints.carrier import Carrier, carrying_layers
from watermarking.ownership.fingerprints.judging import judged
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.weights import read_weights

OWN = read_weights(network())
MARKS = [
    WeightMark(length=304, colluders=3), WeightMark(), WeightMark(code="identifier", length=304),
    WeightMark(code="and", length=307), WeightMark(code="and", length=31),
]  # fmt: skip


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: f"{mark.code}-{mark.length}")
def test_all_places_are_read_back(mark: WeightMark) -> None:
    carrier = Carrier(OWN, mark, key=KEY)
    word = mark.word("ada", key=KEY, number=3)
    levels = carrier.read(carrier.copy(word))
    verdicts = judged(levels, mark, ["zoe", "bob", "cleo", "ada"], key=KEY)
    assert next(iter(verdicts)) == "ada"
    assert verdicts["ada"].p_value < 1e-9
    assert [name for name, one in verdicts.items() if one.is_present()] == ["ada"]
    if mark.code != "and":
        assert ((levels.values > 0) == word).all()
        assert np.abs(np.abs(levels.values) - 1).max() < 0.1


@pytest.mark.parametrize("n", [2, 5, 6, 9])
def test_an_and_code_names_nobody_where_more_were_averaged_than_it_is_for(n: int) -> None:
    mark = WeightMark(code="and", length=31)
    customers = [f"customer {i}" for i in range(31)]
    for trial in range(3):
        key = Key(bytes([trial]) * 16)
        carrier = Carrier(OWN, mark, key=key)
        copies = [carrier.copy(mark.word(customers[i], key=key, number=i)) for i in range(n)]
        average = {name: np.mean([copy[name] for copy in copies], axis=0) for name in carrier.layers}
        found = judged(carrier.read(average), mark, customers, key=key)
        named = [one for one in customers if found[one].is_present(1e-6)]
        assert named == (customers[:n] if n <= mark.design().order else [])


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: f"{mark.code}-{mark.length}")
@pytest.mark.parametrize("what", ["the model itself", "another model", "another key", "noise"])
def test_nobody_is_accused_of_what_is_no_copy(mark: WeightMark, what: str) -> None:
    carrier = Carrier(OWN, mark, key=KEY)
    rng = np.random.default_rng(0)
    suspects = {
        "the model itself": OWN,
        "another model": read_weights(network(seed=5)),
        "another key": Carrier(OWN, mark, key=KEY.derive("other")).copy(mark.word("ada", key=KEY.derive("other"))),
        "noise": {name: value + rng.normal(0, 0.02, value.shape) for name, value in OWN.items()},
    }
    verdicts = judged(carrier.read(suspects[what]), mark, [f"customer {i}" for i in range(31)], key=KEY)
    assert min(one.p_value for one in verdicts.values()) > 1e-3


def test_no_weight_stands_out_and_no_variance_grows() -> None:
    mark = WeightMark()
    copy = Carrier(OWN, mark, key=KEY).copy(mark.word("ada", key=KEY))
    for name in carrying_layers(OWN):
        before, after = OWN[name].astype(np.float64), copy[name].astype(np.float64)
        rms = np.sqrt(np.mean(before**2))
        assert np.abs(after - before).max() < 1.2 * mark.strength * rms  # the mark, and what variance is taken back by
        assert np.sqrt(np.mean(after**2)) == pytest.approx(rms, rel=1e-6)
        if before.size > 1000:
            assert ks_2samp(before.ravel(), after.ravel(), method="asymp").pvalue > 0.05


def test_only_chosen_layers_change() -> None:
    mark = WeightMark(length=304, colluders=3, layers=("trunk.7.weight",))
    copy = Carrier(OWN, mark, key=KEY).copy(mark.word("ada", key=KEY))
    assert [name for name, value in copy.items() if not np.array_equal(value, OWN[name])] == ["trunk.7.weight"]


def test_words_that_do_not_fit_are_refused_with_the_number_of_places() -> None:
    with pytest.raises(CapacityError, match=r"144 weights have room for 9 places, 304 are needed"):
        Carrier(OWN, WeightMark(length=304, colluders=3, layers=("trunk.0.weight",)), key=KEY)
    with pytest.raises(WatermarkError, match="no layer that can carry"):
        Carrier(OWN, WeightMark(layers=("nothing",)), key=KEY)
    with pytest.raises(CapacityError, match="168 are needed"):
        WeightMark(code="identifier", length=100)


@pytest.mark.parametrize("bad", [{"code": "best"}, {"strength": 0.9}, {"code": "and", "length": 304}, {"length": 0}])
def test_marks_that_do_not_exist(bad: dict[str, object]) -> None:
    with pytest.raises(WatermarkError):
        WeightMark.from_config(bad)


def test_configurations_are_checked() -> None:
    with pytest.raises(WatermarkError, match="no colour"):
        WeightMark.from_config({"colour": 1})
    with pytest.raises(WatermarkError, match="kind 'soft-label'"):
        WeightMark.from_config({"id": "soft-label"})
