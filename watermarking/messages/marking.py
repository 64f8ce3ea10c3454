"""Marking samples, once: what a picture carries already is read before anything is put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.codes.framing import LIST_SIZES, size_class
from watermarking.codes.messages import as_text
from watermarking.errors import AlreadyMarkedError, CapacityError
from watermarking.interface import PlaneScheme
from watermarking.messages.carrier import (
    Attempt,
    carried_payload,
    code_word,
    decode_message,
    hides_pictures,
    longest_message,
    message_detection,
    soft_reads,
)
from watermarking.pictures.plane import apply_residual, luma_energy, luma_plane
from watermarking.pictures.ranges import peak_in_use, rescaled, restored
from watermarking.sync.template import SHARE, signal

if TYPE_CHECKING:
    from watermarking.codes.framing import Decoded
    from watermarking.interface import Bits, Image, Scheme
    from watermarking.keys import Key

__all__ = ["Marked", "mark"]

_SHOWN: Final = 60  # characters of a message in an error
_SURE: Final = 1e-9
"""Chance at which an unmarked picture may be refused as damaged: folders hold millions."""


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
    payload = carried_payload(scheme, message, key, array.shape)
    sought = _Sought(scheme, message, code_word(scheme, message, key, array.shape), key)
    if not isinstance(scheme, PlaneScheme):
        seen = rescaled(array, int(top))
        if not again and (found := sought.among(soft_reads(scheme, scheme.extract(seen, key=key)))):
            return Marked(array, found)
        return Marked(restored(scheme.embed(seen, payload, key=key), array, top), None)
    plane, energy = luma_plane(array, peak=top), luma_energy(array, scheme.psnr)
    if not again and (found := sought.among(Attempt.of(scheme.read(plane, key=key)))):
        return Marked(array, found)
    residual = scheme.residual(plane, payload, key=key, energy=energy * (1 - SHARE))  # the rest is the signal's
    whole = residual + signal(plane, key, energy * SHARE)
    return Marked(apply_residual(array, whole, scheme.psnr, peak=top), None)


class _Sought(NamedTuple):
    """A message that a picture may carry already."""

    scheme: Scheme
    message: bytes
    word: Bits
    key: Key

    def among(self, attempt: Attempt) -> Decoded | None:
        """Return the message if it is what was read, None if nothing was; refuse the picture if it carries another.

        Long lists take 3 ms where there is nothing to find, four times as long as all the rest: they are left out where
        neither the pilots nor the message's own code word speak for a mark.
        """
        by_pilots = self.scheme.keyed and attempt.presence.is_present(_SURE)  # without a key the mark may be anybody's
        marked = by_pilots or message_detection(attempt.reads, self.word).is_present(_SURE)
        found, _ = decode_message(attempt.reads, self.key, LIST_SIZES if marked else LIST_SIZES[:1])
        if found is not None and found.message == self.message:
            return found
        way_out = "take the picture without that mark, or allow a second one with again (--again)"
        if found is not None:
            raise AlreadyMarkedError(
                f"the picture carries another message of this key already, {_shown(found)}: {way_out}"
            )
        if marked:
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
