"""Marking samples, once: what a picture carries already is read before anything is put into it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from watermarking.codes.framing import size_class
from watermarking.codes.messages import as_text
from watermarking.errors import AlreadyMarkedError, CapacityError, FidelityError
from watermarking.interface import PlaneScheme
from watermarking.messages.carrier import (
    Attempt,
    carried_payload,
    decode_message,
    hides_pictures,
    longest_message,
    soft_reads,
)
from watermarking.messages.fidelity import FLOOR, find_strength
from watermarking.pictures.plane import apply_residual, luma_energy, luma_plane
from watermarking.pictures.ranges import peak_in_use, rescaled, restored
from watermarking.sync.template import SHARE, signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.codes.framing import Decoded
    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key

__all__ = ["Marked", "Request", "mark"]

_SHOWN: Final = 60  # characters of a message in an error
_STEP: Final = 3.0  # by which insisting goes down


class Marked(NamedTuple):
    """A marked picture.

    ``already`` is what it carried before, in which case it is the input itself, else None; ``fidelity`` its SSIMULACRA2
    score where one was aimed at.
    """

    array: Image
    already: Decoded | None = None
    fidelity: float | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be put into pictures, and how.

    Attributes
    ----------
    scheme : Scheme
        Its PSNR is the strength where there is no fidelity.
    key : Key
    message : bytes
    fidelity : float or None
        SSIMULACRA2 score aimed at.
    insist : bool
        Go below the fidelity, as far as :data:`~watermarking.messages.fidelity.FLOOR`, where the message needs it.
    peak : int or None
        What uint16 samples are said to stand for.
    again : bool
        Mark whatever a picture carries, and do not look.
    """

    scheme: Scheme
    key: Key
    message: bytes
    fidelity: float | None = None
    insist: bool = False
    peak: int | None = None
    again: bool = False


def mark(request: Request, array: Image) -> Marked:
    """Put a message into a picture that does not carry it yet.

    What the picture carries of this scheme and key is read as it lies, the way in which files are read back: whatever
    was verified is recognised. Moved marks are not searched for (that takes ten times as long as marking), nor those of
    other schemes. Where a fidelity is aimed at, the message is read back from the samples.

    Raises
    ------
    CapacityError
        If the message is too long for the picture.
    AlreadyMarkedError
        If the picture carries another message of the key, or a mark of it that cannot be read.
    FidelityError
        If no strength leads to the fidelity, or the message cannot be read at it.
    UnsupportedImageError
        If a sample exceeds the peak.
    """
    scheme, message, key = request.scheme, request.message, request.key
    _check_room(scheme, message, array.shape)
    top = peak_in_use(array, request.peak)
    if not request.again and (found := _present(scheme, _attempt(scheme, array, key, top), message, key)):
        return Marked(array, found)
    mark_at = _at_strength(request, array, top)
    if request.fidelity is None:
        return Marked(mark_at(scheme.psnr))
    return _faithful(request, array, mark_at, top)


def _attempt(scheme: Scheme, array: Image, key: Key, top: float) -> Attempt:
    """Read a picture as it lies."""
    if isinstance(scheme, PlaneScheme):
        return Attempt.of(scheme.read(luma_plane(array, peak=top), key=key))
    return soft_reads(scheme, scheme.extract(rescaled(array, int(top)), key=key))


def _at_strength(request: Request, array: Image, top: float) -> Callable[[float], Image]:
    """Return what marks the picture at a PSNR."""
    scheme, key = request.scheme, request.key
    payload = carried_payload(scheme, request.message, key, array.shape)
    if not isinstance(scheme, PlaneScheme):
        seen = rescaled(array, int(top))

        def embed(psnr: float) -> Image:
            chosen = scheme if psnr == scheme.psnr else dataclasses.replace(cast("Any", scheme), psnr=psnr)
            return restored(chosen.embed(seen, payload, key=key), array, top)

        return embed
    plane = luma_plane(array, peak=top)

    def add(psnr: float) -> Image:
        energy = luma_energy(psnr)
        residual = scheme.residual(plane, payload, key=key, energy=energy * (1 - SHARE))  # the rest is the signal's
        return apply_residual(array, residual + signal(plane, key, energy * SHARE), psnr, peak=top)

    return add


def _faithful(request: Request, array: Image, mark_at: Callable[[float], Image], top: float) -> Marked:
    """Mark at the fidelity asked for, or below it if that is insisted on and the message needs it."""
    assert request.fidelity is not None
    target, readable = request.fidelity, None
    while readable is None and target >= min(request.fidelity, FLOOR):
        found = find_strength(mark_at, array, target, top)
        decoded, _ = decode_message(_attempt(request.scheme, found.array, request.key, top).reads, request.key)
        if decoded is not None and decoded.message == request.message:
            readable = found
        target -= _STEP
    if readable is not None and (request.insist or readable.score > request.fidelity - _STEP / 2):
        return Marked(readable.array, None, readable.score)
    way_out = "use a shorter message or a larger image"
    if readable is not None:
        way_out = f"it can be at {readable.score:.0f}: aim at that, allow it with insist (--insist), or {way_out}"
    raise FidelityError(
        f"the message cannot be read at a SSIMULACRA2 score of {request.fidelity:g} in this picture: {way_out}"
    )


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
