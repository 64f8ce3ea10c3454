"""Whose copy leaked: suspect pictures against what a manifest says that each recipient's copy carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from watermarking.codes.framing import encode, size_class
from watermarking.codes.framing import search as search_frame
from watermarking.datasets.evidence import Evidence, Words, pooled_presence, weigh
from watermarking.datasets.soft_reads import read_softly
from watermarking.errors import UnknownSchemeError, WatermarkError
from watermarking.interface import Detection, PlaneScheme, Verdicts
from watermarking.messages.arguments import scheme_of, search_of
from watermarking.significance import any_of
from watermarking.steps import LOG, Steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from watermarking.datasets.soft_reads import SoftPicture
    from watermarking.interface import Scheme
    from watermarking.keys import Key

__all__ = ["MOST_KEYS", "ManifestRow", "Tracing", "trace"]

MOST_KEYS: Final = 64
"""Keys that suspects are read with: each costs one alignment search a picture."""
_USUAL_LENGTHS: Final = frozenset((512, 1024, 2048))  # of code words, of messages up to 48 bytes
_ROWS_READ: Final = 2  # alignments in which messages are looked for that the manifest does not hold
_LISTS: Final = (4,)
_SHARED: Final = -1
_SHOWN: Final = 60  # characters of a message in a summary
_MOST_SHOWN: Final = 3


class ManifestRow(Protocol):
    """What tracing needs of a manifest's row; :class:`watermarking.datasets.manifest.Record` has it.

    Attributes
    ----------
    message : bytes, or None where the sample was not marked
    recipient : str, or None where the copy is nobody's
    key_label : str or None, the label that the sample's key is derived with; none: the key itself
    """

    @property
    def message(self) -> bytes | None: ...  # noqa: D102  # said above

    @property
    def recipient(self) -> str | None: ...  # noqa: D102

    @property
    def key_label(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True)
class Tracing(Verdicts):
    """The verdict on each recipient, by name.

    Attributes
    ----------
    detections : dict from recipient to Detection, the strongest evidence first
        Each p-value counts all recipients, samples, alignments and choices of pictures that were tried.
    presence : Detection
        Whether the pictures carry marks of the key at all, whoever's.
    strangers : tuple of bytes
        Messages read from the pictures that no row of the manifest holds.
    """

    presence: Detection
    strangers: tuple[bytes, ...] = ()

    def summary(self, fpr: float = 1e-6) -> str:
        """Say in one line what was found, also where the manifest is not the suspect's."""
        if named := self.named(fpr):
            found = "made from the copies of " + ", ".join(f"{one} (p = {self[one].p_value:.1e})" for one in named)
            return f"{found}; some carry messages that no row holds, {self._shown()}" if self.strangers else found
        if self.strangers:
            return f"the manifest is not the suspect's: it carries messages that no row holds, {self._shown()}"
        if self.presence.is_present(fpr):
            return "the manifest is not the suspect's: marks of the key are there, but none of any recipient's words"
        return "no mark of the key was found: pictures of another set, marked with another key, or damaged too much"

    def _shown(self) -> str:
        texts = [repr(one.decode("utf-8", "backslashreplace"))[:_SHOWN] for one in self.strangers[:_MOST_SHOWN]]
        more = len(self.strangers) - len(texts)
        return ", ".join(texts) + (f" and {more} more" if more else "")


