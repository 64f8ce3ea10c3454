"""Marking samples, once: what a picture carries already is read before anything is put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.codes.framing import size_class
from watermarking.codes.messages import as_text
from watermarking.errors import AlreadyMarkedError, CapacityError
from watermarking.interface import PlaneScheme
from watermarking.messages.carrier import (
    Attempt,
    carried_payload,
    decode_message,
    hides_pictures,
    longest_message,
    soft_reads,
)
from watermarking.pictures.plane import apply_residual, luma_energy, luma_plane
from watermarking.pictures.ranges import peak_in_use, rescaled, restored
from watermarking.sync.template import SHARE, signal

if TYPE_CHECKING:
    from watermarking.codes.framing import Decoded
    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key

__all__ = ["Marked", "mark"]

_SHOWN: Final = 60  # characters of a message in an error


class Marked(NamedTuple):
    """A marked picture; ``already`` is what it carried before, in which case it is the input itself, else None."""

    array: Image
    already: Decoded | None


def mark(
    scheme: Scheme, array: Image, message: bytes, key: Key, *, peak: int | None = None, again: bool = False
) -> Marked:
    """Put a message into a picture that does not carry it yet.

    What the picture carries of this scheme and key is read as it lies, the way in which files are read back: whatever
    was verified is recognised. Moved marks are not searched for (that takes ten times as long as marking), nor those of
    other schemes. With ``again`` nothing is read before marking. ``peak`` is what uint16 samples are said to stand for.

    Raises
    ------
    CapacityError
        If the message is too long for the picture.
    AlreadyMarkedError
        If the picture carries another message of the key, or a mark of it that cannot be read.
    UnsupportedImageError
        If a sample exceeds the peak.
    """
    _check_room(scheme, message, array.shape)
    top = peak_in_use(array, peak)
    if not isinstance(scheme, PlaneScheme):
        seen = rescaled(array, int(top))
        if not again and (found := _present(scheme, soft_reads(scheme, scheme.extract(seen, key=key)), message, key)):
            return Marked(array, found)
        marked = scheme.embed(seen, carried_payload(scheme, message, key, array.shape), key=key)
        return Marked(restored(marked, array, top), None)
    plane, energy = luma_plane(array, peak=top), luma_energy(array, scheme.psnr)
    if not again and (found := _present(scheme, Attempt.of(scheme.read(plane, key=key)), message, key)):
        return Marked(array, found)
    payload = carried_payload(scheme, message, key, array.shape)
    residual = scheme.residual(plane, payload, key=key, energy=energy * (1 - SHARE))  # the rest is the signal's
    whole = residual + signal(plane, key, energy * SHARE)
    return Marked(apply_residual(array, whole, scheme.psnr, peak=top), None)


def _present(scheme: Scheme, attempt: Attempt, message: bytes, key: Key) -> Decoded | None:
    """Return the message if the picture carries it, None if it carries nothing; refuse it if it carries another."""
    found, _ = decode_message(attempt.reads, key)
    if found is not None and found.message == message:
        return found
    way_out = "take the picture without that mark, or allow a second one with again (--again)"
    if found is not None:
        raise AlreadyMarkedError(f"the picture carries another message of this key already, {_shown(found)}: {way_out}")
    if scheme.keyed and attempt.presence.is_present():  # without a key, a mark may be anybody's
        raise AlreadyMarkedError(
            f"the picture carries a mark of this key already, damaged so that its message cannot be read: {way_out}"
        )
    return None


def _shown(found: Decoded) -> str:
    text = as_text(found.message)
    shown = found.message.hex() if text is None else repr(text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}... ({len(found.message)} bytes)"


def _check_room(scheme: Scheme, message: bytes, shape: tuple[int, ...]) -> None:
    capacity = longest_message(scheme, shape)
    if not capacity or len(message) > capacity:  # an empty message needs the room of a short one
        size_class(len(message))  # too long for any picture: say that instead
        way_out = "a shorter message" if hides_pictures(scheme) else "a shorter message or a larger image"
        raise CapacityError(
            f"{capacity} bytes fit in {shape[1]}x{shape[0]} pixels with {scheme.id!r}, {len(message)} are "
            f"needed: use {way_out}"
            if capacity
            else f"no message fits in {shape[1]}x{shape[0]} pixels with {scheme.id!r}: use a larger image"
        )
