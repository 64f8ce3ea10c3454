"""Frames: what goes in comes out, with nothing but the key; nothing else ever comes out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermarking.codes import framing
from watermarking.codes.framing import CHECK_BITS, SIZE_CLASSES, Decoded, SizeClass, code_lengths, size_class
from watermarking.errors import CapacityError
from watermarking.keys import Key

KEY = Key(bytes(range(16)))
OTHER = Key(bytes(range(1, 17)))
PINNED = "801af031dade78d4b52f611c"


def soft(word: np.ndarray, *, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (np.where(word, 1.0, -1.0) + noise * rng.standard_normal(word.size)).astype(np.float32)


def test_classes_cover_the_ladder() -> None:
    assert [frame.n_bytes for frame in SIZE_CLASSES] == [4, 8, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
    assert [frame.index for frame in SIZE_CLASSES] == list(range(14))
    assert all(frame.k == 8 * frame.n_bytes + CHECK_BITS for frame in SIZE_CLASSES)
    assert code_lengths() == (512, 1024, 2048, 4096, 8192)
    assert [size_class(n).n for n in (0, 4, 5, 20, 21, 48, 49, 128, 129, 512)] == [
        512, 512, 1024, 1024, 2048, 2048, 4096, 4096, 8192, 8192,
    ]  # fmt: skip
    with pytest.raises(CapacityError, match="513 bytes, a frame holds at most 512"):
        size_class(513)
    with pytest.raises(CapacityError, match="shorter message"):
        framing.encode(bytes(513), key=KEY)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=130), st.binary(min_size=16, max_size=40))
def test_messages_come_back(message: bytes, secret: bytes) -> None:
    key = Key(secret)
    found = framing.decode(soft(framing.encode(message, key=key)), key=key)
    assert found is not None
    assert found.message == message
    assert found.bit_error_rate == 0
    assert found.size_class == size_class(len(message))


@pytest.mark.parametrize("fill", [0x00, 0xFF, 0x41])
def test_every_length_comes_back_exactly(fill: int) -> None:
    """Messages that end in zero bytes are where a length could be mistaken."""
    for n_bytes in [*range(70), 95, 96, 97, 127, 128, 129, 255, 256, 257, 383, 511, 512]:
        message = bytes([fill]) * n_bytes
        found = framing.decode(soft(framing.encode(message, key=KEY)), key=KEY)
        assert found is not None
        assert found.message == message


@pytest.mark.parametrize("frame", SIZE_CLASSES, ids=lambda frame: str(frame.n_bytes))
def test_noise_and_missing_places(frame: SizeClass) -> None:
    message = np.random.default_rng(frame.index).bytes(frame.n_bytes)
    word = framing.encode(message, key=KEY)
    llr = soft(word, noise=0.5, seed=frame.index)
    lost = np.random.default_rng(1).permutation(frame.n)[: frame.n // 5]
    llr[lost] = 0
    found = framing.decode(llr, key=KEY)
    kept = llr != 0
    assert isinstance(found, Decoded)
    assert found.message == message
    assert found.size_class == frame
    assert found.bit_error_rate == pytest.approx(np.mean((llr > 0)[kept] != word[kept]))
    llr[lost] = np.tile([math.nan, math.inf, -math.inf, 0], frame.n)[: lost.size]
    assert framing.decode(llr, key=KEY) == found


@pytest.mark.parametrize("n_bytes", [3, 8, 30, 100, 200])
def test_a_wrong_key_reads_nothing(n_bytes: int) -> None:
    word = framing.encode(b"\xa5" * n_bytes, key=KEY)
    found, n_checks = framing.search(soft(word, noise=0.3), key=OTHER)
    assert found is None
    assert n_checks >= 16 * sum(frame.n == word.size for frame in SIZE_CLASSES)
    assert framing.decode(soft(~word), key=KEY) is None


def test_noise_reads_nothing() -> None:
    rng = np.random.default_rng(2)
    for n, reads in ((512, 400), (1024, 150), (2048, 60), (4096, 20), (8192, 5)):
        n_classes = sum(frame.n == n for frame in SIZE_CLASSES)
        tried = []
        for _ in range(reads):
            found, n_checks = framing.search(rng.standard_normal(n).astype(np.float32), key=KEY)
            assert found is None
            tried.append(n_checks)
        # the arithmetic of the docstring: 16 candidates a class, hardly more than one length each
        assert np.mean(tried) <= 16 * n_classes * 1.02


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([0, 1, 511, 512, 1024]),
    st.lists(st.one_of(st.floats(width=32), st.sampled_from([0.0, 1.0, -1.0])), min_size=1, max_size=20),
)
def test_garbage_reads_nothing(n: int, values: list[float]) -> None:
    llr = np.resize(np.array(values, np.float32), n)
    assert framing.decode(llr, key=KEY) is None


def test_structured_input_tries_few_lengths() -> None:
    """A picture that favours zeros must not favour zero padding: the data are whitened with the key."""
    for value in (1.0, -1.0):
        llr = np.zeros(8192, np.float32)
        llr[::97] = value
        found, n_checks = framing.search(llr, key=KEY)
        assert found is None
        assert n_checks <= 4 * 16 + 4


def test_short_lists_can_be_asked_for() -> None:
    noise = np.random.default_rng(3).standard_normal(512).astype(np.float32)
    assert framing.search(noise, key=KEY, list_sizes=(4,)) == (None, 4)
    assert framing.search(noise, key=KEY, list_sizes=(4, 32)) == (None, 16)
    assert framing.search(np.zeros(512, np.float32), key=KEY) == (None, 0)


def test_half_of_a_code_word_is_ones() -> None:
    words = [framing.encode(bytes(n), key=KEY) for n in (0, 8, 32, 128, 512)]
    for word in words:
        assert abs(word.mean() - 0.5) < 5 * math.sqrt(0.25 / word.size)


def test_code_words_are_pinned() -> None:
    """Marked pictures outlive versions: these bits must never change."""
    words = [framing.encode(message, key=KEY) for message in (b"", b"Ada", bytes(range(64)), bytes(300))]
    assert "".join(np.packbits(word)[:3].tobytes().hex() for word in words) == PINNED


def test_words_of_similar_messages_are_no_more_alike_than_any_two() -> None:
    scores = []
    for i in range(100):
        key = Key(bytes([i]) * 16)
        one, two = (framing.encode(message, key=key) for message in (b"12345678", b"12345679"))
        scores.append((2.0 * np.mean(one == two) - 1) * math.sqrt(one.size))
    assert np.std(scores) < 1.25
    assert np.abs(scores).max() < 4.5
