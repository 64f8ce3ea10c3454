"""Who took part in pictures whose copies carry words of a code against colluders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.codes.tracing.accuse import accuse
from watermarking.datasets.collusion import FPR, code_against
from watermarking.datasets.evidence import pooled_presence
from watermarking.datasets.soft_reads import read_softly
from watermarking.datasets.trace import Tracing
from watermarking.embedders.soft import to_llr
from watermarking.errors import WatermarkError
from watermarking.messages.arguments import scheme_of, search_of
from watermarking.messages.cover import Request
from watermarking.messages.files import mark_file
from watermarking.messages.marking import mark
from watermarking.messages.words import CopyWord, plane_scheme
from watermarking.pictures.arrays import to_array

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from watermarking.codes.tracing.code import TardosCode
    from watermarking.datasets.soft_reads import SoftPicture
    from watermarking.interface import Scheme
    from watermarking.keys import Key
    from watermarking.messages.marker import Marker
    from watermarking.messages.reading import Receipt

__all__ = ["Copies", "soft_word", "trace_words"]

_HEARD: Final = 1.0
"""Standard deviations of the pilots below which a picture adds noise and nothing else."""


def trace_words(
    suspects: Sequence[Any],
    recipients: Iterable[str],
    code: TardosCode,
    key: Key,
    *,
    scheme: str | Mapping[str, Any] | Scheme | None = None,
    search: int = 3,
) -> Tracing:
    """Say whose copies suspect pictures were made of, merged or mixed in whatever way.

    The pictures are put into place, and what they say of the word's places is added up; then
    :func:`watermarking.codes.tracing.accuse.accuse` judges. Which alignment and noise level count is decided by the
    waves and pilots, never by words, so its p-values hold: the chance that any innocent at all gets p <= a is at most
    a.

    Parameters
    ----------
    suspects : sequence of arrays or PIL images
    recipients : iterable of str
        Everybody who has a copy, once.
    code : TardosCode
    key : Key
    scheme : str, mapping or Scheme, optional
    search : int
        Alignments of the full search; 0 where the pictures were not moved.

    Raises
    ------
    WatermarkError
        If there are no recipients or one is there twice.
    UnknownSchemeError
        If the scheme has no soft values on the working plane.
    """
    found = plane_scheme(scheme_of(scheme))
    if isinstance(suspects, np.ndarray) or not isinstance(suspects, Sequence):
        raise WatermarkError("several pictures are traced: give a list of them")
    pictures = read_softly(suspects, found, key, (code.length,), search=search_of(search))
    accused = accuse(code, soft_word(pictures, code.length), recipients, key=key)
    return Tracing(accused.detections, pooled_presence(pictures))


def soft_word(pictures: Sequence[SoftPicture], length: int) -> npt.NDArray[np.float64]:
    """Add up what pictures say of a word, log-likelihood ratios (length,) float64, by their most credible alignments.

    Pictures in which the pilots are not heard say nothing.
    """
    heard = [one.values[length][0] for one in pictures if one.pilots[length] > _HEARD]
    return np.sum([to_llr(values) for values in heard], axis=0, dtype=np.float64) if heard else np.zeros(length)


@dataclass(frozen=True, eq=False)
class Copies:
    """Copies of pictures for customers, one each, whose mergers are found when they merge them.

    Parameters
    ----------
    marker : Marker
        Scheme, strength and the one key.
    customers : sequence of str
        Everybody who may get a copy.
    code : TardosCode

    Raises
    ------
    WatermarkError
        If the marker has several keys, or a customer is there twice.

    Examples
    --------
    >>> from watermarking import Key, Marker
    >>> photo = np.random.default_rng(0).integers(90, 160, (512, 512, 3)).astype(np.uint8)
    >>> copies = Copies.against(2, ["ada", "bob", "cleo"], Marker(key=Key(bytes(16)), psnr=42))
    >>> average = (copies.embed(photo, "ada") / 2 + copies.embed(photo, "bob") / 2).round().astype(np.uint8)
    >>> sorted(copies.trace([average], search=0).named())
    ['ada', 'bob']
    """

    marker: Marker
    customers: tuple[str, ...]
    code: TardosCode

    def __post_init__(self) -> None:
        if len(self.marker.keys) != 1:
            raise WatermarkError(f"{len(self.marker.keys)} keys are given, copies are marked with one")
        plane_scheme(self.marker.scheme)
        if len(set(self.customers)) != len(self.customers):
            twice = next(one for one in self.customers if self.customers.count(one) > 1)
            raise WatermarkError(f"the customer {twice!r} is there twice: give each one once")

    @classmethod
    def against(cls, colluders: int, customers: Iterable[str], marker: Marker, *, fpr: float = FPR) -> Copies:
        """Return copies with a code against so many colluders; see :func:`.code_against` for what is raised."""
        names = tuple(map(str, customers))
        return cls(marker, names, code_against(len(names), colluders, fpr))

    def embed(self, image: Any, customer: str, *, again: bool = False) -> Any:
        """Return a customer's copy of an array or PIL image, the same kind as came.

        Raises
        ------
        CapacityError
            If the picture has no room for a word.
        AlreadyMarkedError
            If it carries another mark of the key, unless ``again``.
        FidelityError
            If the word cannot be recognised at the fidelity aimed at.
        """
        array, restore = to_array(image)
        return restore(mark(self._request(customer, again), array).array)

    def embed_file(
        self,
        source: str | os.PathLike[str] | bytes,
        target: str | os.PathLike[str] | IO[bytes],
        customer: str,
        *,
        verify: bool = True,
        overwrite: bool = False,
    ) -> Receipt:
        """Write a customer's copy of a picture file; raises as :meth:`watermarking.Marker.embed_file` does."""
        return mark_file(
            self._request(customer, False), source, target, verify=verify, in_place=False, overwrite=overwrite,
            quality=None, subsampling=None,
        )  # fmt: skip

    def trace(self, suspects: Sequence[Any], *, search: int = 3) -> Tracing:
        """Say whose copies suspect pictures were made of; see :func:`trace_words`."""
        marker = self.marker
        return trace_words(
            suspects, self.customers, self.code, marker.keys[0], scheme=marker.scheme, search=search
        )  # fmt: skip

    def _request(self, customer: str, again: bool) -> Request:
        if customer not in self.customers:
            raise WatermarkError(f"{customer!r} is none of the {len(self.customers)} customers: name one of them")
        marker = self.marker
        return Request(
            scheme=marker.scheme, key=marker.keys[0], message=customer.encode(), fidelity=marker.fidelity,
            insist=marker.insist, peak=marker.peak, again=again, restorable=marker.restorable,
            word=CopyWord.of(self.code, customer, marker.keys[0]),
        )  # fmt: skip
