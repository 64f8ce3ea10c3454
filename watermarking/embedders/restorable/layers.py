"""Bits written reversibly into a picture, layer by layer: what each layer does, and how to find what costs least.

A layer is half a channel (see :mod:`watermarking.kernels.expansion`). Colour is green first; red and blue are then
predicted with green's own error, which halves theirs. Within a layer, samples fall into 16 classes by how rough their
surroundings are, and each class is treated by itself: its errors from some size on are expanded (multiple histograms,
Li et al., "Efficient reversible data hiding based on multiple histograms modification", IEEE TIFS 2015; the squares of
a chess board, Sachnev et al., IEEE TCSVT 2009). Which treatment a class is given minimises squared change minus a
price a bit, the same price everywhere: so no other choice of the same treatments has more bits at less change.

No map says which samples could not be changed. One that lies near the end of the range afterwards, where it may have
stayed or moved, carries no bit, and one bit of its own says which: these are known before a layer is written, and go
first into it, compressed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from watermarking.kernels.expansion import count_errors, expand, find_doubtful, gather, undo

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.interface import Image

    U8 = npt.NDArray[np.uint8]
    I64 = npt.NDArray[np.int64]
    F64 = npt.NDArray[np.float64]

__all__ = [
    "CHOICES",
    "CLASSES",
    "Canvas",
    "Curve",
    "Written",
    "helping_weights",
    "layers_of",
    "measured",
    "read_layer",
    "write_layer",
]

CLASSES: Final = 16
CHOICES: Final = (
    (0, 0), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (6, 1), (0, 2),
    (1, 2), (0, 3), (0, 4), (0, 6), (0, 8), (0, 12), (0, 16), (0, 24),
)  # fmt: skip
"""What may be done with a class: the smallest error that is expanded, and how many are, in units."""
_LADDER: Final = np.minimum(np.log2(np.arange(1024) / 6 + 1) * 2.4, CLASSES - 1).astype(np.uint8)
_LENGTH: Final = 24  # bits that say how long the compressed list of a layer's doubtful samples is
_LOOKED_AT: Final = 2**21
"""About so many samples of a large picture are counted to find the price."""


@dataclass(frozen=True)
class Canvas:
    """Samples that layers are written into, in place.

    Attributes
    ----------
    work : (H, W, channels) uint8 or uint16, three channels or one, the colours of an RGBA picture
    skip : (H, W) uint8, bit c set where channel c is not to be touched
    depth : int, bits of a sample, 8..16
    """

    work: Image
    skip: U8
    depth: int

    @property
    def peak(self) -> int:
        """Return the largest value of a sample."""
        return int(2**self.depth - 1)


class Written(NamedTuple):
    """What writing a layer did: bits of the message written, samples looked at, sum of squared changes."""

    n_bits: int
    seen: int
    energy: int


def layers_of(n_channels: int, weights: tuple[int, int], depth: int) -> list[I64]:
    """Return ``how`` of every layer, in the order in which they are written."""
    plan = [(0, -1, 0)] if n_channels == 1 else [(1, -1, 0), (0, 1, weights[0]), (2, 1, weights[1])]
    return [
        np.array([channel, colour, helper, weight, depth - 8, 2**depth - 1], np.int64)
        for channel, helper, weight in plan
        for colour in (0, 1)
    ]


def helping_weights(work: Image) -> tuple[int, int]:
    """Return, in sixteenths, how much of green's error red and blue have, by least squares over some of them."""
    if work.shape[2] == 1:
        return 0, 0
    rows, cols = (np.arange(1, n - 1, max(1, (n - 2) // 256)) for n in work.shape[:2])

    def at(down: int, right: int) -> F64:
        return np.asarray(work[np.ix_(rows + down, cols + right)], np.float64)

    errors = at(0, 0) - (at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1)) / 4
    power = float(np.square(errors[..., 1]).sum())
    found = [float((errors[..., c] * errors[..., 1]).sum()) / max(power, 1e-9) for c in (0, 2)]
    red, blue = (int(min(max(round(16 * one), 0), 32)) for one in found)
    return red, blue


class Curve(NamedTuple):
    """What every treatment of every class of a layer gives and costs: bits and cost, (classes, choices) each."""

    bits: F64
    cost: F64

    def chosen(self, price: float) -> I64:
        """Return the treatment of each class at a price, in squared grey levels a bit, (classes,)."""
        best: I64 = np.argmin(self.cost - price * self.bits, axis=1).astype(np.int64)
        return best

    def total(self, price: float) -> tuple[float, float]:
        """Return bits and cost at a price."""
        rows, best = np.arange(CLASSES), self.chosen(price)
        return float(self.bits[rows, best].sum()), float(self.cost[rows, best].sum())


def measured(canvas: Canvas, how: I64, unit: int, *, roughly: bool = False) -> Curve:
    """Count a layer's errors and return what each treatment gives; a unit is ``2**unit`` sample values."""
    n_sizes = (max(b + t for b, t in CHOICES) << unit) + 1
    counts = np.zeros((CLASSES, n_sizes), np.int64)
    every = max(1, canvas.work.size // (2 * _LOOKED_AT)) if roughly else 1
    count_errors(canvas.work, canvas.skip, how, _LADDER, every, counts)
    sizes = np.arange(n_sizes, dtype=np.float64)
    sums = [np.concatenate([np.zeros((CLASSES, 1)), np.cumsum(counts * sizes**k, axis=1)], axis=1) for k in range(3)]
    bits, cost = np.zeros((2, CLASSES, len(CHOICES)))
    for place, (first, n) in enumerate(CHOICES):
        b, t = first << unit, n << unit
        m0, m1, m2 = (part[:, b + t] - part[:, b] for part in sums)
        bits[:, place] = m0
        beyond = m2 - 2 * b * m1 + b * b * m0 + (m1 - b * m0) + m0 / 2  # the mean of k^2 and (k + 1)^2
        cost[:, place] = (beyond if t else 0) + (sums[0][:, -1] - sums[0][:, b + t]) * t * t
    scale = canvas.work.shape[0] / len(range(0, canvas.work.shape[0], every))
    return Curve(bits * scale, cost * scale)


def treatment(chosen: I64, unit: int) -> tuple[I64, I64]:
    """Return ``begin`` and ``width`` of every class."""
    table = np.array(CHOICES, np.int64)[chosen] << unit
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def write_layer(canvas: Canvas, how: I64, chosen: I64, unit: int, bits: U8, mask: Callable[[int], U8]) -> Written:
    """Write as many of the bits (n,) as fit into a layer, its doubtful samples first; all of it is masked.

    Nothing is written, and nothing seen, where there is no room for more than the layer needs for itself.
    """
    begin, width = treatment(chosen, unit)
    if not width.any():
        return Written(0, 0, 0)
    moved = np.zeros(-(-canvas.skip.size // 8) + 1, np.uint8)
    n_doubtful, room = find_doubtful(canvas.work, canvas.skip, how, _LADDER, begin, width, moved)
    listed = _packed(moved[: -(-n_doubtful // 8)])
    n = min(room - listed.size, bits.size)
    if n <= 0:
        return Written(0, 0, 0)
    stream = np.concatenate([listed, bits[:n]])
    stream ^= mask(stream.size)
    _, seen, energy = expand(canvas.work, canvas.skip, how, _LADDER, begin, width, stream)
    return Written(n, seen, energy)


def read_layer(canvas: Canvas, how: I64, chosen: I64, unit: int, seen: int, mask: Callable[[int], U8]) -> U8 | None:
    """Put a layer back and return its bits; None if it holds what nobody writes."""
    begin, width = treatment(chosen, unit)
    bits = np.empty(-(-canvas.skip.size // 2), np.uint8)
    n = gather(canvas.work, canvas.skip, how, _LADDER, begin, width, seen, bits)
    stream = bits[:n] ^ mask(n)
    found = _unpacked(stream)
    if found is None:
        return None
    moved, start = found
    undo(canvas.work, canvas.skip, how, _LADDER, begin, width, seen, moved)
    return stream[start:]


def _packed(moved: U8) -> U8:
    data = zlib.compress(moved.tobytes(), 9, wbits=-15) if moved.any() else b""  # all zeros need not be said
    if data:  # its last byte has bits that mean nothing, and of those, too, none is to be changed unseen
        data += zlib.crc32(data).to_bytes(4, "little")
    return np.unpackbits(np.frombuffer(len(data).to_bytes(_LENGTH // 8, "little") + data, np.uint8))


def _unpacked(stream: U8) -> tuple[U8, int] | None:
    length = int.from_bytes(np.packbits(stream[:_LENGTH]).tobytes(), "little")
    stop = _LENGTH + 8 * length
    if stream.size < stop or stream.size < _LENGTH:
        return None
    told = np.packbits(stream[_LENGTH:stop]).tobytes()
    if length and zlib.crc32(told[:-4]).to_bytes(4, "little") != told[-4:]:
        return None
    try:
        data = zlib.decompress(told[:-4], wbits=-15) if length else b""
    except zlib.error:
        return None
    return np.frombuffer(data, np.uint8), stop
