"""How well each place of a plane carries a payload that is known by now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.embedders.placement import LADDER, place, slot_chips
from watermarking.kernels.spread import Places, agreement

if TYPE_CHECKING:
    from watermarking.embedders.spread_spectrum import SpreadSpectrum
    from watermarking.interface import Bits
    from watermarking.keys import Key

__all__ = ["Agreement", "agreement_of", "whole_cells"]

F32 = npt.NDArray[np.float32]

_NOISE: Final = 40.0
"""Squared grey levels: what the embedder reckons with."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Sums over the coefficients of each cell, (rows, cols) float32 each.

    Attributes
    ----------
    agreed : weighted, with the signs that the payload gives them
    expected : what a mark of unit amplitude adds to it
    variance : of it, if the signs are unknown
    """

    agreed: F32
    expected: F32
    variance: F32


def whole_cells(inside: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.bool_]:
    """Return which cells of so many pixels to a side have all of them inside (h, w); (h // side, w // side)."""
    rows, cols = inside.shape[0] // side, inside.shape[1] // side
    cells = inside[: rows * side, : cols * side].reshape(rows, side, cols, side)
    return np.asarray(cells.all((1, 3)), np.bool_)


def agreement_of(
    scheme: SpreadSpectrum, plane: F32, payload: Bits, *, key: Key, origin: tuple[int, int] = (0, 0),
    inside: npt.NDArray[np.bool_] | None = None,
) -> Agreement:  # fmt: skip
    """Compare every cell of a plane with a payload.

    Parameters
    ----------
    scheme : SpreadSpectrum
    plane : (h, w) float32, luma at the working scale, aligned with the cells
    payload : (n,) bool, as it was embedded
    key : Key
    origin : (row, column) of the plane's first cell
    inside : (h, w) bool, optional; a cell with a pixel that is not says nothing
    """
    layout = scheme.layout
    bands, _ = scheme.signed_bands(plane, key=key, origin=origin)
    outside = None if inside is None else ~whole_cells(inside, layout.cell)
    if outside is not None:
        bands[outside] = 0
    mask, weights = scheme.weigh(bands, (_NOISE,))
    length = min(n for n in LADDER if n >= payload.size)
    chips = slot_chips(layout, key, np.resize(payload, length))
    stop = (origin[0] + bands.shape[0], origin[1] + bands.shape[1])
    table = place(layout, key, layout.n_tiles(stop))
    sums = [np.zeros(bands.shape[:2], np.float32) for _ in range(3)]
    where = (table.slots, table.offsets, table.signs, layout.tile, table.tiles_across)
    agreement(bands, weights[0], mask, Places(*where), origin, chips, *sums)
    if outside is not None:
        for one in sums:
            one[outside] = 0
    return Agreement(*sums)
