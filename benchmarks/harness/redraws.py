"""Millions of keys in seconds: a score is a sum of soft values with keyed signs, so draw the signs afresh.

The p-value of such a sum is a bound that holds for any soft values (:mod:`watermarking.significance`); here it is held
against what happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of
from harness.nulls import cover_of
from harness.workers import failed
from watermarking.embedders.placement import place
from watermarking.embedders.spread_spectrum import SpreadSpectrum
from watermarking.pictures.plane import luma_plane
from watermarking.registry import get_scheme
from watermarking.significance import rademacher_p_value

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.photographs import Photograph
    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key

    F32 = npt.NDArray[np.float32]

__all__ = ["STATISTICS", "measure_redraws", "tail_points"]

STATISTICS = ("pilot", "code word")
_SIDE = 256
_BATCH = 4096


def measure_redraws(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Redraw the signs over the soft values of a picture's upper left corner, and count how often bounds are passed."""
    results = []
    for cell in cells:
        corner = np.ascontiguousarray(cover_of(cell["photograph"], pictures)[:_SIDE, :_SIDE])
        soft = _soft_values(get_scheme(cell["scheme"]), cell["statistic"], corner, key_of({**cell, "key": "redraw"}))
        if soft is None or not soft.any():
            why = "the scheme has no such statistic" if soft is None else "all soft values are 0, no score can pass"
            results.append(failed(IMPOSSIBLE, why))
            continue
        results.append({"status": DONE, "passed": _passed(soft, cell["redraws"], cell["seed"])})
    return results


def tail_points() -> dict[str, float]:
    """Return the false-positive rates at which redraws are counted, and the scores that p-values grant them at."""
    return {f"1e-{digits}": _score_at(10.0**-digits) for digits in range(1, 7)}


def _soft_values(scheme: Scheme, statistic: str, image: Image, key: Key) -> F32 | None:
    """Return the numbers that a statistic sums with keyed signs; None if the scheme has no such statistic."""
    if statistic == "pilot":
        return _pilots(scheme, image, key) if isinstance(scheme, SpreadSpectrum) else None
    llr = scheme.extract(image, key=key).llr
    return np.zeros(0, np.float32) if llr is None else np.asarray(llr, np.float32)


def _pilots(scheme: SpreadSpectrum, image: Image, key: Key) -> F32:
    """Return the weighted coefficients on the places of pilots, one each, at the reader's first noise level."""
    bands = scheme.analyse(luma_plane(image))
    weights = scheme.reader_weights(bands)
    layout = scheme.layout
    table = place(layout, key, layout.n_tiles((bands.shape[0], bands.shape[1])))
    row, column, band = np.indices(bands.shape)
    tile = row // layout.tile[0] * table.tiles_across + column // layout.tile[1]
    places = ((row % layout.tile[0]) * layout.tile[1] + column % layout.tile[1]) * layout.n_bands + band
    slots = table.slots[(places + table.offsets[tile]) % layout.n_slots]
    values: F32 = (weights[0] * bands)[slots < layout.n_pilots]
    return values


def _score_at(p_value: float) -> float:
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rademacher_p_value(middle) > p_value else (low, middle)
    return high


def _passed(soft: F32, redraws: int, seed: int) -> dict[str, int]:
    """Count redraws whose score passes each point; a score is the sum over its root sum of squares."""
    rng = np.random.default_rng([seed, soft.size])
    unit = soft / np.float32(np.linalg.norm(soft.astype(np.float64)))
    points = tail_points()
    counts = dict.fromkeys(points, 0)
    n_bytes = -(-unit.size // 8)
    for first in range(0, redraws, _BATCH):
        batch = min(redraws - first, _BATCH)
        bits = np.frombuffer(rng.bytes(batch * n_bytes), np.uint8).reshape(batch, n_bytes)
        chosen = np.unpackbits(bits, axis=1, count=unit.size).astype(np.float32)
        scores = chosen @ (2 * unit) - unit.sum()  # signs are 2 bit - 1
        for name, score in points.items():
            counts[name] += int(np.count_nonzero(scores >= score))
    return counts
