"""What reading a picture, and marking a file, returns."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watermarking.significance import any_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watermarking.interface import Detection
    from watermarking.sync.geometry import Geometry

__all__ = ["Reading", "Receipt", "best_reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a picture says.

    Attributes
    ----------
    message : bytes, or None where no message passed its check
    text : str, or None where there is no message or it is not UTF-8
    detection : Detection, whether anything is there, message or not
    bit_error_rate : float, share of the channel bits that disagree with the message; None without a message
    geometry : Geometry, what was undone before the picture could be read; None where nothing was
    scheme : str, id of the scheme that read it
    key_index : int, which of the keys read it; None without a message
    """

    message: bytes | None
    text: str | None
    detection: Detection
    bit_error_rate: float | None
    geometry: Geometry | None
    scheme: str
    key_index: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What marking a file did; without verification, the figures that need it are None."""

    message: bytes
    scheme: str
    psnr: float | None
    ssim: float | None
    bit_error_rate: float | None


def best_reading(readings: Iterable[Reading]) -> Reading:
    """Return the first reading with a message, else the most credible; its p-value counts all that were made."""
    tried: list[Reading] = []
    for reading in readings:
        tried.append(reading)
        if reading.message is not None:
            break
    best = min(tried, key=lambda one: (one.message is None, one.detection.p_value))
    detection = dataclasses.replace(best.detection, p_value=any_of(best.detection.p_value, len(tried)))
    return dataclasses.replace(best, detection=detection)
