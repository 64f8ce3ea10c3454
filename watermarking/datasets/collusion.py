"""Copies that still say whose they were when several are merged: which code they carry, and who took part.

All pictures of a recipient's copy carry the same word, so that what they say adds up, whichever of them leaked, in any
order and under any name. Of a set that was mixed from several copies, of pictures that are averages of them, minima or
patchworks, the sum holds something of each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import CapacityError, FileFormatError, KeyFileError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.codes.tracing.code import TardosCode
    from watermarking.datasets.wording import Recipient
    from watermarking.interface import Scheme

__all__ = ["FPR", "check_alone", "code_against", "code_of", "described", "with_words"]

FPR: Final = 1e-6
"""Chance to name any recipient wrongly that codes are made for."""


def code_against(n_recipients: int, colluders: int, fpr: float = FPR) -> TardosCode:
    """Return a code for so many recipients, of a length that pictures carry.

    Raises
    ------
    WatermarkError
        If there are not 1 to ``n_recipients`` colluders.
    CapacityError
        If the code would be longer than any picture carries; the message says how many colluders it can be against.

    Examples
    --------
    >>> code_against(1000, 5).length
    2048
    """
    from watermarking.codes.framing import code_lengths
    from watermarking.codes.tracing.code import TardosCode
    from watermarking.codes.tracing.lengths import length_for

    if not 1 <= colluders <= n_recipients:
        raise WatermarkError(f"{colluders} of {n_recipients} recipients cannot collude: give 1 to {n_recipients}")
    needed, lengths = length_for(n_recipients, colluders, fpr), code_lengths()
    fitting = [length for length in lengths if length >= needed]
    if not fitting:
        most = max((c for c in range(1, colluders) if length_for(n_recipients, c, fpr) <= max(lengths)), default=0)
        raise CapacityError(
            f"{needed} places are needed to find {colluders} colluders among {n_recipients} recipients, a picture "
            f"carries at most {max(lengths)}: "
            + (f"make the code against {most} or fewer" if most else "share the set among fewer recipients")
        )
    return TardosCode(length=min(fitting), colluders=colluders)


def described(code: TardosCode | None) -> dict[str, Any]:
    """Return what a manifest says of the code; nothing of none."""
    from watermarking.datasets.manifest import FORMAT_OF_WORDS

    if code is None:
        return {}
    said = {"length": code.length, "colluders": code.colluders, "biases": code.biases, "cutoff": code.cutoff}
    return {"format": FORMAT_OF_WORDS, "collusion": said}


def code_of(run: dict[str, Any]) -> TardosCode | None:
    """Return the code of a run by its manifest, None where it has none.

    Raises
    ------
    FileFormatError
        If what the manifest says is no code.
    """
    from watermarking.codes.tracing.code import TardosCode

    said = run.get("collusion")
    if said is None:
        return None
    try:
        return TardosCode(**said)
    except (TypeError, WatermarkError) as error:
        raise FileFormatError(f"the manifest's code against colluders is none ({error}): it is damaged") from error


def with_words(recipients: Sequence[Recipient]) -> list[Recipient]:
    """Return recipients whose copies carry the words of their names.

    Raises
    ------
    WatermarkError
        If there are none, or a row has a message of its own.
    """
    if not recipients:
        raise WatermarkError("a code against colluders tells recipients apart: name them with --recipients FILE")
    for one in recipients:
        if one.fields.get("message"):
            raise WatermarkError(
                f"{one.name!r} has a message, and copies with a code against colluders carry the word of the name "
                "instead: leave out the column 'message', or --collusion"
            )
    return [replace(one, message=one.name.encode()) for one in recipients]


def check_alone(scheme: Scheme, *, has_message: bool, keys_per_sample: bool) -> None:
    """Refuse what cannot go with a code against colluders.

    Raises
    ------
    WatermarkError, KeyFileError, UnknownSchemeError
    """
    from watermarking.messages.words import plane_scheme

    plane_scheme(scheme)
    if has_message:
        raise WatermarkError("copies with a code against colluders carry its words: give no message and no template")
    if keys_per_sample:
        raise KeyFileError(
            "words are added up over pictures, which takes one key for all: leave out --key-per-sample, or --collusion"
        )
