"""Set messages without pictures: what it takes to know a record, and that no other one comes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.datasets.set_message import LONGEST_RECORD, Collector, Progress, SetMessage
from watermarking.errors import CapacityError, WatermarkError
from watermarking.keys import Key

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))


def collected(messages: list[bytes], key: Key = KEY) -> Collector:
    collector = Collector(key)
    for message in messages:
        collector.add(message)
    return collector


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=LONGEST_RECORD), st.sampled_from([10, 16, 20, 32, 64]), st.randoms(use_true_random=False))
def test_any_record_comes_back_in_any_order(record: bytes, n_bytes: int, random: object) -> None:
    message = SetMessage(record, KEY, n_bytes=n_bytes)
    order = list(range(6 * message.n_blocks))
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis's own Random
    collector = Collector(KEY)
    needed = next(n for n, index in enumerate(order, 1) if collector.add(message.message_of(index)))
    assert collector.record == record
    assert message.n_blocks <= needed <= message.n_blocks + 3


def test_a_kilobyte_from_a_twentieth_of_two_thousand_pictures() -> None:
    record = np.random.default_rng(0).bytes(1024)
    message = SetMessage(record, KEY)
    assert message.n_blocks == 69
    for trial in range(20):
        chosen = np.random.default_rng(trial).permutation(2000)[:100].tolist()
        assert all(len(message.message_of(index)) == 20 for index in chosen[:3])
        assert collected([message.message_of(index) for index in chosen]).record == record


def test_what_is_known_before_it_is_enough() -> None:
    message, collector = SetMessage(bytes(300), KEY), Collector(KEY)
    assert collector.progress == Progress(0, 0)
    for index in range(message.n_blocks - 1):
        assert not collector.add(message.message_of(index))
        assert not collector.add(message.message_of(index))  # a symbol twice is one symbol
    assert collector.progress == Progress(message.n_blocks - 1, message.n_blocks)
    assert (collector.record, collector.n_bytes) == (None, 20)


def test_other_messages_and_unread_pictures_change_nothing() -> None:
    message, collector = SetMessage(b"licence: CC0" * 9, KEY), Collector(KEY)
    for index in range(200):
        collector.add(f"customer-{index:011d}".encode())
        collector.add(None)
        collector.add(b"")
    assert collector.progress == Progress(0, 0)
    assert any(collector.add(message.message_of(index)) for index in range(30))


def test_another_key_reads_nothing() -> None:
    message = SetMessage(b"a record of some length, so that it takes several", KEY)
    assert collected([message.message_of(index) for index in range(24)], OTHER).record is None


def test_two_records_of_one_key_do_not_mix() -> None:
    first, second = (SetMessage(text * 30, KEY) for text in (b"first", b"other"))
    mixed = [one.message_of(index) for index in range(6) for one in (first, second)]
    assert collected(mixed).record is None
    assert collected([*mixed, *(second.message_of(index) for index in range(6, 12))]).record == b"other" * 30


def test_a_false_symbol_delays_and_does_not_deceive() -> None:
    """A message that passed its check by chance, or forged by who knows the key: it is left out, once others do."""
    record = bytes(range(150))
    message, collector = SetMessage(record, KEY), Collector(KEY)
    forged = SetMessage(bytes(150), KEY)
    forged._tag = message._tag  # two records whose hashes collide
    for index in range(3):
        collector.add(forged.message_of(index))
    known = [collector.add(message.message_of(index)) for index in range(3, 6 * message.n_blocks)]
    assert collector.record in (record, None)
    assert collector.record == record, f"not in {len(known)} symbols"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CapacityError, match="1025 bytes, a set carries at most 1024"):
        SetMessage(bytes(1025), KEY)
    with pytest.raises(CapacityError, match="at least 10 bytes"):
        SetMessage(bytes(1024), KEY, n_bytes=9)
    with pytest.raises(CapacityError, match="too short"):
        SetMessage(b"", KEY, n_bytes=5)
    with pytest.raises(WatermarkError, match="counted from 0"):
        SetMessage(b"", KEY).message_of(-1)
