"""What reading and marking return as plain fields, and in words: the same for every front end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.messages.reader import Sighting
    from watermarking.messages.reading import Reading, Receipt
    from watermarking.sync.geometry import Geometry

__all__ = ["geometry_words", "reading_fields", "receipt_fields", "sighting_fields"]


def reading_fields(reading: Reading, keys: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a reading; ``keys`` is what the keys are called."""
    message = reading.message
    return {
        "found": message is not None,
        "message": reading.text,
        "message_hex": None if message is None else message.hex(),
        "scheme": reading.scheme,
        "p_value": float(reading.detection.p_value),
        "bit_error_rate": _number(reading.bit_error_rate),
        "geometry": reading.geometry,
        "outline": reading.outline,
        "key": None if reading.key_index is None else keys[reading.key_index],
    }


def sighting_fields(message: bytes, sighting: Sighting, fpr: float, keys: Sequence[str]) -> dict[str, Any]:
    """Return the same fields for a message that was known, found where its chance is at most ``fpr``."""
    found = sighting.detection.is_present(fpr)
    return {
        "found": found,
        "message": _text(message),
        "message_hex": message.hex(),
        "scheme": sighting.scheme,
        "p_value": float(sighting.detection.p_value),
        "bit_error_rate": None,
        "geometry": None,
        "outline": None,
        "key": keys[sighting.key_index] if found else None,
    }


def receipt_fields(receipt: Receipt) -> dict[str, Any]:
    """Return the fields of a receipt."""
    return {
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
    }


def geometry_words(geometry: Geometry, *, fine: bool = True) -> list[str]:
    """Say what was undone before a picture could be read, nothing where it was only cut.

    What is not ``fine`` leaves out what a search finds in pictures that were not changed in that way, and the scale: it
    is in pixels to a working pixel, which says something to those who know that pixel's size.
    """
    turned, least = ("turned by {:.1f} degrees", 1.0) if fine else ("turned by {:.0f} degrees", 10.0)
    return [
        text.format(value)
        for value, text, shows in (
            (geometry.rotation, turned, abs(geometry.rotation) > 0.05 * least),
            (geometry.flip, "mirrored", geometry.flip),
            (geometry.negative, "a negative", geometry.negative),
            (geometry.scale, "of {:.2f} pixels to a marked one", fine and abs(geometry.scale - 1) > 0.005),
            (geometry.aspect, "stretched by {:.2f}", abs(geometry.aspect - 1) > 0.005 * least),
            (geometry.shear, "sheared by {:.1f} degrees", abs(geometry.shear) > 0.05 * least),
            (geometry.bend, "bent by {:.0f} pixels", geometry.bend > least),
        )
        if shows
    ]


def _text(message: bytes) -> str | None:
    try:
        return message.decode()
    except UnicodeDecodeError:
        return None


def _number(value: float | None) -> float | None:
    """Return a float that JSON can hold: the PSNR of two equal pictures is infinite."""
    return None if value is None or value in (float("inf"), float("-inf")) else float(value)
