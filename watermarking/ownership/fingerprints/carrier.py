"""The white-box carrier: words into weights by one keyed step, and back by keyed projections.

Uchida, Nagai, Sakazawa and Satoh, "Embedding watermarks into deep neural networks" (ICMR 2017), read bits as signs of
projections of weights. Here the projections' supports are blocks of a keyed partition of all weights, so that they are
orthonormal without further ado, and bits are put in by moving along them, at once, without training. The owner has the
unmarked model: what is projected is the difference to it, in which weights themselves are no noise.

For AND codes a word's signs are first turned by a keyed orthogonal matrix: coded modulation as the abstract of
"DeepMarks" (ICMR 2019) lets one think it. This is a reconstruction, not the authors' code.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.learnable.streams import normals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from watermarking.interface import Bits
    from watermarking.keys import Key
    from watermarking.ownership.fingerprints.mark import WeightMark

    F64 = npt.NDArray[np.float64]
    Arrays = Mapping[str, npt.NDArray[np.generic]]

__all__ = ["Carrier", "Levels", "carrying_layers", "turning"]

_CLIP: Final = 4.0  # root mean squares of a row's differences
_LEAST_LAYER: Final = 64  # weights of a layer that carries
_LABEL: Final = "fingerprints/weights"


def carrying_layers(weights: Arrays, chosen: Sequence[str] | None = None) -> list[str]:
    """Return the names of the weights that carry a mark: those chosen, or all matrices and filters, by name.

    Raises
    ------
    WatermarkError
        If one that was chosen is not there, or is no matrix or filter.
    """
    able = sorted(
        name for name, value in weights.items()
        if value.dtype.kind == "f" and value.ndim >= 2 and value.size >= _LEAST_LAYER
    )  # fmt: skip
    if chosen is None:
        return able
    if missing := [name for name in chosen if name not in able]:
        raise WatermarkError(f"{missing[0]!r} is no layer that can carry a mark: there are {', '.join(able) or 'none'}")
    return list(chosen)


@dataclass(frozen=True, eq=False)
class Levels:
    """What is read of each place.

    Attributes
    ----------
    values : (length,) float64
        1 where one customer's copy has a one, -1 where it has a zero; NaN where nothing could be read.
    spread : (length,) float64
        Standard deviation of what else changed.
    norms : (length,) float64
        Square roots of the sums of squares that values are made of with keyed signs.
    n_weights : int
        How many weights were read.
    """

    values: F64
    spread: F64
    norms: F64
    n_weights: int


class Carrier:
    """A key's places and signs for a model's weights.

    Parameters
    ----------
    own : mapping of names to arrays
        The unmarked model.
    mark : WeightMark
    key : Key
        Of the model's fingerprints.

    Raises
    ------
    CapacityError
        If the word does not fit.
    """

    def __init__(self, own: Arrays, mark: WeightMark, *, key: Key) -> None:
        self.own, self.mark, self._key = own, mark, key
        self.layers = carrying_layers(own, mark.layers)
        sizes = [own[name].size for name in self.layers]
        total = sum(sizes)
        mark.check_room(total)
        self._places = (key.permutation(f"{_LABEL}/places", total) % mark.length).astype(np.int32)
        self._signs = key.signs(f"{_LABEL}/signs", total)
        self._at = dict(zip(self.layers, np.cumsum([0, *sizes]).tolist(), strict=False))
        self._size = {name: mark.strength * _rms(own[name]) for name in self.layers}

    def chips(self, name: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return which place each weight of a layer belongs to, and its sign, both in the layer's shape."""
        shape = self.own[name].shape
        here = slice(self._at[name], self._at[name] + self.own[name].size)
        return self._places[here].reshape(shape), self._signs[here].reshape(shape)

    def copy(self, word: Bits) -> dict[str, npt.NDArray[np.generic]]:
        """Return the weights of a copy; layers that carry nothing are the model's own arrays.

        A layer's root mean square stays what it was.
        """
        symbols = self._modulated(np.where(word, 1.0, -1.0)).astype(np.float32)
        found = dict(self.own)
        for name in self.layers:
            places, signs = self.chips(name)
            before = np.asarray(self.own[name], np.float32)
            after = before + np.float32(self._size[name]) * signs * symbols[places]
            found[name] = (after * np.float32(_rms(before) / max(_rms(after), 1e-30))).astype(self.own[name].dtype)
        return found

    def read(self, suspect: Arrays, layers: Sequence[str] | None = None) -> Levels:
        """Read a suspect's weights, by the names of the model's; layers that are not there are passed over.

        Weights that are exactly zero were cut off, and say nothing. The more a row changed otherwise, the less its
        weights count.

        Parameters
        ----------
        suspect : mapping of names to arrays
        layers : sequence of str, optional
            Only these of those that carry.
        """
        length = self.mark.length
        sums, shares, squares, n = np.zeros(length), np.zeros(length), np.zeros(length), 0
        for name in self.layers if layers is None else layers:
            if name not in suspect:
                continue
            theirs, mine = np.asarray(suspect[name], np.float64), np.asarray(self.own[name], np.float64)
            places, signs = self.chips(name)
            kept, size = (theirs != 0) | (mine == 0), self._size[name]
            off = np.where(kept, theirs - mine, 0.0)
            axes = tuple(range(1, off.ndim))
            variance = (off**2).sum(axis=axes, keepdims=True) / np.maximum(kept.sum(axis=axes, keepdims=True), 1)
            variance = np.maximum(variance, (0.1 * size) ** 2)
            most = np.maximum(_CLIP * np.sqrt(variance), 2 * size)
            off = np.clip(off, -most, most)
            weight = kept * size / variance
            sums += np.bincount(places.ravel(), (weight * off * signs).ravel(), length)
            squares += np.bincount(places.ravel(), ((weight * off) ** 2).ravel(), length)
            shares += np.bincount(places.ravel(), np.broadcast_to(weight * size, off.shape).ravel(), length)
            n += int(kept.sum())
        read = shares > 0
        shares = np.maximum(shares, 1e-30)
        values = np.where(read, sums / shares, np.nan)
        return Levels(values, np.where(read, 1 / np.sqrt(shares), 1.0), np.sqrt(squares) / shares, n)

    def _modulated(self, symbols: F64) -> F64:
        return turning(self._key, self.mark.length) @ symbols if self.mark.code == "and" else symbols


@functools.lru_cache(maxsize=8)
def turning(key: Key, v: int) -> F64:
    """Return the keyed orthogonal matrix (v, v) that AND codes' signs are turned by."""
    found, upper = np.linalg.qr(normals(key, f"{_LABEL}/turn/{v}", v * v).reshape(v, v))
    return np.asarray(found * np.sign(np.diag(upper)))


def _rms(values: npt.NDArray[np.generic]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
