"""What a reading means, in words that need no statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from watermarking.messages.records import geometry_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.messages.reading import Reading

__all__ = ["SURE", "Verdict", "chance_words", "of_reading", "of_sighting", "shown"]

SURE: Final = 1e-6
"""At most this chance of a false alarm: said to be marked."""
_DOUBTFUL: Final = 1e-3
"""Up to this chance it is said that nobody can tell."""
_ORDERS: Final = ((1e-12, "trillion"), (1e-9, "billion"), (1e-6, "million"))
_KNOWN: Final = "Where you know the message, give it: a known message is found in pictures too damaged to be read."
_NO_PROOF: Final = "That is no proof that there is none: other keys are not tried, and heavy damage wipes a mark out."


@dataclass(frozen=True)
class Verdict:
    """What is said of a picture.

    Attributes
    ----------
    kind : one of four
    sentence : str
    notes : tuple of str, what to bear in mind, or to try
    """

    kind: Literal["marked", "message lost", "cannot tell", "no mark"]
    sentence: str
    notes: tuple[str, ...] = ()


def chance_words(p_value: float) -> str:
    """Say how likely a false alarm is.

    Examples
    --------
    >>> chance_words(3e-8), chance_words(0.00004)
    ('below 1 in a million', 'about 1 in 25,000')
    """
    for limit, name in _ORDERS:
        if p_value <= limit:
            return f"below 1 in a {name}"
    if p_value > 0.5:
        return "as good as certain"
    one_in = float(f"{1 / p_value:.2g}")
    return f"about 1 in {one_in:,.0f}"


def shown(message: bytes | None, text: str | None) -> str:
    """Show a message: text without what could hide or reorder letters, else hexadecimal digits."""
    if text is None:
        return f"of the bytes {'' if message is None else message.hex()}"
    return "“" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text) + "”"


def of_reading(reading: Reading, keys: Sequence[str], *, unreadable: str | None, known: bool = False) -> Verdict:
    """Say what a reading means.

    Parameters
    ----------
    reading : Reading
    keys : sequence of str, what the keys are called
    unreadable : str or None, why no mark could be read from such a picture at all
    known : bool, whether a message that is known was looked for as well
    """
    p_value = reading.detection.p_value
    if reading.message is not None and reading.key_index is not None:
        words = ["Marked by the key " + keys[reading.key_index], "message " + shown(reading.message, reading.text)]
        if reading.geometry is not None:
            words += geometry_words(reading.geometry, fine=False) or (
                [] if reading.outline else ["cut or scaled since"]
            )
        if reading.outline is not None:
            words.append(_place(reading.outline))
        return Verdict("marked", f"{', '.join(words)}; chance of a false alarm {chance_words(p_value)}.")
    hints = () if known else (_KNOWN,)
    if p_value <= SURE:
        who = f"the key {keys[0]}" if len(keys) == 1 else "one of the keys"
        sentence = f"Marked by {who}, but the message is lost; chance of a false alarm {chance_words(p_value)}."
        return Verdict("message lost", sentence, hints)
    if unreadable is not None:
        return Verdict("cannot tell", f"Cannot tell: {unreadable}.")
    if p_value <= _DOUBTFUL:
        often = chance_words(p_value).removeprefix("about ")
        sentence = f"Cannot tell: it looks like a mark, but {often} unmarked pictures does, too."
        return Verdict("cannot tell", sentence, hints)
    who = f"of the key {keys[0]}" if len(keys) == 1 else f"of any of the {len(keys)} keys"
    return Verdict("no mark", f"No mark {who} found.", (_NO_PROOF, *hints))


def _place(outline: tuple[int, int, int, int]) -> str:
    """Say which part of a larger picture was read."""
    top, left, rows, cols = outline
    return f"inside a larger picture, {cols}x{rows} pixels at {left} from the left and {top} from the top"


def of_sighting(message: str, key: str, p_value: float) -> Verdict:
    """Say that a known message was found, though it could not be read."""
    sentence = f"Marked by the key {key}, message {message}; chance of a false alarm {chance_words(p_value)}."
    return Verdict("marked", sentence, ("The message could not be read, but what you gave is in the picture.",))
