"""What the subcommands print: the JSON objects that other programs rely on, and the lines that people read."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from watermarking.cli.lines import can_print, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.cli.notices import Failure
    from watermarking.messages.marker import Reading, Receipt
    from watermarking.messages.reader import Sighting
    from watermarking.sync.geometry import Geometry

__all__ = [
    "detection_record",
    "embedding_line",
    "embedding_record",
    "failed_reading",
    "failure_record",
    "geometry_line",
    "print_record",
    "reading_record",
    "untouched_record",
    "verdict_line",
]

_READING: Final = (
    "file", "found", "message", "message_hex", "scheme", "p_value", "bit_error_rate", "geometry", "outline", "key",
    "error",
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
    message = reading.message
    return {
        "file": file,
        "found": message is not None,
        "message": reading.text,
        "message_hex": None if message is None else message.hex(),
        "scheme": reading.scheme,
        "p_value": float(reading.detection.p_value),
        "bit_error_rate": _number(reading.bit_error_rate),
        "geometry": reading.geometry,
        "outline": reading.outline,
        "key": None if reading.key_index is None else keys[reading.key_index],
        "error": None,
    }


def detection_record(file: str, message: bytes, sighting: Sighting, fpr: float, keys: Sequence[str]) -> dict[str, Any]:
    """Return the fields that ``detect --json`` prints, the same as those of ``extract --json``."""
    found = sighting.detection.is_present(fpr)
    return {
        "file": file,
        "found": found,
        "message": _text(message),
        "message_hex": message.hex(),
        "scheme": sighting.scheme,
        "p_value": float(sighting.detection.p_value),
        "bit_error_rate": None,
        "geometry": None,
        "outline": None,
        "key": keys[sighting.key_index] if found else None,
        "error": None,
    }


def failed_reading(file: str, failure: Failure) -> dict[str, Any]:
    """Return the same fields for a picture that could not be read at all; ``error`` says why."""
    return {**dict.fromkeys(_READING), "file": file, "error": failure.line}


def embedding_record(file: str, output: str, receipt: Receipt) -> dict[str, Any]:
    """Return the fields that ``embed --json`` prints."""
    return {
        "file": file,
        "output": output,
        "status": "already" if receipt.already_marked else "marked",
        "reason": None,
        "scheme": receipt.scheme,
        "message": _text(receipt.message),
        "message_hex": receipt.message.hex(),
        "fidelity": _number(receipt.fidelity),
        "psnr": _number(receipt.psnr),
        "ssim": _number(receipt.ssim),
        "bit_error_rate": _number(receipt.bit_error_rate),
        "reserve": _number(receipt.reserve),
        "verified": receipt.bit_error_rate is not None,
        "already_marked": receipt.already_marked,
        "error": None,
    }


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


def geometry_line(geometry: Geometry) -> str:
    """Say in words what was undone before a picture could be read."""
    parts = [
        text.format(value)
        for value, text, shows in (
            (geometry.rotation, "turned by {:.1f} degrees", abs(geometry.rotation) > 0.05),
            (geometry.flip, "mirrored", geometry.flip),
            (geometry.negative, "a negative", geometry.negative),
            (geometry.scale, "of {:.2f} pixels to a marked one", abs(geometry.scale - 1) > 0.005),
            (geometry.aspect, "stretched by {:.2f}", abs(geometry.aspect - 1) > 0.005),
            (geometry.shear, "sheared by {:.1f} degrees", abs(geometry.shear) > 0.05),
            (geometry.bend, "bent by {:.0f} pixels", geometry.bend > 1),
        )
        if shows
    ]
    return f"it is {', '.join(parts)}" if parts else "it is moved or cropped"


def _text(message: bytes) -> str | None:
    try:
        return message.decode()
    except UnicodeDecodeError:
        return None


def _number(value: float | None) -> float | None:
    """Return a float that JSON can hold: the PSNR of two equal pictures is infinite."""
    return None if value is None or value in (float("inf"), float("-inf")) else float(value)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value.tolist()  # of an array
