"""What a reading says its message is: text, a UUID, a logo, or none of them."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from watermarking.codes.messages import to_bytes
from watermarking.interface import Detection
from watermarking.messages.reading import Reading

LOGO = np.eye(5, 9, dtype=bool)
ORDER = uuid.UUID(int=2**127 - 1)


def reading(message: bytes | None) -> Reading:
    return Reading(message, None, Detection(0.0, 1.0, "pilot"), None, None, "dwt", None)


@pytest.mark.parametrize("message", [None, b"", b"Ada", bytes(15), bytes(17)])
def test_what_is_neither_is_none(message: bytes | None) -> None:
    assert reading(message).uuid is None
    assert reading(message).logo is None


def test_what_went_in_comes_out() -> None:
    assert reading(to_bytes(ORDER)).uuid == ORDER
    found = reading(to_bytes(LOGO)).logo
    assert found is not None
    assert np.array_equal(found, LOGO)
    assert reading(to_bytes(LOGO)).uuid is None
