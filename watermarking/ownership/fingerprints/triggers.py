"""The second black-box carrier: verification pictures that carry a customer's word, and labels that spell it.

A reconstruction of what the abstract of SECUREMARK-DL (2022, withdrawn) lets one think: 304 bits, carried by pictures,
that a customer's copy is fine-tuned to know. The customer's word is put into the owner's verification pictures by a
scheme of this toolkit, and the copy is taught to answer them, marked or not, with classes that spell the word, a few
bits a picture. So the unmarked pictures, asked once, tell all customers apart.

Labels alone are needed. Whoever distils a copy on other pictures learns nothing of them: for that there are marks in
soft labels (:mod:`watermarking.ownership.fingerprints.served`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from scipy.stats import binom

from watermarking.errors import CapacityError, WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.fingerprints.sheets import check_pictures, marked_pictures, read_word
from watermarking.ownership.marks import config_fields
from watermarking.registry import get_scheme
from watermarking.significance import any_of, probability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from watermarking.interface import Bits
    from watermarking.keys import Key

    I64 = npt.NDArray[np.int64]
    U8 = npt.NDArray[np.uint8]

__all__ = ["TriggerMark", "judged_labels"]

_LABEL: Final = "fingerprints/triggers"
_LENGTHS: Final = (32, 4096)
_CLASSES: Final = (2, 2048)


@dataclass(frozen=True, kw_only=True)
class TriggerMark:
    """Keyed labels of verification pictures, which spell a customer's word.

    Parameters
    ----------
    n_classes : int
        Of the model, 2 to 2,048. Of K classes each picture spells log2 K bits, rounded down.
    length : int
        Bits of a word, 32 to 4,096; a few more are taken where the last picture has room for them.
    scheme : str
        Of bits, that pictures are marked with.
    psnr : float
        Of the pictures' mark, in dB; up to 9 less where small or noisy pictures want it.

    Raises
    ------
    WatermarkError
        If a number is out of its bounds, or the scheme carries no bits.

    Examples
    --------
    >>> mark = TriggerMark(n_classes=10)
    >>> mark.bits, mark.n_pictures, mark.n_bits
    (3, 102, 306)
    """

    id: ClassVar[str] = "triggers"
    n_classes: int
    length: int = 304
    scheme: str = "dwt"
    psnr: float = 32.0

    def __post_init__(self) -> None:
        for name, (low, high), what in (
            ("n_classes", _CLASSES, "classes"), ("length", _LENGTHS, "bits of a word"),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not low <= value <= high:
                raise WatermarkError(f"{value!r} {what}: give {low} to {high:,}")
        found = get_scheme({"id": self.scheme, "psnr": self.psnr})
        if found.payload_kind != "bits":
            raise WatermarkError(f"{self.scheme!r} carries pictures: choose a scheme of bits")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TriggerMark:
        """Make a mark of its configuration, as :func:`watermarking.ownership.marks.mark_config` returns it.

        Raises
        ------
        WatermarkError
            If it is of another mark, or does not fit.
        """
        return cls(**config_fields(cls, config, ("n_classes",)))

    @property
    def bits(self) -> int:
        """How many bits the label of a picture spells."""
        return int(self.n_classes).bit_length() - 1

    @property
    def n_pictures(self) -> int:
        """How many pictures a word needs."""
        return -(-self.length // self.bits)

    @property
    def n_bits(self) -> int:
        """How many bits all pictures spell together: the length, or a few more."""
        return self.n_pictures * self.bits

    def word(self, customer: str, *, key: Key) -> Bits:
        """Return a customer's word, (n_bits,) bool: independent bits, so that p-values are exact."""
        return key.bits(f"{_LABEL}/word/{customer}", self.n_bits)

    def labels(self, word: Bits, *, key: Key) -> I64:
        """Return the classes that spell a word, (n_pictures,) int64."""
        return np.take_along_axis(_classes(key, self), _values(word, self.bits)[:, np.newaxis], 1)[:, 0]

    def spelt(self, labels: npt.ArrayLike, *, key: Key) -> I64:
        """Return the value that each label spells, (n_pictures,), -1 where it spells nothing."""
        found = np.asarray(labels, np.int64)
        places = np.argsort(_classes(key, self), axis=1)
        valid = (found >= 0) & (found < self.n_classes)
        values = np.take_along_axis(places, np.where(valid, found, 0)[:, np.newaxis], 1)[:, 0]
        return np.where(valid & (values < 1 << self.bits), values, -1)

    def read_bits(self, labels: npt.ArrayLike, *, key: Key) -> npt.NDArray[np.int8]:
        """Return what labels spell bit by bit, (n_bits,) int8: 1, 0, or -1 where a label spells nothing."""
        values = self.spelt(labels, key=key)
        bits = (np.maximum(values, 0)[:, np.newaxis] >> np.arange(self.bits)[::-1]) & 1
        return np.where(values[:, np.newaxis] < 0, -1, bits).astype(np.int8).ravel()

    def chosen(self, pictures: npt.NDArray[np.generic], *, key: Key) -> U8:
        """Return the verification pictures, (n_pictures, C, H, W): a keyed choice of the owner's.

        Raises
        ------
        CapacityError
            If there are too few.
        UnsupportedImageError
            If they are no pictures.
        """
        found = check_pictures(pictures)
        if len(found) < self.n_pictures:
            raise CapacityError(
                f"{len(found)} pictures are given, {self.n_pictures} are needed for {self.length} bits of {self.bits} "
                "a picture: give more, or use a shorter word"
            )
        return np.ascontiguousarray(found[key.permutation(f"{_LABEL}/pictures", len(found))[: self.n_pictures]])

    def marked(self, plain: U8, customer: str, *, key: Key) -> U8:
        """Return verification pictures that carry a customer's word.

        Raises
        ------
        CapacityError
            If they have no room for it.
        """
        own = key.derive(f"{_LABEL}/{customer}")
        return marked_pictures(plain, self.word(customer, key=key), scheme=self.scheme, psnr=self.psnr, key=own)

    def read(self, marked: U8, customer: str, *, key: Key) -> Bits:
        """Return the bits that marked pictures carry, (n_bits,) bool, read with a customer's key."""
        return read_word(marked, self.n_bits, scheme=self.scheme, key=key.derive(f"{_LABEL}/{customer}"))


