"""Messages: what a person means, as bytes and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from watermarking.codes.messages import as_logo, as_text, as_uuid, to_bytes
from watermarking.errors import CapacityError

if TYPE_CHECKING:
    import uuid


@given(st.text(st.characters(codec="utf-8")))
def test_text(text: str) -> None:
    assert as_text(to_bytes(text)) == text


@given(st.uuids())
def test_uuids(value: uuid.UUID) -> None:
    assert as_uuid(to_bytes(value)) == value


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_logos(logo: np.ndarray) -> None:
    data = to_bytes(logo)
    assert len(data) == 2 + -(-logo.size // 8)
    back = as_logo(data)
    assert back is not None
    assert np.array_equal(back, logo)


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    assert to_bytes(data) == to_bytes(bytearray(data)) == data
    text, value, logo = as_text(data), as_uuid(data), as_logo(data)
    assert text is None or text.encode() == data
    assert value is None or value.bytes == data
    assert logo is None or to_bytes(logo) == data


@pytest.mark.parametrize("data", [b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\xc0\x80", "é".encode()[:1]])
def test_what_is_no_text_is_none(data: bytes) -> None:
    assert as_text(data) is None


@pytest.mark.parametrize("data", ["", "0101", "00ff00", "010101", "0901ff", "0808", "0301e0ff"])
def test_what_is_no_logo_is_none(data: str) -> None:
    assert as_logo(bytes.fromhex(data)) is None


@pytest.mark.parametrize(
    ("message", "error", "match"),
    [
        ("\ud800", ValueError, "UTF-8"),
        (np.zeros((3, 3)), ValueError, "bool"),
        (np.zeros(3, np.bool_), ValueError, "two-dimensional"),
        (np.zeros((0, 3), np.bool_), CapacityError, "0x3"),
        (np.zeros((256, 3), np.bool_), CapacityError, "256x3"),
        (17, TypeError, "int"),
    ],
)
def test_what_is_no_message(message: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        to_bytes(message)  # type: ignore[arg-type]
