"""Marking samples, once: what a picture carries already is read before anything is put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from watermarking.codes.framing import LIST_SIZES, size_class
from watermarking.codes.messages import as_text
from watermarking.errors import AlreadyMarkedError, CapacityError, FidelityError, WatermarkError
from watermarking.messages.carrier import (
    Attempt,
    code_word,
    decode_message,
    hides_pictures,
    longest_message,
    message_detection,
)
from watermarking.messages.cover import Cover
from watermarking.messages.fidelity import FLOOR, beginning, find_strength, score_aimed_at
from watermarking.messages.recovery import check_recoverable, made_recoverable
from watermarking.messages.words import check_word_room
from watermarking.pictures.ranges import peak_in_use
from watermarking.steps import Steps

if TYPE_CHECKING:
    from watermarking.codes.framing import Decoded
    from watermarking.interface import Bits, Image, Scheme
    from watermarking.keys import Key
    from watermarking.messages.cover import Request

__all__ = ["Marked", "mark"]

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


def mark(request: Request, array: Image) -> Marked:
    """Put a message into a picture that does not carry it yet.

    What the picture carries of this scheme and key is read as it lies, the way in which files are read back: whatever
    was verified is recognised. Moved marks are not searched for (that takes ten times as long as marking), nor those of
    other schemes. Where a fidelity is aimed at, the message is read back from the samples.

    Raises
    ------
    WatermarkError
        If the message is empty.
    CapacityError
        If the message is too long for the picture.
    AlreadyMarkedError
        If the picture carries another message of the key, or a mark of it that cannot be read.
    FidelityError
        If no strength leads to the fidelity, or the message cannot be read at it.
    UnsupportedImageError
        If a sample exceeds the peak.
    """
    scheme, message = request.scheme, request.message
    if not message:
        raise WatermarkError(
            "the message is empty, and a mark that says nothing is mostly a mistake: give a text, a name or a number"
        )
    if request.word is not None:
        check_word_room(scheme, request.word, array.shape)
    else:
        _check_room(scheme, message, array.shape)
    cover, steps = Cover(request, array, peak_in_use(array, request.peak)), Steps()
    if not request.again and (found := _carried(request, cover)):
        return Marked(array, found)
    if not request.again:
        steps.done("looked for a mark of this key and scheme: none")
    if request.restorable:
        check_recoverable(array)
    if request.fidelity is not None:
        made = _faithful(cover, score_aimed_at(request.fidelity, array.shape, page=cover.is_page))
    else:  # equal changes of all colours take a third of the room to record
        made = Marked(cover.drawn(scheme.psnr) if request.restorable else cover.marked(scheme.psnr))
        steps.done(f"drawn with {scheme.id} at {scheme.psnr:g} dB")
    return made._replace(array=made_recoverable(cover, made.array)) if request.restorable else made


def _carried(request: Request, cover: Cover) -> Decoded | None:
    """Return what is to be put into a picture if it carries that already."""
    if request.word is not None:
        return request.word.sought(request.message, cover.attempt())
    word = code_word(request.scheme, request.message, request.key, cover.array.shape)
    return _Sought(request.scheme, request.message, word, request.key).among(cover.attempt())


def _faithful(cover: Cover, fidelity: float) -> Marked:
    """Mark at the fidelity asked for, or below it if that is insisted on and the message needs it."""
    target, start = fidelity, beginning(fidelity, cover.array.shape)
    steps = Steps()

    def score(psnr: float) -> float:
        found = cover.score(psnr)
        steps.done(f"{cover.request.scheme.id} at {psnr:.2f} dB leaves SSIMULACRA2 {found:.2f}, aimed at {target:.1f}")
        return found

    def drawn(psnr: float) -> tuple[Image, bool]:
        array = cover.drawn(psnr)
        readable = cover.is_readable(array)
        steps.done(f"drawn at {psnr:.2f} dB, the message is {'read' if readable else 'not read'} from the samples")
        return array, readable

    found = find_strength(score, target, start, cover.psnr_range)
    array, readable = drawn(found.psnr)
    while not readable and target > FLOOR:
        target = max(target - _STEP, FLOOR)
        try:
            found = find_strength(score, target, (found.psnr, start[1]), cover.psnr_range)
        except FidelityError:  # of a target that nobody asked for
            break
        array, readable = drawn(found.psnr)
    if readable and (cover.request.insist or target == fidelity):
        return Marked(array, None, found.score)
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
    if len(message) > capacity:
        size_class(len(message))  # too long for any picture: say that instead
        way_out = "a shorter message" if hides_pictures(scheme) else "a shorter message or a larger image"
        raise CapacityError(
            f"{capacity} bytes fit in {shape[1]}x{shape[0]} pixels with {scheme.id!r}, {len(message)} are "
            f"needed: use {way_out}"
            if capacity
            else f"no message fits in {shape[1]}x{shape[0]} pixels with {scheme.id!r}: use a larger image"
        )