def trace(
    suspects: Sequence[Any],
    rows: Iterable[ManifestRow],
    key: Key,
    *,
    scheme: str | Mapping[str, Any] | Scheme | None = None,
    search: int = 3,
) -> Tracing:
    """Say from whose copies suspect pictures were made.

    The pictures may be few of the set, renamed, scaled, cropped, coded anew, taken from several recipients' copies, or
    averages of them. Nothing but what they carry says which sample they are: each is compared with all words of all
    recipients, and all that is tried is counted. See :mod:`watermarking.datasets.evidence` for the statistic, and for
    what its p-value is proven to bound.

    Parameters
    ----------
    suspects : sequence of arrays or PIL images
        Asked for twice or three times each; a sequence that reads files as they are asked for needs little memory.
    rows : iterable of ManifestRow
        Rows of the recipients' copies. Rows without message or recipient are passed over.
    key : Key
        The key that the set was marked with.
    scheme : str, mapping or Scheme, optional
        The scheme it was marked with.
    search : int
        Alignments of the full search, as for :class:`watermarking.Marker`; 0 where the pictures were not moved.

    Raises
    ------
    WatermarkError
        If the rows name no recipient, two recipients' copies are the same, or the rows have more than 64 keys and the
        pictures may have been moved.
    UnknownSchemeError
        If the scheme has no soft values on the working plane.
    """
    found, search = scheme_of(scheme), search_of(search)
    if not isinstance(found, PlaneScheme):
        raise UnknownSchemeError(f"copies marked with {found.id!r} cannot be traced: use 'dwt', 'dct' or 'additive'")
    names, by_key = _words_by_key(rows, search)
    if isinstance(suspects, np.ndarray) or not isinstance(suspects, Sequence):
        raise WatermarkError("several pictures are traced: give a list of them")
    steps = Steps()
    tried = len(suspects), len(names), len(by_key), found.id, search
    LOG.info("%d pictures, %d recipients, %d keys, scheme %s, search %d", *tried)
    known = {message for words in by_key.values() for message in words.messages}
    evidence: list[Evidence] = []
    presences: list[Detection] = []
    strangers: dict[bytes, None] = {}
    for label, words in by_key.items():
        label_key = key.derive(label) if label else key
        lengths = {size_class(len(message)).n for message in words.messages} | _USUAL_LENGTHS
        pictures = read_softly(suspects, found, label_key, lengths, search=search)
        presences.append(pooled_presence(pictures))
        for place, picture in enumerate(pictures):
            for message, decoded in _unknown(picture, label_key, known):
                strangers[message] = None
                pictures[place] = pictures[place].without(decoded)
        evidence.append(Evidence(words, pictures, label_key))
        steps.done(f"{len(pictures)} pictures read softly, to compare with {len(words.messages)} words")
    best = min(presences, key=lambda one: one.p_value)
    presence = Detection(best.score, any_of(best.p_value, len(presences)), best.statistic)
    verdicts = sorted(zip(names, weigh(len(names), evidence), strict=True), key=lambda one: one[1].p_value)
    steps.done(f"{len(names)} recipients weighed, the mark's own p = {presence.p_value:.2g}")
    return Tracing(dict(verdicts), presence, tuple(strangers))


def _unknown(picture: SoftPicture, key: Key, known: set[bytes]) -> Iterator[tuple[bytes, npt.NDArray[np.int8]]]:
    """Yield the messages that can be read from a picture and are not known, and the signs of their code words."""
    for values in picture.values.values():
        for row in values[:_ROWS_READ]:
            decoded, _ = search_frame(row, key=key, list_sizes=_LISTS)
            if decoded is not None:
                if decoded.message not in known:
                    yield decoded.message, np.where(encode(decoded.message, key=key), 1, -1).astype(np.int8)
                break


def _words_by_key(rows: Iterable[ManifestRow], search: int) -> tuple[list[str], dict[str, Words]]:
    """Return the recipients' names, and by label of the key the words that one's copies carry and no other's."""
    names: dict[str, int] = {}
    owners: dict[str, dict[bytes, int]] = {}
    for row in rows:
        if row.message is None or row.recipient is None:
            continue
        number = names.setdefault(row.recipient, len(names))
        of_key = owners.setdefault(row.key_label or "", {})
        if of_key.setdefault(row.message, number) != number:
            of_key[row.message] = _SHARED
    if not names:
        raise WatermarkError(
            "the manifest names no recipient: trace a set that was marked for recipients (--recipients); which "
            "sample a picture is, by a message a sample, 'watermarking dataset extract' says"
        )
    if search and len(owners) > MOST_KEYS:
        raise WatermarkError(
            f"the rows have {len(owners)} keys, moved pictures are looked for with at most {MOST_KEYS}: give the rows "
            "of those samples alone that the suspects can be, or search=0 if the pictures were not moved"
        )
    own = {number for of_key in owners.values() for number in of_key.values()}
    for name, number in names.items():
        if number not in own:
            raise WatermarkError(
                f"the copies of {name!r} carry no message that others' do not: copies that are equal cannot be traced"
            )
    return list(names), {label: _words(of_key) for label, of_key in owners.items()}


def _words(of_key: dict[bytes, int]) -> Words:
    own = [(message, number) for message, number in of_key.items() if number != _SHARED]
    return Words([message for message, _ in own], np.array([number for _, number in own], np.int64))
