"""JSON holds what JSON can hold, and lines say it in words."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from watermarking.cli.notices import Failure
from watermarking.cli.output import (
    embedding_line,
    embedding_record,
    failure_record,
    print_record,
    reading_record,
    verdict_line,
)
from watermarking.interface import Detection
from watermarking.messages.marker import Reading, Receipt


@dataclass(frozen=True, slots=True)
class Placement:
    matrix: np.ndarray
    scale: float


def test_geometry_becomes_plain_json(capsys: pytest.CaptureFixture[str]) -> None:
    placement = Placement(np.array([[1.0, 0.0, 2.5], [0.0, 1.0, -3.0]]), np.float64(0.5))
    reading = Reading(b"\xff\x00", None, Detection(9.0, 1e-20, "pilot"), 0.125, placement, "dwt", 0)
    print_record(reading_record("a.png", reading, ["my.key"]))
    record = json.loads(capsys.readouterr().out)
    assert record["geometry"] == {"matrix": [[1, 0, 2.5], [0, 1, -3]], "scale": 0.5}
    assert (record["message"], record["message_hex"], record["bit_error_rate"]) == (None, "ff00", 0.125)


def test_an_unchanged_picture_has_no_finite_psnr(capsys: pytest.CaptureFixture[str]) -> None:
    record = embedding_record("a.png", "b.png", Receipt(b"x", "dwt", math.inf, 1.0, 0.0))
    print_record(record)
    assert json.loads(capsys.readouterr().out)["psnr"] is None
    assert embedding_line(record) == "b.png: SSIM 1.0000, bit error rate 0.00%, message read back"


def test_without_verification_there_are_no_figures() -> None:
    record = embedding_record("a.png", "b.png", Receipt(b"x", "dwt", None, None, None))
    assert (record["verified"], record["already_marked"], record["error"]) == (False, False, None)
    assert embedding_line(record) == "b.png: not read back"


def test_what_was_marked_already_says_so() -> None:
    record = embedding_record("a.png", "b.png", Receipt(b"x", "dwt", None, None, 0.0, already_marked=True))
    assert (record["verified"], record["already_marked"]) == (True, True)
    assert embedding_line(record) == "b.png: marked already, bit error rate 0.00%, message read back"


def test_failures_have_the_fields_of_a_receipt() -> None:
    record = failure_record("a.png", "b.png", Failure("it is damaged", 2, ""))
    assert list(record) == list(embedding_record("a.png", "b.png", Receipt(b"x", "dwt", None, None, None)))
    assert {name: value for name, value in record.items() if value is not None} == {
        "file": "a.png", "output": "b.png", "status": "failed", "error": "it is damaged",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (b"hi", "a.png: found, scheme dct, p = 1e-20, 2.5% of the bits wrong"),
        (None, "a.png: not found (p = 0.4)"),
    ],
)
def test_verdicts(message: bytes | None, line: str) -> None:
    found = message is not None
    detection = Detection(9.0, 1e-20 if found else 0.4, "pilot")
    reading = Reading(message, "hi" if found else None, detection, 0.025 if found else None, None, "dct", 0)
    assert verdict_line(reading_record("a.png", reading, ["my.key"])) == line
