"""How long a message a picture really holds: tried, at the strength and in the format that are asked for."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, NamedTuple

from watermarking.codes.framing import SIZE_CLASSES
from watermarking.errors import CapacityError, FidelityError, VerificationError
from watermarking.messages.reserve import THIN

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from watermarking.messages.marker import Marker

__all__ = ["Room", "room_in"]


class Room(NamedTuple):
    """Bytes of message that a picture holds, and that it holds with a reserve against what comes later."""

    n_bytes: int
    n_lasting: int


def room_in(
    marker: Marker, source: str | os.PathLike[str] | bytes, shape: tuple[int, ...], *, quality: int | None = None
) -> Room:
    """Find the longest message that can be read from the marked file, and the longest whose reserve is not thin.

    A file is marked about four times for that, and never written.

    Parameters
    ----------
    marker : Marker, whose strength is meant
    source : path or bytes
    shape : of the picture
    quality : int, optional, of a JPEG, WebP or AVIF
    """
    longest = marker.capacity(shape)
    sizes = [size.n_bytes for size in SIZE_CLASSES if size.n_bytes <= longest]
    reserves: dict[int, float] = {}

    def reserve(n_bytes: int) -> float:
        if n_bytes not in reserves:
            reserves[n_bytes] = _reserve(marker, source, n_bytes, quality)
        return reserves[n_bytes]

    return Room(
        _last(sizes, lambda n_bytes: reserve(n_bytes) >= 0), _last(sizes, lambda n_bytes: reserve(n_bytes) >= THIN)
    )


def _last(sizes: Sequence[int], fits: Callable[[int], bool]) -> int:
    """Return the greatest size that fits, 0 if none does; the greatest of all is tried first, since it mostly does."""
    if not sizes or fits(sizes[-1]):
        return sizes[-1] if sizes else 0
    low, high = -1, len(sizes) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(sizes[middle]) else (low, middle)
    return sizes[low] if low >= 0 else 0


def _reserve(marker: Marker, source: str | os.PathLike[str] | bytes, n_bytes: int, quality: int | None) -> float:
    """Return the reserve of a message of so many bytes, -1 if it cannot be had."""
    message = marker.keys[0].stream("room", n_bytes)  # as good as any: code words are whitened with the key
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a format cannot hold is said when the picture is marked
            receipt = marker.embed_file(source, io.BytesIO(), message, again=True, quality=quality)
    except (CapacityError, FidelityError, VerificationError):
        return -1.0
    return 1.0 if receipt.reserve is None else receipt.reserve
