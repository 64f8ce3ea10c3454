"""One word against soft values: the bound holds for whoever had no part, and other customers' words do not help."""

from __future__ import annotations

import numpy as np

from watermarking.codes.tracing.code import TardosCode
from watermarking.codes.tracing.presence import word_detection
from watermarking.keys import Key

KEY = Key(bytes(range(16)))
CODE = TardosCode(length=512, colluders=5)


def test_the_own_word_is_found_through_errors_and_others_are_not() -> None:
    words, biases = CODE.words(["ada", "bob"], key=KEY), CODE.values(key=KEY)
    rng = np.random.default_rng(0)
    read = np.where(words[0] ^ (rng.random(512) < 0.1), 3.0, -3.0)
    assert word_detection(read, words[0], biases).p_value < 1e-12
    assert np.mean(words[0] == words[1]) > 0.55  # as words of one key are, so that counting agreement would mislead
    assert word_detection(read, words[1], biases).p_value > 1e-4


def test_the_bound_holds_for_innocents() -> None:
    biases = CODE.values(key=KEY)
    read = np.where(CODE.word("ada", key=KEY), 1.0, -1.0) * np.linspace(0.1, 3, 512)
    p_values = np.array([word_detection(read, word, biases).p_value for word in CODE.words(range(4000), key=KEY)])
    for level in (0.3, 0.1, 0.01):
        assert np.mean(p_values <= level) <= level


def test_odd_soft_values() -> None:
    word, biases = CODE.word("ada", key=KEY), CODE.values(key=KEY)
    assert word_detection(np.zeros(512), word, biases).p_value == 1
    assert word_detection(np.full(512, np.nan), word, biases).p_value == 1
    assert word_detection(np.where(word, np.inf, -np.inf), word, biases).p_value < 1e-20
