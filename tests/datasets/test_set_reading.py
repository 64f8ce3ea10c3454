"""A record read from pictures, those among them that nothing can be read from alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from covers import photograph

from watermarking.attacks import parse_attack
from watermarking.codes.framing import encode
from watermarking.datasets.set_message import SetMessage
from watermarking.datasets.set_reading import SoftGroups, read_set_message
from watermarking.errors import UnknownSchemeError
from watermarking.keys import Key
from watermarking.messages.marker import Marker

KEY, OTHER = Key(bytes(range(16))), Key(bytes(range(1, 17)))
RECORD = b"CC-BY-4.0, Ada Lovelace, ada@example.org"
F32 = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def marked() -> list[Any]:
    message, marker = SetMessage(RECORD, KEY), Marker(key=KEY)
    return [marker.embed(photograph((288, 384, 3), seed=n), message.message_of(11 * n)) for n in range(5)]


def test_a_record_after_jpeg_and_what_is_left_of_it(marked: list[Any]) -> None:
    worn = [parse_attack("jpeg(60)")(one, rng=np.random.default_rng(0)) for one in marked]
    assert read_set_message([photograph((288, 384, 3), seed=9), *worn[::-1]], KEY).record == RECORD
    assert read_set_message(worn[:2], KEY).progress == (2, 4)
    assert read_set_message(worn, OTHER, search=0).record is None


def test_moved_pictures_are_put_back(marked: list[Any]) -> None:
    moved = [parse_attack("resize(0.85)")(one, rng=np.random.default_rng(0)) for one in marked]
    assert read_set_message(moved, KEY).record == RECORD


def test_schemes_without_soft_values_are_refused() -> None:
    with pytest.raises(UnknownSchemeError, match="'additive_block' cannot be read"):
        read_set_message([], KEY, scheme="additive_block")


def noisy(message: bytes, share: float, rng: np.random.Generator) -> F32:
    word = np.where(encode(message, key=KEY), 1.0, -1.0)
    values = share * word + rng.normal(size=word.size)
    return np.asarray(values / np.linalg.norm(values), np.float32)


def test_pictures_of_one_message_find_each_other() -> None:
    rng, groups = np.random.default_rng(0), SoftGroups(1024)
    messages = [rng.bytes(20) for _ in range(12)]
    sums = [groups.join(noisy(messages[n % 12], 0.7, rng)) for n in range(48)]
    assert len(groups) == 12
    assert all(one is None for one in sums[:12])
    for n, total in enumerate(sums[36:]):
        assert total is not None
        word = np.where(encode(messages[n], key=KEY), 1, -1)
        assert float(word @ total) / np.linalg.norm(total) > 20  # of 32


def test_noise_finds_nobody() -> None:
    rng, groups = np.random.default_rng(1), SoftGroups(1024)
    assert all(groups.join(noisy(b"x" * 20, 0.0, rng)) is None for _ in range(300))
    assert groups.join(np.zeros(1024, np.float32)) is None
    assert len(groups) == 300
