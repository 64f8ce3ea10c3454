"""What is read of a canvas, what is left out of it, and what its p-values count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.messages import reader
from watermarking.messages.attempts import searched_at
from watermarking.messages.marker import Marker
from watermarking.messages.reader import read_all

PHOTOGRAPH = Path(__file__).parents[2] / "benchmarks" / "photographs" / "coffee.png"
MARKER = Marker(key=Key(bytes(range(16))))
SCHEMES = (MARKER.scheme,)
U8 = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def pair() -> U8:
    """Two small pictures marked differently, on grey."""
    cover = np.asarray(Image.open(PHOTOGRAPH).convert("RGB").resize((384, 256)))
    canvas = np.full((320, 864, 3), 225, np.uint8)
    for i, text in enumerate(("first", "second")):
        canvas[30:286, 30 + 420 * i : 414 + 420 * i] = MARKER.embed(cover, text)
    return canvas


def test_places_left_untried_are_said(pair: U8, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watermarking.sync.canvas._REFINED", -15)  # one place is tried at each scale
    cut = read_all(SCHEMES, pair, MARKER.keys, 1, 16)
    assert 1 <= len(cut.readings) < 16
    assert cut.maybe_more


def test_all_is_read_and_p_values_count_all_that_was_tried(pair: U8, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    counted: list[int] = []
    tries: list[int] = []

    def decoded(*given: Any, **named: Any) -> Any:
        found = decode_message(*given, **named)
        checks.append(found[1])
        return found

    def judged(presence: Any, message: Any, n_checks: int) -> Any:
        counted.append(n_checks)
        return reading_detection(presence, message, n_checks)

    def any_of(p_value: float, n: int) -> float:
        tries.append(n)
        return min(1.0, p_value * n)

    decode_message, reading_detection = reader.decode_message, reader.reading_detection
    for name, one in (("decode_message", decoded), ("reading_detection", judged), ("any_of", any_of)):
        monkeypatch.setattr(reader, name, one)
    readings, maybe_more = read_all(SCHEMES, pair, MARKER.keys, 1, 16)
    assert {one.text for one in readings} == {"first", "second"}
    assert {one.searched_at for one in readings} == {1}
    assert not maybe_more
    assert sum(checks) > 0
    assert set(counted) == {sum(checks)}
    assert set(tries) == {len(checks)}


@pytest.mark.parametrize("most", [0, -1, 1.5, "3", None])
def test_so_many_at_most_is_a_whole_number(most: Any) -> None:
    with pytest.raises(WatermarkError, match="give 1 or more, a whole number"):
        MARKER.extract_all(np.zeros((64, 64), np.uint8), most=most)


@pytest.mark.parametrize(
    ("shape", "search", "scheme", "factor"),
    [
        ((2000, 2100, 3), 3, "dwt", 1),
        ((2000, 2150), 3, "dwt", 2),
        ((3000, 4000, 3), 1, "dwt", 2),
        ((10_000, 10_000, 3), 3, "dwt", 5),
        ((3000, 4000, 3), 0, "dwt", None),
        ((3000, 4000, 3), 3, "reversible", None),
        ((64, 900), 3, "dwt", None),
        ((120, 40_000), 3, "dwt", None),
    ],
)
def test_canvases_are_shrunk_by_a_whole_factor(
    shape: tuple[int, ...], search: int, scheme: str, factor: int | None
) -> None:
    assert searched_at([Marker(scheme, key=MARKER.keys).scheme], shape, search) == factor


def test_a_picture_read_as_it_lies_was_not_searched(pair: U8) -> None:
    alone = pair[30:286, 30:414]
    assert MARKER.extract(alone).searched_at is None
    assert MARKER.extract_all(alone)[0].searched_at is None
    assert Marker(key=MARKER.keys, search=0).extract(pair).searched_at is None
