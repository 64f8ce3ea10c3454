"""Payloads for any scheme, bits or pictures, and how much of one was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.codes.raster import from_raster, to_raster
from watermarking.interface import RestoringScheme

if TYPE_CHECKING:
    from watermarking.interface import Extraction, Scheme

MANY_BITS = 64


def sent_bits(n: int) -> Any:
    """Draw n bits, the same for the same n."""
    return np.random.default_rng(n).random(n) < 0.5


def payload(scheme: Any, n: int) -> Any:
    """Make a payload of n bits, drawn as black and white modules for a scheme that hides pictures."""
    return sent_bits(n) if scheme.payload_kind == "bits" else to_raster(sent_bits(max(2, n)), scheme.payload_shape)


def sizes(scheme: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return payload sizes in bits, up to what fits."""
    # What restores covers has a capacity that only flat pictures reach.
    most = shape[0] * shape[1] // 20 if isinstance(scheme, RestoringScheme) else scheme.capacity(shape)
    few = (1, 16, MANY_BITS, most)
    return few if scheme.payload_kind == "bits" else (2, 16, MANY_BITS, scheme.n_modules)


def error_rate(scheme: Scheme, n: int, found: Extraction[Any]) -> float:
    """Compare n bits of payload with what was read, whose first bits or modules they are."""
    if scheme.payload_kind == "picture":
        return float(np.mean((from_raster(found.payload.mean(axis=2), n) > 0) != sent_bits(n)))
    return float(np.mean(found.payload[:n] != sent_bits(n))) if found.payload.size >= n else 1.0


def same_reading(one: Extraction[Any], other: Extraction[Any]) -> bool:
    """Say whether two readings agree to the last bit, soft values included."""
    assert (one.llr is None) == (other.llr is None)
    soft = one.llr is None or other.llr is None or np.array_equal(one.llr, other.llr)
    return bool(soft and np.array_equal(one.payload, other.payload))
