r"""Printing: one line each, whatever a name holds, on any terminal.

Control characters, line ends in file names among them, are escaped as Python writes them, bytes of names that are not
UTF-8 as ``\xff``. What the terminal's encoding lacks becomes a replacement character.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["can_print", "counted", "say", "shown", "write"]

_UNPRINTABLE: Final = ("Cc", "Cs", "Zl", "Zp")
_REORDERING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ESCAPED_BYTES: Final = range(0xDC80, 0xDD00)  # PEP 383


def say(line: str, *, err: bool = False) -> None:
    """Print one line, control characters escaped."""
    write(shown(line), err=err)


def write(text: str, *, err: bool = False) -> None:
    """Print text as it is, and a line end, with replacements for what the stream's encoding lacks."""
    stream = sys.stderr if err else sys.stdout
    if stream is not None:  # a process without a console has none
        stream.write(_in_encoding_of(stream, text) + "\n")
        stream.flush()


def counted(n: int, what: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "picture"), counted(1200, "picture")
    ('1 picture', '1,200 pictures')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def can_print(text: str) -> bool:
    """Say whether standard output has all the characters of a text."""
    return sys.stdout is None or _in_encoding_of(sys.stdout, text) == text


def shown(text: str) -> str:
    r"""Escape what would break a line, or make it show something else than it says.

    Examples
    --------
    >>> print(shown("two\nlines \x1b[31m"))
    two\nlines \x1b[31m
    """
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if ord(character) in _ESCAPED_BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    if unicodedata.category(character) in _UNPRINTABLE or character in _REORDERING:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _in_encoding_of(stream: TextIO, text: str) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding, "replace")
