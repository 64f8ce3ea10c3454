"""Between messages and schemes: room, rate matching and repetition, verdicts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from watermarking.codes.framing import SIZE_CLASSES, Decoded, encode
from watermarking.errors import CapacityError
from watermarking.interface import Detection, Extraction, PlaneScheme, RestoringScheme, SoftRead
from watermarking.keys import Key
from watermarking.messages.carrier import (
    Attempt,
    best_presence,
    carried_payload,
    code_word,
    decode_message,
    longest_message,
    message_detection,
    reading_detection,
    soft_reads,
)
from watermarking.registry import get_scheme, scheme_ids
from watermarking.significance import rademacher_p_value

KEY, OTHER = Key(bytes(16)), Key(bytes(range(16)))
SHAPES = [(1, 1), (100, 100), (256, 320), (512, 768), (2000, 3000)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wire:
    """A scheme that is a perfect channel of so many bits: what is embedded last is what is read."""

    psnr: float = 42.0
    room: int = 480
    id = "wire"
    payload_kind = "bits"
    keyed = True
    bit_exact = True

    def capacity(self, shape: tuple[int, ...]) -> int:
        return self.room

    def embed(self, image: Any, payload: Any, *, key: Key) -> Any:
        return np.where(payload, 1.0, -1.0).astype(np.float32)

    def extract(self, image: Any, *, key: Key) -> Extraction[Any]:
        return Extraction(image > 0, image, Detection(0.0, 1.0, "wire"))


@pytest.mark.parametrize("scheme_id", scheme_ids())
def test_room_grows_with_the_picture(scheme_id: str) -> None:
    scheme = get_scheme(scheme_id)
    rooms = [longest_message(scheme, shape) for shape in SHAPES]
    assert rooms == sorted(rooms)
    assert rooms[0] == 0
    assert rooms[3] >= 8
    assert set(rooms) <= {0, *(size.n_bytes for size in SIZE_CLASSES)}


@pytest.mark.parametrize("scheme_id", scheme_ids())
def test_whatever_is_said_to_fit_does(scheme_id: str) -> None:
    scheme: Any = get_scheme(scheme_id)
    for shape in SHAPES[2:]:
        room = longest_message(scheme, shape)
        if room:
            payload = carried_payload(scheme, bytes(room), KEY, shape)
            if scheme.payload_kind == "picture":
                assert payload.shape == scheme.payload_shape
                continue
            assert 0 < payload.size <= scheme.capacity(shape)
            once = isinstance(scheme, PlaneScheme | RestoringScheme)
            assert once or payload.size == scheme.capacity(shape)


@pytest.mark.parametrize("room", [240, 300, 511, 512, 513, 1000, 1024, 1537, 5000, 9000])
@pytest.mark.parametrize("size", [0, 3, 8, 20])
def test_any_room_carries_a_message(room: int, size: int) -> None:
    """Less room than a code word: rate matched; more: repeated."""
    wire = Wire(room=room)
    message = bytes(range(1, size + 1))
    if longest_message(wire, (1, 1)) < size:
        return
    sent = wire.embed(None, carried_payload(wire, message, KEY, (1, 1)), key=KEY)
    sent += np.random.default_rng(room).normal(0, 0.3, sent.size).astype(np.float32)
    decoded, n_checks = decode_message(soft_reads(wire, wire.extract(sent, key=KEY)).reads, KEY)
    assert decoded is not None
    assert decoded.message == message
    assert n_checks >= 1
    assert decode_message(soft_reads(wire, wire.extract(sent, key=OTHER)).reads, OTHER)[0] is None


def test_no_room_at_all() -> None:
    with pytest.raises(CapacityError):
        carried_payload(Wire(room=0), b"", KEY, (1, 1))
    assert longest_message(Wire(room=0), (1, 1)) == 0
    nothing = soft_reads(Wire(), Wire().extract(np.zeros(0, np.float32), key=KEY))
    assert decode_message(nothing.reads, KEY) == (None, 0)


def test_a_word_that_repeats_is_compared_once() -> None:
    """Soft values that are all alike agree with a word and all its repetitions, or with none: that is one chance."""
    wire = Wire(room=8 * 512)
    assert code_word(wire, b"Ada", KEY, (1, 1)).size == 512
    alike = soft_reads(wire, wire.extract(np.ones(wire.room, np.float32), key=KEY)).reads
    found = [message_detection(alike, code_word(wire, bytes([i]), KEY, (1, 1))) for i in range(200)]
    assert np.std([one.score for one in found]) < 1.2  # counting the repetitions would make it 2.8
    assert np.mean([one.p_value <= 1e-2 for one in found]) <= 0.05


def test_soft_values_that_are_no_numbers_count_as_nothing() -> None:
    soft = np.where(encode(b"Ada", key=KEY), 1, -1).astype(np.float32)
    soft[:3] = np.nan, np.inf, -np.inf
    attempt = soft_reads(Wire(room=512), Wire(room=512).extract(soft, key=KEY))
    assert message_detection(attempt.reads, encode(b"Ada", key=KEY)).is_present(1e-12)


def read(word: Any, score: float, noise: float = 0.0) -> SoftRead:
    sums = np.where(word, 1, -1) + noise * np.random.default_rng(4).normal(size=word.size)
    return SoftRead(word.size, sums.astype(np.float32), score)


def test_only_credible_reads_are_decoded() -> None:
    word = encode(b"Ada", key=KEY)
    assert decode_message([read(word, 1.9)], KEY) == (None, 0)
    decoded, _ = decode_message([read(word, 2.1)], KEY)
    assert decoded is not None
    assert decoded.message == b"Ada"
    assert decode_message([read(~word, 9.0)], KEY)[0] is None
    assert decode_message([], KEY) == (None, 0)


def test_presence_counts_every_hypothesis() -> None:
    reads = [SoftRead(512, np.zeros(512, np.float32), score) for score in (6.0, 3.0, -7.0, 0.0)]
    found = Attempt.of(reads).presence
    assert found.score == 6.0
    assert found.p_value == pytest.approx(4 * rademacher_p_value(6.0))
    assert Attempt.of([]).presence.p_value == 1.0
    several = [Attempt.of(reads), Attempt.of(reads[1:]), Attempt.of([])]
    assert best_presence([one.presence for one in several]).p_value == pytest.approx(3 * found.p_value)


def test_a_message_speaks_for_itself() -> None:
    """min(1, 2 min(p, k 2^-48)): whichever says more, the pilots or the checks that were tried."""
    decoded = Decoded(b"Ada", SIZE_CLASSES[0], 5, 0.0)
    doubtful, certain = Detection(1.0, 0.4, "pilot"), Detection(20.0, 1e-60, "pilot")
    assert reading_detection(doubtful, None, 7) == Detection(1.0, 0.8, "pilot")
    by_check = reading_detection(doubtful, decoded, 7)
    assert by_check.p_value == pytest.approx(14 * 2.0**-48)
    assert by_check.statistic == "check"
    assert reading_detection(certain, decoded, 7) == Detection(20.0, 2e-60, "pilot")
    assert reading_detection(Detection(0.0, 1.0, "pilot"), None, 0).p_value == 1.0


def test_comparing_with_a_known_word() -> None:
    word = encode(b"Ada", key=KEY)
    noisy = read(word, 0.0, noise=2.0)
    found = message_detection([noisy, read(~word, 0.0), SoftRead(9, np.ones(9, np.float32), 0.0)], word)
    assert found.is_present(1e-12)
    assert found.score <= np.sqrt(word.size)
    assert not message_detection([noisy], encode(b"Ada", key=OTHER)).is_present(1e-3)
    assert not message_detection([noisy], encode(b"Eve", key=KEY)).is_present(1e-3)
    for nothing in ([], [SoftRead(word.size, np.zeros(word.size, np.float32), 0.0)]):
        assert message_detection(nothing, word).p_value == 1.0
