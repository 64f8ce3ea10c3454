"""Keyed identifiers: read back through noise, without a list, and nobody's by chance."""

from __future__ import annotations

import numpy as np
import pytest

from watermarking.codes.tracing.identifiers import identifier, identify, word_of
from watermarking.errors import CapacityError
from watermarking.keys import Key

KEY = Key(bytes(range(16)))
CUSTOMERS = ["bob", "ada", 17]


@pytest.mark.parametrize("length", [168, 304, 700])
def test_an_identifier_comes_back(length: int) -> None:
    read = np.where(word_of("ada", key=KEY, length=length), 1.0, -1.0)
    name, detection = identify(read, CUSTOMERS, key=KEY)
    assert name == "ada"
    assert detection.p_value < 1e-12
    assert detection.score == 1.0


def test_one_bit_in_twelve_may_be_wrong() -> None:
    right = 0
    for trial in range(20):
        rng = np.random.default_rng(trial)
        read = np.where(word_of(17, key=KEY), 1.0, -1.0)
        read[rng.choice(read.size, read.size // 12, replace=False)] *= -1
        right += identify(read, CUSTOMERS, key=KEY)[0] == "17"
    assert right >= 18


def test_noise_hides_the_identifier_but_not_the_customer() -> None:
    rng = np.random.default_rng(1)
    read = np.where(word_of("ada", key=KEY, length=1000), 1.0, -1.0) + rng.normal(0, 3, 1000)
    name, detection = identify(read, CUSTOMERS, key=KEY)
    if name is None:
        assert detection.statistic == "identifier"
    assert detection.p_value < 1e-9
    nobody = identify(rng.normal(0, 3, 1000), CUSTOMERS, key=KEY)
    assert nobody[0] is None
    assert nobody[1].p_value > 1e-3


def test_somebody_who_is_not_on_the_list() -> None:
    name, detection = identify(np.where(word_of("eve", key=KEY), 1.0, -1.0), CUSTOMERS, key=KEY)
    assert name is None
    assert detection.p_value < 1e-12  # an identifier of this key is there


def test_values_that_say_nothing() -> None:
    for read in (np.zeros(304), np.full(304, np.nan)):
        name, detection = identify(read, CUSTOMERS, key=KEY)
        assert name is None
        assert detection.p_value == 1.0


def test_identifiers_are_keyed_and_need_room() -> None:
    assert identifier("ada", key=KEY) != identifier("ada", key=Key(bytes(16)))
    assert identifier(17, key=KEY) == identifier("17", key=KEY)
    with pytest.raises(CapacityError, match="168 are needed"):
        word_of("ada", key=KEY, length=167)
