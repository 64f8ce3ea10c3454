"""Words of a collusion-secure code in place of messages: put into pictures, recognised, read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.codes.framing import SIZE_CLASSES, Decoded
from watermarking.codes.tracing.presence import word_detection
from watermarking.errors import AlreadyMarkedError, CapacityError, UnknownSchemeError
from watermarking.interface import Detection, PlaneScheme
from watermarking.pictures.plane import luma_plane

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.codes.tracing.code import TardosCode
    from watermarking.interface import Bits, Image, Scheme, SoftRead
    from watermarking.keys import Key
    from watermarking.messages.carrier import Attempt

__all__ = ["SURE", "CopyWord", "check_word_room", "plane_scheme", "word_in"]

SURE: Final = 1e-9
"""Chance at which a picture is said to carry a word."""


@dataclass(frozen=True, eq=False)
class CopyWord:
    """A customer's word, and what is needed to recognise it.

    Attributes
    ----------
    bits : (n,) bool
    biases : (n,) float64, chances of a one
    """

    bits: Bits
    biases: npt.NDArray[np.float64]

    @classmethod
    def of(cls, code: TardosCode, name: str, key: Key) -> CopyWord:
        """Return the word of a customer."""
        return cls(code.word(name, key=key), code.values(key=key))

    def found_in(self, reads: list[SoftRead]) -> tuple[Detection, float]:
        """Return the verdict on soft values, and the share of places that were read wrongly."""
        fitting = [read for read in reads if read.length == self.bits.size]
        best = max(fitting, key=lambda read: read.score, default=None)  # which the pilots choose, not the word
        if best is None:
            return Detection(0.0, 1.0, "code word"), 1.0
        wrong = float(np.mean((best.sums > 0) != self.bits))
        return word_detection(best.sums, self.bits, self.biases), wrong

    def sought(self, name: bytes, attempt: Attempt) -> Decoded | None:
        """Return what a picture carries if it is this word, None if it carries nothing.

        Raises
        ------
        AlreadyMarkedError
            If it carries anything else of the key.
        """
        found, wrong = self.found_in(attempt.reads)
        if found.is_present(SURE):
            return Decoded(name, SIZE_CLASSES[0], 0, wrong)
        if attempt.presence.is_present(SURE):
            raise AlreadyMarkedError(
                "the picture carries another mark of this key already: take the picture without that mark, or allow a "
                "second one with again (--again)"
            )
        return None


def word_in(word: CopyWord, scheme: Scheme, image: Image, key: Key) -> tuple[bool, float]:
    """Say whether a picture that was not moved carries a word; return the share of places read wrongly, too."""
    found, wrong = word.found_in(plane_scheme(scheme).read(luma_plane(image), key=key))
    return found.is_present(SURE), wrong


def plane_scheme(scheme: Scheme) -> PlaneScheme:
    """Return the scheme if it can carry words.

    Raises
    ------
    UnknownSchemeError
        If it cannot: it has no soft values on the working plane.
    """
    if not isinstance(scheme, PlaneScheme):
        raise UnknownSchemeError(
            f"copies marked with {scheme.id!r} carry no words of a code against colluders: use 'dwt', 'dct' or "
            "'additive'"
        )
    return scheme


def check_word_room(scheme: Scheme, word: CopyWord, shape: tuple[int, ...]) -> None:
    """Refuse a picture that has no room for a word.

    Raises
    ------
    CapacityError
    """
    capacity = plane_scheme(scheme).capacity(shape)
    if word.bits.size > capacity:
        raise CapacityError(
            f"{capacity} places of a word fit in {shape[1]}x{shape[0]} pixels, {word.bits.size} are needed: use larger "
            "images, or a code against fewer colluders"
        )