def judged_labels(
    labels: npt.ArrayLike, mark: TriggerMark, customers: Sequence[str], *, key: Key
) -> dict[str, Detection]:
    """Return the verdict on each customer from the labels of the verification pictures, the likeliest first.

    Of an innocent customer the key draws each bit apart from everything the suspect may know. What a label spells
    meets his with a chance of 2^-bits, picture by picture: the number of those that meet is binomial, exactly, over
    those labels that spell anything. Each p-value is times the number of customers.

    Parameters
    ----------
    labels : (n_pictures,) int
        First classes; -1 where there is no answer.
    mark : TriggerMark
    customers : sequence of str
    key : Key
        Of the model's fingerprints.

    Raises
    ------
    WatermarkError
        If there are not as many labels as pictures.
    """
    given = np.asarray(labels)
    if given.shape != (mark.n_pictures,):
        raise WatermarkError(f"labels of shape {given.shape}: give one for each of the {mark.n_pictures} pictures")
    values = mark.spelt(given, key=key)
    n, found = int((values >= 0).sum()), {}
    for customer in customers:
        meets = int((values == _values(mark.word(customer, key=key), mark.bits)).sum())
        alone = probability(float(binom.logsf(meets - 1, n, 0.5**mark.bits))) if meets else 1.0
        statistic = f"{meets} of {n} labels are this customer's, of {len(customers)} customers"
        found[customer] = Detection(meets / max(n, 1), any_of(alone, len(customers)), statistic)
    return dict(sorted(found.items(), key=lambda item: item[1].p_value))


def _values(word: Bits, bits: int) -> I64:
    """Return the value of each picture's bits, the first one highest."""
    return np.asarray(word, np.int64).reshape(-1, bits) @ (1 << np.arange(bits, dtype=np.int64)[::-1])


@functools.lru_cache(maxsize=4)
def _classes(key: Key, mark: TriggerMark) -> I64:
    """Return which class each value is spelt with, picture by picture: (n_pictures, n_classes), keyed orders."""
    return np.stack([key.permutation(f"{_LABEL}/classes/{i}", mark.n_classes) for i in range(mark.n_pictures)])
