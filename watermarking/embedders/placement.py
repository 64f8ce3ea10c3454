"""Keyed placement: which coefficient of a tile carries which bit, and with which sign.

A tile is about 256 working pixels square. Within it a keyed permutation gives each place a slot; each tile turns that
permutation by an amount of its own and draws its own signs, so that nothing repeats over the picture. The first
sixteenth of the slots are pilots, the rest carry the payload cyclically. Placement depends on the place in the plane
alone, never on the picture's shape: what is left of a cropped picture still says which bits it holds.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.codes.framing import code_lengths

if TYPE_CHECKING:
    from watermarking.interface import Bits
    from watermarking.keys import Key

__all__ = [
    "LADDER",
    "PILOT_SHARE",
    "Layout",
    "Placement",
    "fold",
    "fold_repeats",
    "pilot_chips",
    "place",
    "slot_chips",
    "slot_groups",
]

LADDER: Final = code_lengths()
"""The payload lengths that a reader tries; a payload is repeated cyclically to the next of them."""
PILOT_SHARE: Final = 16


@dataclass(frozen=True)
class Layout:
    """The geometry of a scheme's tiles.

    Attributes
    ----------
    label : str, prefix of the key's streams, part of the format
    cell : int, working pixels to a cell's side
    tile : (rows, columns) of cells in a tile
    n_bands : int, coefficients in a cell
    """

    label: str
    cell: int
    tile: tuple[int, int]
    n_bands: int

    @property
    def n_slots(self) -> int:
        """How many places a tile has."""
        return self.tile[0] * self.tile[1] * self.n_bands

    @property
    def n_pilots(self) -> int:
        """How many of the slots, the first ones, are pilots."""
        return self.n_slots // PILOT_SHARE

    def n_tiles(self, cells: tuple[int, int]) -> tuple[int, int]:
        """Return how many tiles (down, across) it takes to cover so many cells."""
        return -(-cells[0] // self.tile[0]), -(-cells[1] // self.tile[1])


@dataclass(frozen=True)
class Placement:
    """The keyed tables that the kernels read; see :mod:`watermarking.kernels.spread`."""

    layout: Layout
    slots: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int32]
    signs: npt.NDArray[np.int8]
    tiles_across: int


@functools.lru_cache(maxsize=8)
def place(layout: Layout, key: Key, tiles: tuple[int, int]) -> Placement:
    """Draw the placement of ``tiles`` (down, across) from the key."""
    label, n = layout.label, layout.n_slots
    offsets, signs = [], np.empty((tiles[0] * tiles[1], n), np.int8)
    for down in range(tiles[0]):
        for across in range(tiles[1]):
            stream = np.frombuffer(key.stream(f"{label}/tile/{down},{across}", 8 + -(-n // 8)), np.uint8)
            offsets.append(int.from_bytes(stream[:8].tobytes(), "little") % n)
            signs[len(offsets) - 1] = np.unpackbits(stream[8:], count=n, bitorder="little").astype(np.int8) * 2 - 1
    slots = key.permutation(f"{label}/slots", n).astype(np.int32)
    return Placement(layout, slots, np.array(offsets, np.int32), signs, tiles[1])


@functools.lru_cache(maxsize=32)
def pilot_chips(layout: Layout, key: Key, length: int) -> npt.NDArray[np.float32]:
    """Return the signs of the pilots, which tell the reader the payload's length; (n_pilots,)."""
    return key.signs(f"{layout.label}/pilots/{length}", layout.n_pilots)


def slot_chips(layout: Layout, key: Key, bits: Bits) -> npt.NDArray[np.float32]:
    """Return the sign that each slot carries for a payload whose length is one of the ladder; (n_slots,)."""
    payload = np.resize(np.where(bits, np.float32(1), np.float32(-1)), layout.n_slots - layout.n_pilots)
    return np.concatenate([pilot_chips(layout, key, bits.size), payload])


def slot_groups(layout: Layout, length: int) -> npt.NDArray[np.int32]:
    """Return the group of each slot: the payload bit that it repeats, or ``length`` for the pilots; (n_slots,)."""
    payload = np.arange(layout.n_slots - layout.n_pilots, dtype=np.int32) % length
    return np.concatenate([np.full(layout.n_pilots, length, np.int32), payload])


def fold(layout: Layout, sums: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    """Add up the slots that repeat the same payload bit; (length,) float32."""
    return fold_repeats(sums[layout.n_pilots :], length)


def fold_repeats(values: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    """Add up values that repeat cyclically after ``length``, the last time perhaps in part; (length,) float32."""
    padded = np.zeros(-(-values.size // length) * length, np.float32)
    padded[: values.size] = values
    folded: npt.NDArray[np.float32] = padded.reshape(-1, length).sum(0, dtype=np.float32)
    return folded
