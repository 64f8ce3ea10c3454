"""Spread spectrum over bands of coefficients: activity, masks, weights, spreading and despreading.

``bands`` is (rows, cols, n_bands) float32. A tile is ``tile_rows`` x ``tile_cols`` cells; place q of a tile is
``(row * tile_cols + col) * n_bands + band`` and belongs to slot ``slots[(q + offsets[tile]) % len(slots)]`` with the
sign ``signs[tile, q]``. ``tile`` counts along the rows of tiles, ``tiles_across`` of them in a row, and ``origin`` is
the cell of the tile grid that ``bands[0, 0]`` lies on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import kernel

__all__ = ["Places", "activity", "agreement", "despread", "gather_groups", "shape_weights", "spread"]

F32 = npt.NDArray[np.float32]
I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]


class Places(NamedTuple):
    """Which slot each place belongs to, and with which sign: the tables described above, as one argument.

    numba unpacks it at the call, in the order of its fields; a kernel's loops see five variables as before.
    """

    slots: I32
    offsets: I32
    signs: I8
    tile: tuple[int, int]
    tiles_across: int


@kernel
def activity(bands: F32, level: F32, raw: F32, relative: F32) -> None:
    """Measure how much happens in each band and in each cell.

    Writes ``level`` (n_bands,), the mean magnitude of a band; ``raw`` (rows, cols), the mean magnitude of a cell; and
    ``relative`` (rows, cols), the mean over the bands of a cell's magnitude divided by the band's level.
    """
    rows, cols, n = bands.shape
    sums = np.zeros(n, np.float64)
    for r in range(rows):
        for c in range(cols):
            for b in range(n):
                sums[b] += abs(bands[r, c, b])
    for b in range(n):
        level[b] = sums[b] / (rows * cols) + 1e-3
    for r in range(rows):
        for c in range(cols):
            total = np.float32(0)
            share = np.float32(0)
            for b in range(n):
                magnitude = abs(bands[r, c, b])
                total += magnitude
                share += magnitude / level[b]
            raw[r, c] = total / n
            relative[r, c] = share / n


@kernel
def shape_weights(
    band: tuple[int, int], bands: F32, level: F32, raw: F32, relative: F32, shape: F32, floor: float, exponent: float,
    noises: F32, mask: F32, weights: F32,
) -> None:  # fmt: skip
    """Compute mask and weights of a band of rows, ``band[0]`` up to ``band[1]``: they need the rows around it as well.

    The mask is ``shape[b] * (floor + a)^exponent``, a the cell's activity, held down next to edges. The weight is the
    matched filter ``mask / (noise + v + excess / 4)``, v the local variance from 3x3 cells of the same band and of all
    bands, and ``excess`` what the squared coefficient has above v: single large coefficients do not dominate.

    shape (n_bands,), noises (k,), mask like bands, weights (k, *bands.shape).
    """
    rows, cols, n = bands.shape
    local = np.empty(n, np.float32)
    for r in range(band[0], band[1]):
        top, bottom = max(r - 1, 0), min(r + 2, rows)
        for c in range(cols):
            left, right = max(c - 1, 0), min(c + 2, cols)
            local[:] = 0
            around = np.float32(0)
            share = np.float32(0)
            for y in range(top, bottom):
                for x in range(left, right):
                    around += raw[y, x]
                    share += relative[y, x]
                    for b in range(n):
                        local[b] += abs(bands[y, x, b])
            inverse = np.float32(1.0 / ((bottom - top) * (right - left)))
            around *= inverse
            share *= inverse
            base = np.float32(floor + 0.5 * (around + min(around, raw[r, c]))) ** np.float32(exponent)
            for b in range(n):
                deviation = np.float32(0.625) * (local[b] * inverse + share * level[b])
                variance = deviation * deviation
                value = bands[r, c, b]
                variance += np.float32(0.25) * max(value * value - variance, np.float32(0))
                mask[r, c, b] = base * shape[b]
                for k in range(noises.shape[0]):
                    weights[k, r, c, b] = mask[r, c, b] / (noises[k] + variance)


@kernel
def _cell(row: int, col: int, tile: tuple[int, int], tiles_across: int, n_bands: int) -> tuple[int, int]:
    """Return the tile that a cell of the tile grid lies in, and the first of its places there."""
    return row // tile[0] * tiles_across + col // tile[1], (row % tile[0] * tile[1] + col % tile[1]) * n_bands


@kernel
def _slot(slots: I32, place: int) -> int:
    """Return the slot of a place that may lie one round beyond the last."""
    slot: int = slots[place if place < slots.shape[0] else place - slots.shape[0]]
    return slot


@kernel
def despread(bands: F32, weights: F32, places: Places, origin: tuple[int, int], sums: F32, energy: F32) -> None:
    """Collect every slot's weighted, unsigned-again coefficients; ``sums`` and ``energy`` are (len(slots),).

    ``energy`` collects the squares of what is added to ``sums``: its variance when the signs are unknown.
    """
    slots, offsets, signs, tile, tiles_across = places
    rows, cols, n = bands.shape
    for r in range(rows):
        for c in range(cols):
            t, start = _cell(origin[0] + r, origin[1] + c, tile, tiles_across, n)
            for b in range(n):
                value = weights[r, c, b] * bands[r, c, b]
                slot = _slot(slots, start + b + offsets[t])
                sums[slot] += signs[t, start + b] * value
                energy[slot] += value * value


@kernel
def agreement(
    bands: F32, weights: F32, mask: F32, places: Places, origin: tuple[int, int], chips: F32,
    agreed: F32, expected: F32, variance: F32,
) -> None:  # fmt: skip
    """Say of every cell how well it carries known signs, chips (n_slots,); the last three are (rows, cols).

    ``agreed`` is the weighted sum of its coefficients with the signs they should have, ``expected`` what a mark of
    unit amplitude adds to it, ``variance`` that of the sum when the signs are unknown.
    """
    slots, offsets, signs, tile, tiles_across = places
    rows, cols, n = bands.shape
    for r in range(rows):
        for c in range(cols):
            t, start = _cell(origin[0] + r, origin[1] + c, tile, tiles_across, n)
            total, gain, square = 0.0, 0.0, 0.0
            for b in range(n):
                value = weights[r, c, b] * bands[r, c, b]
                slot = _slot(slots, start + b + offsets[t])
                total += signs[t, start + b] * chips[slot] * value
                gain += weights[r, c, b] * mask[r, c, b]
                square += value * value
            agreed[r, c], expected[r, c], variance[r, c] = total, gain, square


@kernel
def gather_groups(
    bands: F32, mask: F32, weights: F32, places: Places, chips: F32, groups: I32,
    host: F32, gain: F32, power: F32,
) -> None:  # fmt: skip
    """Measure what the host says already about each group of slots that one bit shares.

    chips (n_slots,) the wanted signs; groups (n_slots,) the group of each slot. Adds, a group: ``host``, the weighted
    sum a reader would see unmarked, positive if it helps; ``gain``, what unit amplitude adds to it; ``power``, the
    squared change of unit amplitude.
    """
    slots, offsets, signs, tile, tiles_across = places
    rows, cols, n = bands.shape
    for r in range(rows):
        for c in range(cols):
            t, start = _cell(r, c, tile, tiles_across, n)
            for b in range(n):
                slot = _slot(slots, start + b + offsets[t])
                group = groups[slot]
                host[group] += signs[t, start + b] * chips[slot] * weights[r, c, b] * bands[r, c, b]
                gain[group] += weights[r, c, b] * mask[r, c, b]
                power[group] += mask[r, c, b] * mask[r, c, b]


@kernel
def spread(mask: F32, places: Places, amplitudes: F32, out: F32) -> None:
    """Write the change of every coefficient: mask times sign times the slot's amplitude, (len(slots),)."""
    slots, offsets, signs, tile, tiles_across = places
    rows, cols, n = mask.shape
    for r in range(rows):
        for c in range(cols):
            t, start = _cell(r, c, tile, tiles_across, n)
            for b in range(n):
                slot = _slot(slots, start + b + offsets[t])
                out[r, c, b] = mask[r, c, b] * signs[t, start + b] * amplitudes[slot]
