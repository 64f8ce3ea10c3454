"""What a protected model puts into its answers, and how it is found in a suspect's: one interface for all marks."""

from __future__ import annotations

import dataclasses
import importlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, cast, runtime_checkable

import numpy as np

from watermarking.errors import CapacityError, WatermarkError
from watermarking.interface import Detection, PlaneScheme
from watermarking.pictures.plane import luma_plane
from watermarking.registry import get_config, get_scheme
from watermarking.significance import any_of, rademacher_p_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.learnable.evidence import Evidence

    F32 = npt.NDArray[np.float32]

__all__ = [
    "MARKS",
    "BitsMark",
    "BlindMark",
    "Configured",
    "MeteredMark",
    "OwnershipMark",
    "config_fields",
    "get_mark",
    "mark_config",
]

MARKS: Final = {
    "learnable": "watermarking.ownership.learnable.mark:LearnableMark",
    "hidden": "watermarking.ownership.hidden.mark:HiddenPicture",
    "several": "watermarking.ownership.several:SeveralMarks",
    "bits": "watermarking.ownership.marks:BitsMark",
}
"""Ids of marks and the classes that are them."""

_PAYLOAD: Final = "ownership/payload"
_GREY: Final = 128
_FEWEST: Final = 32
_SIDES: Final = range(16, 4097, 16)
"""Of squares, pixels: those that are looked at for the smallest that has room."""


class Configured(Protocol):
    """What every mark is, whatever it marks: a frozen dataclass of JSON-able fields with an id."""

    id: ClassVar[str]


class OwnershipMark(Configured, Protocol):
    """A mark for a model's answers or a data set's targets: a frozen dataclass of JSON-able fields."""

    def mark(self, picture: Image, *, key: Key) -> Image:
        """Return a marked copy: uint8 (H, W) or (H, W, 3), same shape."""
        ...

    def verify(
        self, suspect: Sequence[Image], own: Sequence[Image], *, key: Key, references: Sequence[Sequence[Image]] = ()
    ) -> Detection:
        """Test whether a suspect's answers carry the mark.

        Parameters
        ----------
        suspect, own : sequences of pictures, uint8, pair by pair of one shape
            The suspect's answers, and the owner's own unmarked answers to the same queries.
        key : Key
        references : sequences of pictures
            Answers of unmarked surrogates to the same queries, for marks that make use of them.
        """
        ...


@runtime_checkable
class MeteredMark(OwnershipMark, Protocol):
    """A mark whose evidence may be gathered query by query, and stopped at any time."""

    def evidence(self, pairs: Iterable[tuple[Image, Image]], *, key: Key) -> Iterator[Evidence]:
        """Yield what the queries so far say, after each.

        Parameters
        ----------
        pairs : iterable of (suspect's answer, own unmarked answer), uint8, of one shape, all grey or all colour
            Taken one at a time: the suspect is asked as it goes.
        key : Key

        Yields
        ------
        Evidence
            Over the keys that might have been, its e-value has a mean of at most 1 whenever one stops.
        """
        ...


@runtime_checkable
class BlindMark(OwnershipMark, Protocol):
    """A mark that is found in a suspect's answers alone."""

    def verify_blind(self, suspect: Sequence[Image], *, key: Key) -> Detection:
        """Test whether a suspect's answers carry the mark, with nothing to compare them with.

        Parameters
        ----------
        suspect : sequence of pictures, uint8, all grey or all colour
        key : Key
        """
        ...


def get_mark(config: str | Mapping[str, Any]) -> OwnershipMark:
    """Make a mark of its id or its configuration.

    Raises
    ------
    WatermarkError
        If there is no such mark, or it has no such parameter.

    Examples
    --------
    >>> get_mark({"id": "bits", "scheme": "dwt"}).n_bits
    64
    """
    entries = {"id": config} if isinstance(config, str) else dict(config)
    name = entries.pop("id", None)
    if name not in MARKS:
        raise WatermarkError(f"there is no ownership mark {name!r}: choose one of {', '.join(MARKS)}")
    module, _, kind = MARKS[name].partition(":")
    try:
        mark: OwnershipMark = getattr(importlib.import_module(module), kind)(**entries)
    except TypeError as error:
        raise WatermarkError(f"the mark {name!r} takes no such parameters: {error}") from error
    return mark


def mark_config(mark: Configured) -> dict[str, Any]:
    """Return what :func:`get_mark` makes a mark from again, as it comes back from JSON."""
    names = (one.name for one in dataclasses.fields(cast("Any", mark)) if one.init)
    return {"id": mark.id} | {name: _plain(getattr(mark, name)) for name in names}


