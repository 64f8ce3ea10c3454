"""Copies as customers get them, merged or mixed, read as ``dataset trace`` does, judged against many populations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import DONE, Cell, Row, key_of, rng_of, significant
from harness.photographs import load
from watermarking.attacks import parse_attack
from watermarking.attacks.collusion import Collude
from watermarking.codes.tracing.accuse import accuse
from watermarking.datasets.soft_reads import read_softly
from watermarking.datasets.words import Copies, soft_word
from watermarking.messages.marker import Marker
from watermarking.messages.words import plane_scheme

if TYPE_CHECKING:
    from harness.photographs import Photograph

__all__ = ["measure_copies"]


def measure_copies(cells: list[Cell], pictures: dict[str, Photograph]) -> list[Row]:
    """Measure cells of one photograph or set: copies are made once for all of them."""
    start = time.perf_counter()
    copies = _copies(cells[0])
    made = (_merged_copies if cells[0]["part"] == "merged" else _mixed_set)(cells[0], copies, pictures)
    spent = (time.perf_counter() - start) / len(cells)
    rows = []
    for cell in cells:
        start = time.perf_counter()
        row = _judged(cell, copies, _leak(cell, made))
        rows.append({**row, "seconds": [significant(spent + time.perf_counter() - start, 3)]})
    return rows


def _copies(cell: Cell) -> Copies:
    key = key_of({**cell, "photograph": cell["part"], "key": cell["trial"]})
    return Copies.against(cell["colluders"], map(str, range(cell["customers"])), Marker(key=key))


def _merged_copies(cell: Cell, copies: Copies, pictures: dict[str, Photograph]) -> list[Any]:
    photograph = load(pictures[cell["photograph"]])
    return [copies.embed(photograph, str(name)) for name in range(cell["colluders"])]


def _mixed_set(cell: Cell, copies: Copies, pictures: dict[str, Photograph]) -> list[Any]:
    rng, names, found = rng_of(cell, "part", "trial"), list(pictures), []
    for number in range(cell["pictures"]):
        photograph = load(pictures[names[number % len(names)]])
        row, col = (int(rng.integers(size - cell["side"] + 1)) for size in photograph.shape[:2])
        tile = np.ascontiguousarray(photograph[row : row + cell["side"], col : col + cell["side"]])
        found.append(copies.embed(tile, str(number % cell["colluders"])))
    return found


def _leak(cell: Cell, made: list[Any]) -> list[Any]:
    rng = rng_of(cell, "part", "trial", "attack")
    leaked = [Collude(rule=cell["way"])(made, rng=rng)] if cell["part"] == "merged" else made
    if cell["attack"] == "none":
        return leaked
    return [parse_attack(cell["attack"])(one, rng=rng) for one in leaked]


def _judged(cell: Cell, copies: Copies, leaked: list[Any]) -> Row:
    """Accuse in several populations, the guilty the same and all others new."""
    key, code, guilty = copies.marker.keys[0], copies.code, set(map(str, range(cell["colluders"])))
    soft = soft_word(read_softly(leaked, plane_scheme(copies.marker.scheme), key, (code.length,)), code.length)
    named, wrong = [], 0
    for number in range(cell["populations"]):
        others = [f"{number}/{i}" for i in range(cell["customers"] - cell["colluders"])]
        found = set(accuse(code, soft, [*guilty, *others], key=key).named(cell["fpr"]))
        named.append(len(found & guilty))
        wrong += bool(found - guilty)
    return {"status": DONE, "places": code.length, "named": named, "trials_with_innocents": wrong}
