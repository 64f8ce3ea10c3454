"""What the subcommands print: the JSON objects that other programs rely on, and the lines that people read."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from watermarking.cli.lines import can_print, write
from watermarking.messages.records import geometry_words, reading_fields, receipt_fields, sighting_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.cli.notices import Failure
    from watermarking.messages.marker import Marker, Reading, Receipt
    from watermarking.messages.reader import Sighting
    from watermarking.sync.geometry import Geometry

__all__ = [
    "canvas_line",
    "detection_record",
    "embedding_line",
    "embedding_record",
    "failed_reading",
    "failure_record",
    "geometry_line",
    "print_record",
    "reading_record",
    "strength_line",
    "untouched_record",
    "verdict_line",
]

_CUT: Final = 4.0
"""Pixels by which a picture that was not cut may seem to be."""
_SMALL: Final = 250
"""Pixels to the side, once a canvas was shrunk, from which on pictures in it are found: 150 may do, 200 mostly does."""
_READING: Final = (
    "file", "found", "message", "message_hex", "scheme", "p_value", "bit_error_rate", "geometry", "outline", "key",
    "searched_at", "error",
)  # fmt: skip
_EMBEDDING: Final = (
    "file", "output", "status", "reason", "scheme", "message", "message_hex", "fidelity", "psnr", "ssim",
    "bit_error_rate", "reserve", "verified", "already_marked", "error",
)  # fmt: skip


def print_record(record: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own; what the stream cannot hold is escaped, which loses nothing."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, default=_plain)
    write(text if can_print(text) else json.dumps(record, allow_nan=False, default=_plain))


def reading_record(file: str, reading: Reading, keys: Sequence[str]) -> dict[str, Any]:
    """Return the fields that ``extract --json`` prints; ``keys`` is what the keys are called."""
    return {"file": file, **reading_fields(reading, keys), "searched_at": reading.searched_at, "error": None}


def detection_record(file: str, message: bytes, sighting: Sighting, fpr: float, keys: Sequence[str]) -> dict[str, Any]:
    """Return the fields that ``detect --json`` prints, the same as those of ``extract --json``."""
    fields = sighting_fields(message, sighting, fpr, keys)
    return {"file": file, **fields, "searched_at": sighting.searched_at, "error": None}


def failed_reading(file: str, failure: Failure) -> dict[str, Any]:
    """Return the same fields for a picture that could not be read at all; ``error`` says why."""
    return {**dict.fromkeys(_READING), "file": file, "error": failure.line}


def embedding_record(file: str, output: str, receipt: Receipt) -> dict[str, Any]:
    """Return the fields that ``embed --json`` prints."""
    status = "already" if receipt.already_marked else "marked"
    fields = receipt_fields(receipt)
    return {"file": file, "output": output, "status": status, "reason": None, **fields, "error": None}


def failure_record(file: str, output: str, failure: Failure) -> dict[str, Any]:
    """Return the same fields for a picture that could not be marked; ``error`` says why."""
    return {**dict.fromkeys(_EMBEDDING), "file": file, "output": output, "status": "failed", "error": failure.line}


def untouched_record(file: str, output: str | None, status: str, reason: str) -> dict[str, Any]:
    """Return the same fields for a file that was skipped or passed over, which is no failure; ``reason`` says why."""
    return {**dict.fromkeys(_EMBEDDING), "file": file, "output": output, "status": status, "reason": reason}


def embedding_line(record: dict[str, Any]) -> str:
    """Say what ``embed`` did to one picture."""
    parts = [
        text.format(record[name])
        for name, text in (
            ("fidelity", "SSIMULACRA2 {:.1f}"),
            ("psnr", "PSNR {:.2f} dB"),
            ("ssim", "SSIM {:.4f}"),
            ("bit_error_rate", "bit error rate {:.2%}"),
            ("reserve", "reserve {:.0%}"),
        )
        if record[name] is not None
    ]
    parts.append("message read back" if record["verified"] else "not read back")
    if record["already_marked"]:
        parts.insert(0, "marked already")
    return f"{record['output']}: {', '.join(parts)}"


def verdict_line(record: dict[str, Any], absent: str = "not found", *, several_keys: bool = False) -> str:
    """Say how sure a reader is, in words; of several keys, which one it was."""
    chance = f"p = {record['p_value']:.2g}"
    if not record["found"]:
        return f"{record['file']}: {absent} ({chance})"
    errors = "" if record["bit_error_rate"] is None else f", {record['bit_error_rate']:.1%} of the bits wrong"
    key = f" with {record['key']}" if several_keys else ""
    return f"{record['file']}: found{key}, scheme {record['scheme']}, {chance}{errors}"


def canvas_line(record: dict[str, Any]) -> str | None:
    """Say which pictures inside a large one are left out, since it was shrunk before they were looked for."""
    shrunk = record["searched_at"]
    if shrunk is None or shrunk == 1:
        return None
    return (
        f"{record['file']}: searched at 1/{shrunk} of its size: pictures inside it that are smaller than about "
        f"{shrunk * _SMALL} pixels may be left out; cut it into parts that overlap to find those"
    )


def strength_line(marker: Marker) -> str:
    """Say with which scheme and how strongly pictures are marked."""
    how = f"{marker.scheme.psnr:g} dB" if marker.fidelity is None else f"fidelity {marker.fidelity}"
    return f"scheme {marker.scheme.id}, {how}"


def geometry_line(geometry: Geometry) -> str:
    """Say in words what was undone before a picture could be read."""
    parts = [*_cut_words(geometry), *geometry_words(geometry)]
    return f"it is {', '.join(parts)}" if parts else "it is moved or cropped"


def _cut_words(geometry: Geometry) -> list[str]:
    """Say what was cut off above and to the left of an upright picture; what was below, nobody knows."""
    if geometry.flip or abs(geometry.rotation) > 1:
        return []
    down, right = (row[2] for row in geometry.matrix)
    sides = [f"{-by:.0f} pixels {side}" for by, side in ((down, "above"), (right, "to the left")) if by < -_CUT]
    return [f"cut, {' and '.join(sides)}"] if sides else []


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value.tolist()  # of an array
