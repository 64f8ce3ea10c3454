"""Biases and the words that follow from them: keyed, the same for ever, as often one as the biases say."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from watermarking.codes.tracing.biases import arcsine, gauss_legendre
from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.mixing import chances_of_ones
from watermarking.errors import WatermarkError
from watermarking.keys import Key

KEY = Key(bytes(range(16)))


@pytest.mark.parametrize("colluders", range(2, 21))
def test_gauss_legendre_biases_leave_colluders_no_choice(colluders: int) -> None:
    """Whatever is shown where k of c have a one, the symmetric scores' sum is the same on average: Nuida's property.

    Biases rounded to 256ths keep it to a few percent of what the sum gains where the choice is nobody's.
    """
    biases = gauss_legendre(colluders)
    p, ones = biases.values, np.arange(colluders + 1)
    gain = (ones - colluders * p[:, None]) / np.sqrt(p * (1 - p))[:, None]
    by_choice = (biases.chances[:, None] * chances_of_ones(p, colluders) * gain).sum(axis=0)
    forced = by_choice[-1]
    assert forced > 0
    assert np.abs(by_choice[1:-1]).max(initial=0.0) <= 0.05 * forced
    assert biases.chances.sum() == pytest.approx(1)
    assert (biases.thresholds.astype(int) + biases.thresholds[::-1] == 256).all()


def test_arcsine_biases() -> None:
    whole, cut = arcsine(), arcsine(1 / 30)
    assert (whole.thresholds == np.arange(1, 256)).all()
    assert whole.chances.sum() == pytest.approx(1)
    # the distribution function of the arcsine law at 1/4 is 1/3
    assert whole.chances[whole.values <= 0.25].sum() == pytest.approx(1 / 3, abs=0.002)
    assert cut.values.min() == pytest.approx(9 / 256)
    assert cut.chances[0] / cut.chances[50] == pytest.approx(whole.chances[8] / whole.chances[58])


@pytest.mark.parametrize("cutoff", [-0.1, 0.5, float("nan")])
def test_cutoffs_that_leave_nothing(cutoff: float) -> None:
    with pytest.raises(WatermarkError, match="cutoff"):
        arcsine(cutoff)


def test_numbers_of_colluders_that_no_code_is_for() -> None:
    for colluders in (0, -1, 201):
        with pytest.raises(WatermarkError, match="1 to 200"):
            gauss_legendre(colluders)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"length": "304", "colluders": 3}, "length is '304': give a whole number"),
        ({"length": True, "colluders": 3}, "length is True: give a whole number"),
        ({"length": 304, "colluders": 2.5}, "colluders is 2.5: give a whole number"),
        ({"length": 304, "colluders": 3, "cutoff": "0.1", "biases": "arcsine"}, "the cutoff is '0.1'"),
    ],
)
def test_fields_of_codes_that_are_no_numbers(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(WatermarkError, match=said):
        TardosCode(**fields)


def test_codes_are_part_of_the_format() -> None:
    """Copies that were given out must be traced by every later version."""
    words = [TardosCode(length=2000, colluders=c).words(["ada", "bob"], key=KEY) for c in (1, 3, 10, 20)]
    words.append(TardosCode(length=2000, colluders=10, biases="arcsine", cutoff=0.02).words(["ada", "bob"], key=KEY))
    digest = hashlib.sha256(np.packbits(np.stack(words)).tobytes()).hexdigest()
    assert digest == "4b9eaf7528c016608584ac64d88b665795a8ed4e9b7166e7767f6200732e6c17"


def test_words_are_as_biased_as_their_places() -> None:
    code = TardosCode(length=400, colluders=6)
    share = code.words(range(2000), key=KEY).mean(axis=0)
    p = code.values(key=KEY)
    z = (share - p) / np.sqrt(p * (1 - p) / 2000)
    assert np.abs(z).max() < 5
    assert float(np.mean(z**2)) == pytest.approx(1, abs=0.25)


def test_words_of_different_customers_are_independent_given_the_biases() -> None:
    code = TardosCode(length=4000, colluders=6)
    p = code.values(key=KEY)
    words = (code.words(range(40), key=KEY) - p) / np.sqrt(p * (1 - p))
    products = (words @ words.T / np.sqrt(code.length))[np.triu_indices(40, 1)]
    assert np.abs(products).max() < 5
    assert float(np.mean(products**2)) == pytest.approx(1, abs=0.2)


def test_shorter_codes_begin_like_longer_ones() -> None:
    short, long = (TardosCode(length=n, colluders=4) for n in (100, 900))
    assert (long.word("ada", key=KEY)[:100] == short.word("ada", key=KEY)).all()


def test_numbers_stand_for_their_digits_and_keys_differ() -> None:
    code = TardosCode(length=200, colluders=4)
    assert (code.word(7, key=KEY) == code.word("7", key=KEY)).all()
    assert (code.word("7", key=KEY) == code.words(["x", "7"], key=KEY)[1]).all()
    assert (code.word(7, key=KEY) != code.word(7, key=Key(bytes(16)))).any()
    assert (code.thresholds(key=KEY) != code.thresholds(key=Key(bytes(16)))).any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"length": 0, "colluders": 3}, "not 0"),
        ({"length": 10, "colluders": 0}, "1 to 200"),
        ({"length": 10, "colluders": 3, "biases": "uniform"}, "uniform"),
        ({"length": 10, "colluders": 3, "cutoff": 0.1}, "arcsine"),
        ({"length": 10, "colluders": 3, "biases": "arcsine", "cutoff": 0.6}, "0.6"),
    ],
)
def test_codes_that_there_are_not(fields: dict[str, object], message: str) -> None:
    with pytest.raises(WatermarkError, match=message):
        TardosCode(**fields)  # type: ignore[arg-type]  # wrong on purpose
