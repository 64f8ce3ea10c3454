"""Reading a set message from pictures: those that can be read, then those that only agree with each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from watermarking.codes.framing import search as search_frame
from watermarking.codes.framing import size_class
from watermarking.datasets.set_message import DEFAULT_BYTES, Collector
from watermarking.datasets.soft_reads import read_softly
from watermarking.errors import UnknownSchemeError
from watermarking.interface import PlaneScheme
from watermarking.messages.arguments import scheme_of, search_of
from watermarking.messages.reader import read
from watermarking.pictures.arrays import to_array

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watermarking.interface import Scheme
    from watermarking.keys import Key

__all__ = ["SoftGroups", "read_as_they_lie", "read_set_message"]

F32 = npt.NDArray[np.float32]

_AGREE: Final = 6.0
"""Standard deviations of the correlation of two pictures' soft values: two thousand unread pictures make two million
pairs, of which chance gives the best 5.1."""


class SoftGroups:
    """Unread pictures sorted by the message that they carry, which nobody knows yet.

    Soft values of one code word agree in sign wherever both are right. Each picture joins the group that it agrees
    with most, if it does beyond chance, and is added to it; else it begins one.

    Parameters
    ----------
    length : int, of the code word
    """

    def __init__(self, length: int) -> None:
        self._sums: F32 = np.zeros((0, length), np.float32)
        self._norms: F32 = np.zeros(0, np.float32)

    def __len__(self) -> int:
        """Return how many groups there are."""
        return len(self._sums)

    def join(self, values: F32) -> F32 | None:
        """Add a picture's soft values (length,) of unit norm; return its group's sum if it joined one."""
        if not values.any():
            return None
        scores = self._sums @ values / self._norms * np.float32(math.sqrt(values.size))
        if scores.size and scores.max() >= _AGREE:
            group = int(scores.argmax())
            self._sums[group] += values
            self._norms[group] = np.linalg.norm(self._sums[group])
            return np.asarray(self._sums[group], np.float32)
        self._sums = np.vstack([self._sums, values])
        self._norms = np.append(self._norms, np.float32(np.linalg.norm(values)))
        return None


def read_set_message(
    pictures: Sequence[Any],
    key: Key,
    *,
    scheme: str | Mapping[str, Any] | Scheme | None = None,
    search: int = 3,
    n_bytes: int = DEFAULT_BYTES,
) -> Collector:
    """Read a set message from as many pictures as it takes.

    First all pictures as they lie. If that is not enough, those that could not be read are put back into place, as
    they all were moved, and what cannot be read even so is added to pictures that agree with it.

    Parameters
    ----------
    pictures : sequence of arrays or PIL images
        Asked for up to three times each; a sequence that reads files as they are asked for needs little memory.
    key, scheme, search : as for :class:`watermarking.Marker`
    n_bytes : int
        Bytes of a picture's message, where too few are read to say.

    Returns
    -------
    Collector
        Its ``record`` is None where there was not enough; its ``progress`` says how much.

    Raises
    ------
    UnknownSchemeError
        If the scheme has no soft values on the working plane.
    """
    found, search = _plane_scheme(scheme), search_of(search)
    collector, unread = Collector(key), []
    for place, message in enumerate(_messages(pictures, key, found)):
        if collector.add(message):
            return collector
        if message is None:
            unread.append(place)
    length = size_class(collector.n_bytes or n_bytes).n
    groups = SoftGroups(length)
    for picture in read_softly(_Chosen(pictures, unread), found, key, (length,), search=search):
        values = picture.values[length]
        decoded = next((one for one in (search_frame(row, key=key)[0] for row in values) if one is not None), None)
        if decoded is None and (together := groups.join(values[0])) is not None:
            decoded = search_frame(together, key=key)[0]
        if decoded is not None and collector.add(decoded.message):
            break
    return collector


def read_as_they_lie(
    pictures: Iterable[Any], key: Key, *, scheme: str | Mapping[str, Any] | Scheme | None = None
) -> Collector:
    """Read a set message from pictures that were not moved, one in memory at a time, and from no more than it takes.

    Parameters and errors are those of :func:`read_set_message`.
    """
    collector = Collector(key)
    for message in _messages(pictures, key, _plane_scheme(scheme)):
        if collector.add(message):
            break
    return collector


def _messages(pictures: Iterable[Any], key: Key, scheme: PlaneScheme) -> Iterator[bytes | None]:
    for picture in pictures:
        yield read((scheme,), to_array(picture)[0], (key,), 0).message


def _plane_scheme(scheme: str | Mapping[str, Any] | Scheme | None) -> PlaneScheme:
    found = scheme_of(scheme)
    if not isinstance(found, PlaneScheme):
        raise UnknownSchemeError(f"sets marked with {found.id!r} cannot be read: use 'dwt', 'dct' or 'additive'")
    return found


class _Chosen(Sequence[Any]):
    """Some of a sequence's pictures, asked for as they are needed."""

    def __init__(self, pictures: Sequence[Any], places: list[int]) -> None:
        self._pictures, self._places = pictures, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: Any) -> Any:
        return self._pictures[self._places[place]]
