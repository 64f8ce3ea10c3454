"""Pooled evidence on soft values that are drawn: what is found, and that nothing is where nothing is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from watermarking.codes.framing import encode, encode_all, size_class
from watermarking.datasets.evidence import Evidence, Pool, Words, pooled_presence, weigh
from watermarking.datasets.soft_reads import SoftPicture
from watermarking.interface import Detection
from watermarking.keys import Key

KEY, SECOND = Key(bytes(range(16))), Key(bytes(range(1, 17)))
NAMES = [f"name-{number:03d}".encode() for number in range(20)]
NONE = Detection(0.0, 1.0, "pilot")


def signs(message: bytes, key: Key = KEY) -> npt.NDArray[np.float64]:
    return np.where(encode(message, key=key), 1.0, -1.0)


def picture(
    rng: np.random.Generator, *carried: bytes, share: float = 0.3, rows: int = 3, key: Key = KEY
) -> SoftPicture:
    """Draw soft values of several alignments; in the last, each message has so large a share of the amplitude."""
    n = 1024
    values = rng.normal(size=(rows, n)) / np.sqrt(n)
    for message in carried:
        values[-1] += share * signs(message, key) / np.sqrt(n)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return SoftPicture({n: values.astype(np.float32)}, {n: 0.0}, NONE)


def one_word(names: list[bytes] = NAMES) -> Words:
    return Words(names, np.arange(len(names)))


def named(verdicts: list[Detection], fpr: float = 1e-6) -> list[int]:
    return [owner for owner, verdict in enumerate(verdicts) if verdict.is_present(fpr)]


def test_many_messages_encode_as_each_does() -> None:
    messages = [b"", b"abc", bytes(8), b"x" * 20, b"y" * 21, b"z" * 300, b"abc"]
    seen = 0
    for frame, places, words in encode_all(messages, key=KEY):
        for place, word in zip(places, words, strict=True):
            assert frame == size_class(len(messages[place]))
            np.testing.assert_array_equal(word, encode(messages[place], key=KEY))
            seen += 1
    assert seen == len(messages)


def test_the_right_one_is_found_and_nobody_else() -> None:
    rng = np.random.default_rng(0)
    seen = [picture(rng, NAMES[7], share=0.35) for _ in range(3)]
    verdicts = weigh(20, [Evidence(one_word(), seen, KEY)])
    assert named(verdicts, 1e-12) == [7]
    assert min(verdict.p_value for owner, verdict in enumerate(verdicts) if owner != 7) > 1e-3


def test_faint_pictures_add_up_where_one_says_nothing() -> None:
    rng = np.random.default_rng(1)
    seen = [picture(rng, NAMES[3], share=0.1, rows=1) for _ in range(60)]
    assert not named(weigh(20, [Evidence(one_word(), seen[:1], KEY)]))
    assert named(weigh(20, [Evidence(one_word(), seen, KEY)]), 1e-12) == [3]


def test_the_same_picture_again_adds_nothing() -> None:
    """Pictures need not differ: what is random is the mask, and it is drawn once."""
    rng = np.random.default_rng(2)
    once = picture(rng, NAMES[3], share=0.1, rows=1)
    single = weigh(20, [Evidence(one_word(), [once], KEY)])[3]
    many = weigh(20, [Evidence(one_word(), [once] * 40, KEY)])[3]
    assert many.score == pytest.approx(single.score, rel=1e-3)
    assert many.p_value >= single.p_value


def test_averaged_copies_name_all_and_nobody_else() -> None:
    rng = np.random.default_rng(3)
    words = [f"{name.decode()}-{index}".encode() for name in NAMES for index in range(30)]
    of_sample = Words(words, np.repeat(np.arange(20), 30))
    guilty = (2, 9, 17)
    seen = [picture(rng, *(words[30 * owner + index] for owner in guilty), share=0.35) for index in range(30)]
    assert named(weigh(20, [Evidence(of_sample, seen, KEY)]), 1e-12) == list(guilty)


def test_a_word_that_is_taken_out_stays_out() -> None:
    rng = np.random.default_rng(4)
    seen = picture(rng, NAMES[0], NAMES[1], share=0.6, rows=1)
    first, second = (signs(name).astype(np.int8) for name in NAMES[:2])
    left = seen.without(first).without(second)
    assert np.abs(left.values[1024] @ np.stack([first, second]).T).max() < 1e-3
    assert left.without(first) is left
    assert np.linalg.norm(left.values[1024]) == pytest.approx(1, abs=1e-5)
    assert abs(float(seen.values[1024][0] @ first)) > 10  # the picture itself is as it was


def test_keys_and_size_classes_have_masks_of_their_own() -> None:
    rng = np.random.default_rng(5)
    seen = {key: [picture(rng, NAMES[4], share=0.2, rows=1, key=key) for _ in range(8)] for key in (KEY, SECOND)}
    both = weigh(20, [Evidence(one_word(), seen[key], key) for key in seen])
    alone = weigh(20, [Evidence(one_word(), seen[KEY], KEY)])
    assert both[4].p_value < alone[4].p_value < 1e-6
    assert named(both) == [4]


def test_chance_keeps_to_the_bound() -> None:
    """Keys are drawn afresh: 400 times 20 names over pictures that hold nothing, coherent ones among them."""
    n_trials, least = 400, []
    for trial in range(n_trials):
        rng, key = np.random.default_rng(trial), Key(trial.to_bytes(16, "big"))
        seen = [picture(rng, rows=3)] * 2 + [picture(rng, rows=1)]
        pool = Pool(20)
        pool.add(one_word(), seen, key)
        least.append(min(verdict.p_value for verdict in pool.verdicts()))
    for rate in (0.3, 0.1, 0.03):
        assert sum(p <= rate for p in least) <= binom.ppf(0.999, n_trials, rate)
    assert min(least) < 0.9  # a bound that never came near would say nothing


def test_the_number_of_samples_is_paid_for() -> None:
    rng = np.random.default_rng(6)
    few, many = ([f"a{index:05d}".encode() for index in range(n)] for n in (1, 3000))
    seen = [picture(rng, few[0], share=0.25, rows=1)]
    p_few, p_many = (
        weigh(1, [Evidence(Words(words, np.zeros(len(words), np.int64)), seen, KEY)])[0].p_value
        for words in (few, many)
    )
    assert p_many == pytest.approx(1500 * p_few, rel=0.3)  # one of three thousand, against two sums of the one


def test_presence_adds_up_over_pictures() -> None:
    rng = np.random.default_rng(7)

    def parts(level: float) -> SoftPicture:
        values = rng.normal(level, 1, 960)
        return SoftPicture({}, {}, NONE, {512: (values / np.linalg.norm(values)).astype(np.float32)})

    assert pooled_presence([parts(0.08) for _ in range(40)]).is_present(1e-9)
    assert pooled_presence([parts(0.0) for _ in range(40)]).p_value > 1e-3
    assert pooled_presence([]).p_value == 1.0
