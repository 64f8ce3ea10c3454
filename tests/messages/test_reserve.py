"""How far messages are from being lost, and how many bytes a picture really holds."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from watermarking.codes.framing import SIZE_CLASSES, encode, search
from watermarking.embedders.dwt import Dwt
from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.messages.reserve import THIN, correctable, reserve_of
from watermarking.messages.room import Room, room_in

KEY = Key(bytes(range(16)))
PHOTOGRAPH = Path(__file__).parents[2] / "benchmarks/photographs/china.jpg"


@pytest.fixture(scope="module")
def photograph() -> bytes:
    """A small one, as a PNG: what JPEG does comes later."""
    image = Image.open(PHOTOGRAPH)
    image.thumbnail((480, 480))
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def share_read(n_bytes: int, errors: float, n_words: int = 10) -> float:
    """Return the share of code words that are read with so many wrong bits, of Gaussian noise."""
    rng, read = np.random.default_rng(n_bytes), 0
    for _ in range(n_words):
        message = rng.bytes(n_bytes)
        word = encode(message, key=KEY)
        noisy = np.where(word, 1, -1) * norm.isf(errors) + rng.normal(size=word.size)
        found, _ = search(noisy.astype(np.float32), key=KEY)
        read += found is not None and found.message == message
    return read / n_words


@pytest.mark.parametrize("n_bytes", [4, 8, 20, 24, 48])
def test_what_can_be_corrected_is_what_the_code_corrects(n_bytes: int) -> None:
    size = next(one for one in SIZE_CLASSES if one.n_bytes == n_bytes)
    limit = correctable(size.k / size.n)
    assert share_read(n_bytes, limit - 0.05) >= 0.8
    assert share_read(n_bytes, limit + 0.05) <= 0.2


def test_the_reserve_falls_with_errors_and_length() -> None:
    def reserve(n_bytes: int, rate: float | None) -> float:
        found = reserve_of(Dwt(), bytes(n_bytes), KEY, (512, 512, 3), rate)
        assert found is not None
        return found

    assert reserve(8, 0.0) == 1
    assert reserve(8, 0.1) > reserve(20, 0.1) > 0
    assert reserve(8, 0.1) > reserve(8, 0.2)
    assert reserve(8, 0.5) == 0
    assert reserve_of(Dwt(), b"x", KEY, (512, 512, 3), None) is None
    assert reserve_of(Marker("reversible", key=KEY).scheme, b"x", KEY, (512, 512, 3), 0.0) is None


def test_receipts_tell_what_jpeg_loses(photograph: bytes) -> None:
    """At 52 dB a message fits and is read back, and is lost at JPEG 75: its reserve is thin."""
    kept = []
    for psnr, n_bytes in ((42.0, 8), (52.0, 16)):
        marker, target, coded = Marker(key=KEY, psnr=psnr, search=0), io.BytesIO(), io.BytesIO()
        receipt = marker.embed_file(photograph, target, bytes(range(n_bytes)))
        assert receipt.reserve is not None
        Image.open(target).save(coded, "JPEG", quality=75)
        kept.append((receipt.reserve >= THIN, marker.extract_bytes(coded.getvalue()).message is not None))
        again = marker.embed_file(target.getvalue(), io.BytesIO(), bytes(range(n_bytes)))
        assert (again.already_marked, again.reserve) == (True, receipt.reserve)
    assert kept == [(True, True), (False, False)]
    assert Marker(key=KEY).embed_file(photograph, io.BytesIO(), "x", verify=False).reserve is None


def test_the_room_is_what_can_be_read_back_at_the_strength(photograph: bytes) -> None:
    shape = np.asarray(Image.open(io.BytesIO(photograph))).shape
    strong, faint = (room_in(Marker(key=KEY, psnr=psnr), photograph, shape) for psnr in (42.0, 52.0))
    assert strong.n_bytes > faint.n_bytes >= 16
    assert strong.n_bytes >= strong.n_lasting > faint.n_lasting
    assert strong.n_bytes == Marker(key=KEY).capacity(shape)
    assert room_in(Marker(key=KEY, psnr=64.0), photograph, shape) == Room(0, 0)
    assert room_in(Marker(key=KEY), photograph, (4, 4, 3)) == Room(0, 0)
