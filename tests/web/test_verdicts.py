"""Verdicts in words, for every kind of reading."""

from __future__ import annotations

import dataclasses

import pytest

from watermarking.interface import Detection
from watermarking.messages.reading import Reading
from watermarking.sync.geometry import Geometry
from watermarking.web.verdicts import chance_words, of_reading, of_sighting, shown

STILL = Geometry(
    matrix=((1, 0, 0), (0, 1, 0)), scale=0.7, rotation=0.0, flip=False, aspect=1.0, shear=0.0, bend=0.0
)  # fmt: skip


def reading(p_value: float, text: str | None = None, geometry: Geometry | None = None, key: int = 0) -> Reading:
    message = None if text is None else text.encode()
    return Reading(
        message, text, Detection(1.0, p_value, "pilot"), None if text is None else 0.01, geometry, "dwt",
        None if text is None else key,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.0, "below 1 in a trillion"), (1e-12, "below 1 in a trillion"), (2e-12, "below 1 in a billion"),
        (1e-6, "below 1 in a million"), (1.1e-6, "about 1 in 910,000"), (0.02, "about 1 in 50"),
        (0.6, "as good as certain"),
    ],
)  # fmt: skip
def test_chances(p_value: float, words: str) -> None:
    assert chance_words(p_value) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "cut or scaled since"),
        ({"rotation": 7.04, "shear": 0.2}, "turned by 7 degrees"),
        ({"rotation": -90.0, "flip": True}, "turned by -90 degrees, mirrored"),
        ({"rotation": 0.3, "aspect": 1.2}, "stretched by 1.20"),
    ],
)
def test_what_was_done_to_it(change: dict[str, float], words: str) -> None:
    found = of_reading(reading(1e-9, "Ada", dataclasses.replace(STILL, **change)), ("a.key",), unreadable=None)
    assert found.kind == "marked"
    assert f"message “Ada”, {words}; chance" in found.sentence


def test_where_inside_something_larger() -> None:
    whole = reading(1e-9, "Ada", STILL)
    found = of_reading(dataclasses.replace(whole, outline=(120, 340, 300, 400)), ("a.key",), unreadable=None)
    place = "inside a larger picture, 400x300 pixels at 340 from the left and 120 from the top"
    assert f"message “Ada”, {place}; chance" in found.sentence


def test_which_key() -> None:
    found = of_reading(reading(1e-9, "Ada", key=1), ("a.key", "b.key"), unreadable=None)
    assert found.sentence == "Marked by the key b.key, message “Ada”; chance of a false alarm below 1 in a billion."


@pytest.mark.parametrize(
    ("p_value", "unreadable", "kind", "words"),
    [
        (1e-7, None, "message lost", "Marked by the key a.key, but the message is lost"),
        (1e-7, "16x16 pixels are too few", "message lost", "Marked by"),
        (1e-4, None, "cannot tell", "Cannot tell: it looks like a mark, but 1 in 10,000 unmarked pictures does, too."),
        (1.0, "16x16 pixels are too few", "cannot tell", "Cannot tell: 16x16 pixels are too few."),
        (0.01, None, "no mark", "No mark of the key a.key found."),
    ],
)
def test_without_a_message(p_value: float, unreadable: str | None, kind: str, words: str) -> None:
    found = of_reading(reading(p_value), ("a.key",), unreadable=unreadable)
    assert (found.kind, found.sentence[: len(words)]) == (kind, words)
    if unreadable is None:
        assert any("known message" in note for note in found.notes)
        known = of_reading(reading(p_value), ("a.key",), unreadable=None, known=True)
        assert not any("known message" in note for note in known.notes)


def test_no_mark_is_no_proof() -> None:
    found = of_reading(reading(1.0), ("a.key", "b.key"), unreadable=None)
    assert found.sentence == "No mark of any of the 2 keys found."
    assert "no proof" in found.notes[0]


def test_a_known_message() -> None:
    found = of_sighting("“Ada”", "b.key", 1e-8)
    assert found.sentence == "Marked by the key b.key, message “Ada”; chance of a false alarm below 1 in a million."


def test_messages_hide_nothing() -> None:
    assert shown(b"", "a\u202eb\n\x1b[1m<b>é") == "“a\\u202eb\\n\\x1b[1m<b>é”"
    assert shown(b"\x00\xff", None) == "of the bytes 00ff"
