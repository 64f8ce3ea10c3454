"""Marking samples, once: what a picture carries already is read before anything is put into it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from watermarking.codes.framing import LIST_SIZES, size_class
from watermarking.codes.messages import as_text
from watermarking.errors import AlreadyMarkedError, CapacityError, FidelityError
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
from watermarking.messages.fidelity import FLOOR, find_strength, psnr_range
from watermarking.pictures.plane import apply_residual, luma_energy, luma_plane
from watermarking.pictures.ranges import peak_in_use, rescaled, restored
from watermarking.sync.template import SHARE, UNSEEN_SHARE, signal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from watermarking.codes.framing import Decoded
    from watermarking.interface import Bits, Image, Scheme
    from watermarking.keys import Key

__all__ = ["Marked", "Request", "mark"]

_SHOWN: Final = 60  # characters of a message in an error
_STEP: Final = 3.0  # by which insisting goes down
_SURE: Final = 1e-9
"""Chance at which an unmarked picture may be refused as damaged: folders hold millions."""


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
    cover = _Cover(request, array, peak_in_use(array, request.peak))
    if not request.again:
        sought = _Sought(scheme, message, code_word(scheme, message, key, array.shape), key)
        if found := sought.among(cover.attempt()):
            return Marked(array, found)
    return Marked(cover.marked(scheme.psnr)) if request.fidelity is None else _faithful(cover, request.fidelity)


@dataclass(frozen=True)
class _Cover:
    """A picture that a request is carried out on: read as it lies, and marked at any strength."""

    request: Request
    array: Image
    peak: float

    @cached_property
    def _plane(self) -> npt.NDArray[np.float32]:
        return luma_plane(self.array, peak=self.peak)

    @cached_property
    def _payload(self) -> Bits | Image:
        return carried_payload(self.request.scheme, self.request.message, self.request.key, self.array.shape)

    def attempt(self, marked: Image | None = None) -> Attempt:
        """Read the picture, or what was made of it."""
        scheme, key = self.request.scheme, self.request.key
        if isinstance(scheme, PlaneScheme):
            plane = self._plane if marked is None else luma_plane(marked, peak=self.peak)
            return Attempt.of(scheme.read(plane, key=key))
        seen = rescaled(self.array if marked is None else marked, int(self.peak))
        return soft_reads(scheme, scheme.extract(seen, key=key))

    def marked(self, psnr: float) -> Image:
        """Mark the picture at a strength in dB."""
        scheme, key = self.request.scheme, self.request.key
        if not isinstance(scheme, PlaneScheme):
            if self.request.fidelity is not None:  # some have a form that shows less, read in the same way
                scheme = getattr(scheme, "unseen", scheme)
            chosen = scheme if psnr == scheme.psnr else dataclasses.replace(cast("Any", scheme), psnr=psnr)
            seen = rescaled(self.array, int(self.peak))
            return restored(chosen.embed(seen, self._payload, key=key), self.array, self.peak)
        unseen = self.request.fidelity is not None
        energy, share = luma_energy(self.array, psnr, untinted=unseen), UNSEEN_SHARE if unseen else SHARE
        bits = cast("Bits", self._payload)
        residual = scheme.residual(self._plane, bits, key=key, energy=energy * (1 - share), unseen=unseen)
        whole = residual + signal(self._plane, key, energy * share)  # a new array: the residual may be the scheme's own
        return apply_residual(self.array, whole, psnr, peak=self.peak, untinted=unseen)

    def is_readable(self, marked: Image) -> bool:
        """Say whether the message can be read from the marked picture."""
        found, _ = decode_message(self.attempt(marked).reads, self.request.key)
        return found is not None and found.message == self.request.message


def _faithful(cover: _Cover, fidelity: float) -> Marked:
    """Mark at the fidelity asked for, or below it if that is insisted on and the message needs it."""
    target = fidelity
    within = psnr_range(cover.request.scheme)
    found = find_strength(cover.marked, cover.array, target, cover.peak, within)
    readable = cover.is_readable(found.array)
    while not readable and target - _STEP >= FLOOR:
        target -= _STEP
        try:
            found = find_strength(cover.marked, cover.array, target, cover.peak, within)
        except FidelityError:  # of a target that nobody asked for
            break
        readable = cover.is_readable(found.array)
    if readable and (cover.request.insist or target == fidelity):
        return Marked(found.array, None, found.score)
    way_out = "use a shorter message or a larger image"
    if readable:
        way_out = f"it can be at {found.score:.0f}: aim at that, allow it with insist (--insist), or {way_out}"
    raise FidelityError(f"the message cannot be read at a SSIMULACRA2 score of {fidelity:g} in this picture: {way_out}")


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