def config_fields(cls: type[Any], config: Mapping[str, Any], needed: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the fields of a mark's configuration without its id, for a mark that is a dataclass.

    Parameters
    ----------
    cls : the class of the mark
    needed : fields that must be there; where they are given, none may be there that the class does not have

    Raises
    ------
    WatermarkError
        If it is of another mark, or does not fit.
    """
    fields = dict(config)
    if fields.pop("id", cls.id) != cls.id:
        raise WatermarkError(f"this is a mark of the kind {config['id']!r}, not of {cls.id!r}")
    known = {field.name for field in dataclasses.fields(cls)}
    if needed is not None and (fields.keys() - known or set(needed) - fields.keys()):
        raise WatermarkError(f"a mark has {', '.join(sorted(known))}, not {', '.join(sorted(fields))}")
    return fields


def _plain(value: Any) -> Any:
    """Return fields that are dataclasses themselves as their own fields, with lists for tuples."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json.loads(json.dumps(dataclasses.asdict(value)))
    return value


@dataclass(frozen=True, kw_only=True)
class BitsMark:
    """A bit scheme of the toolkit with one keyed payload: the traditional baseline.

    Its places are fixed in the picture, so that surrogates seldom learn it: what it proves are copies, not surrogates.

    Parameters
    ----------
    scheme : str or mapping
        Id or configuration of a scheme of bits.
    n_bits : int
        Payload, drawn from the key. In pictures that have no room for all of it there are as many as fit, 32 at least.

    Raises
    ------
    WatermarkError
        If the scheme carries pictures, or the payload has too few bits.
    """

    id: ClassVar[str] = "bits"
    scheme: Any = "additive_block"
    n_bits: int = 64
    _scheme: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        found = get_scheme(self.scheme)
        if found.payload_kind != "bits":
            raise WatermarkError(f"{found.id!r} carries pictures: choose a scheme of bits")
        if self.n_bits < _FEWEST:
            raise WatermarkError(f"{self.n_bits} bits prove nothing: give {_FEWEST} or more")
        object.__setattr__(self, "scheme", get_config(found))
        object.__setattr__(self, "_scheme", found)

    def mark(self, picture: Image, *, key: Key) -> Image:
        """Return a marked copy.

        Raises
        ------
        CapacityError
            If the picture has no room for 32 bits; the message says how large it must be.
        """
        n = self._room(picture.shape)
        if n < _FEWEST:
            side = next((side for side in _SIDES if self._room((side, side)) >= _FEWEST), None)
            way = f"{side}x{side} pixels are needed" if side else "no picture has that room"
            raise CapacityError(
                f"{n} bits fit in {picture.shape[1]}x{picture.shape[0]} pixels with {self._scheme.id!r}, {_FEWEST} are "
                f"needed: {way}, or another scheme"
            )
        return cast("Image", self._scheme.embed(picture, key.bits(_PAYLOAD, n), key=key))

    def _room(self, shape: tuple[int, ...]) -> int:
        """Return how many bits of the payload a picture of a shape carries: the first ones of it."""
        return min(self.n_bits, int(self._scheme.capacity(shape)))

    def verify(
        self, suspect: Sequence[Image], own: Sequence[Image], *, key: Key, references: Sequence[Sequence[Image]] = ()
    ) -> Detection:
        """Sum what the answers say of each bit and compare it with the payload.

        What is read is the difference from the owner's answer: the picture itself does not disturb. The payload is a
        string of independent keyed signs, and the places of its bits are those of another stream of the key, so that
        the bound of :func:`~watermarking.significance.rademacher_p_value` holds for any suspect that had no access to
        the key, however many pictures there are and however alike they are.
        """
        del references
        chips = np.where(key.bits(_PAYLOAD, self.n_bits), np.float32(1), np.float32(-1))
        total: dict[int, F32] = {}
        for one, other in zip(suspect, own, strict=True):
            n = self._room(other.shape)
            if n < _FEWEST or np.array_equal(one, other):
                continue  # it was never marked, or nothing was changed: what rounding says of it is nothing
            change = np.clip(one.astype(np.int16) - other + _GREY, 0, 255).astype(np.uint8)
            for number, sums in enumerate(self._sums(change, n, key)):
                total.setdefault(number, np.zeros(self.n_bits, np.float32))[:n] += sums
        scores = [_score(chips, sums) for sums in total.values()]
        best = max(scores, default=0.0)
        return Detection(best, any_of(rademacher_p_value(best), max(1, len(scores))), "payload")

    def _sums(self, change: Image, n: int, key: Key) -> list[F32]:
        """Return the soft value of each of n payload bits, of unit norm, in each way of reading."""
        if isinstance(self._scheme, PlaneScheme):
            reads = self._scheme.read(luma_plane(change), key=key)
            fitting = [read.sums for read in reads if read.length >= n]
            shortest = min((sums.size for sums in fitting), default=0)
            found = [_folded(sums, n) for sums in fitting if sums.size == shortest]
        else:
            llr = self._scheme.extract(change, key=key).llr
            found = [] if llr is None else [_folded(llr, n)]
        return [sums / max(float(np.linalg.norm(sums)), 1e-12) for sums in found]


def _folded(values: F32, n: int) -> F32:
    """Add up the repetitions of a payload of n bits: it is repeated to the room there is."""
    padded = np.zeros(-(-values.size // n) * n, np.float32)
    padded[: values.size] = np.where(np.isfinite(values), values, 0)
    return np.asarray(padded.reshape(-1, n).sum(0), np.float32)


def _score(chips: F32, sums: F32) -> float:
    norm = float(np.linalg.norm(sums))
    return float(chips @ sums) / norm if norm > 0 else 0.0
