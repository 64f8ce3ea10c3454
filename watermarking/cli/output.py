"""What the subcommands print: the JSON objects that other programs rely on, and the lines that people read."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from watermarking.interface import Detection
    from watermarking.messages.marker import Reading, Receipt

__all__ = ["detection_record", "embedding_line", "embedding_record", "print_record", "reading_record", "verdict_line"]


def print_record(record: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own."""
    click.echo(json.dumps(record, ensure_ascii=False, allow_nan=False, default=_plain))


def reading_record(file: str, reading: Reading) -> dict[str, Any]:
    """Return the fields that ``extract --json`` prints."""
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
    }


def detection_record(file: str, message: bytes, scheme: str, detection: Detection, fpr: float) -> dict[str, Any]:
    """Return the fields that ``detect --json`` prints, the same as those of ``extract --json``."""
    return {
        "file": file,
        "found": detection.is_present(fpr),
        "message": _text(message),
        "message_hex": message.hex(),
        "scheme": scheme,
        "p_value": float(detection.p_value),
        "bit_error_rate": None,
        "geometry": None,
    }


def embedding_record(file: str, output: str, scheme: str, receipt: Receipt, verified: bool) -> dict[str, Any]:
    """Return the fields that ``embed --json`` prints."""
    return {
        "file": file,
        "output": output,
        "scheme": scheme,
        "message": _text(receipt.message),
        "message_hex": receipt.message.hex(),
        "psnr": _number(receipt.psnr),
        "ssim": _number(receipt.ssim),
        "bit_error_rate": _number(receipt.bit_error_rate),
        "verified": verified,
    }


def embedding_line(record: dict[str, Any]) -> str:
    """Say what ``embed`` did to one picture."""
    parts = [
        text.format(record[name])
        for name, text in (
            ("psnr", "PSNR {:.2f} dB"),
            ("ssim", "SSIM {:.4f}"),
            ("bit_error_rate", "bit error rate {:.2%}"),
        )
        if record[name] is not None
    ]
    parts.append("message read back" if record["verified"] else "not read back")
    return f"{record['output']}: {', '.join(parts)}"


def verdict_line(record: dict[str, Any], absent: str = "not found") -> str:
    """Say how sure a reader is, in words."""
    chance = f"p = {record['p_value']:.2g}"
    if not record["found"]:
        return f"{record['file']}: {absent} ({chance})"
    errors = "" if record["bit_error_rate"] is None else f", {record['bit_error_rate']:.1%} of the bits wrong"
    return f"{record['file']}: found, scheme {record['scheme']}, {chance}{errors}"


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
