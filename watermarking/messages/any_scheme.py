"""Reading without knowing the scheme: all of them are tried, with every key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watermarking.codes.framing import size_class
from watermarking.codes.messages import Message, to_bytes
from watermarking.errors import UnknownSchemeError, WatermarkError
from watermarking.keys import Key
from watermarking.messages.arguments import CLASSICAL, keys_of, scheme_of, search_of
from watermarking.messages.reader import detect, read, read_all
from watermarking.pictures.arrays import to_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Detection, Scheme
    from watermarking.messages.reader import Canvas, Sighting
    from watermarking.messages.reading import Reading
    from watermarking.pictures.arrays import Pictorial

__all__ = ["detect_any", "extract_all_any", "extract_any", "sighted"]


def extract_any(
    image: Pictorial, *, keys: Sequence[Key], schemes: Sequence[str] = CLASSICAL, search: int = 3,
    presence: bool = False,
) -> Reading:  # fmt: skip
    """Read a picture with every scheme and key given; the first message found ends the search.

    The p-value counts all that was tried. See :class:`watermarking.Marker` for the parameters.
    """
    array, _ = to_array(image)
    return read(_schemes_of(schemes, keys, search), array, keys, search, presence=presence)


def extract_all_any(
    image: Pictorial, *, keys: Sequence[Key], schemes: Sequence[str] = CLASSICAL, search: int = 3, most: int = 16
) -> Canvas:
    """Read the marked pictures that a canvas shows, with every scheme and key given; see ``Marker.extract_all``."""
    array, _ = to_array(image)
    return read_all(_schemes_of(schemes, keys, search), array, keys, search, most)


def detect_any(
    image: Pictorial, message: Message, *, keys: Sequence[Key], schemes: Sequence[str] = CLASSICAL, search: int = 3
) -> tuple[str, Detection]:
    """Look for a known message with every scheme and key given; return the best scheme's id and its verdict."""
    sighting = sighted(image, message, keys=keys, schemes=schemes, search=search)
    return sighting.scheme, sighting.detection


def sighted(
    image: Pictorial, message: Message, *, keys: Sequence[Key], schemes: Sequence[str] = CLASSICAL, search: int = 3
) -> Sighting:
    """Do what :func:`detect_any` does, and say which of the keys it was as well."""
    array, _ = to_array(image)
    data = to_bytes(message)
    size_class(len(data))
    return detect(_schemes_of(schemes, keys, search), array, keys, data, search)


def _schemes_of(schemes: Sequence[str], keys: Sequence[Key], search: int) -> list[Scheme]:
    """Build the schemes that a reader of several tries; keys and search are checked with them."""
    if isinstance(keys, Key) or isinstance(schemes, str):
        raise WatermarkError("several keys and schemes are tried: give lists, [key] and ['dct'] for one")
    if not schemes:
        raise UnknownSchemeError("no scheme is given: name one or more, or leave them out to try all classical ones")
    keys_of(keys)
    search_of(search)
    return [scheme_of(scheme) for scheme in schemes]
