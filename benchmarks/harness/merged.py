"""Copies that carry words of a collusion-secure code: of a photograph, merged pixel by pixel, and of sets, mixed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from harness.cells import DONE, Cell, Row, key_of, rng_of, significant
from harness.photographs import load
from watermarking.attacks import parse_attack
from watermarking.attacks.collusion import Collude
from watermarking.codes.tracing.accuse import accuse
from watermarking.codes.tracing.code import TardosCode
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.photographs import Photograph
    from watermarking.interface import Image
    from watermarking.keys import Key

__all__ = ["measure_merged"]

_PLACES = 4096
"""Of a word: one of the lengths that a scheme's channel can have, and fits a picture of 0.2 megapixels."""
_PLACES_OF_SMALL = 1024


def measure_merged(cells: list[Cell], pictures: dict[str, Photograph]) -> list[Row]:
    """Measure cells of the parts ``merged`` and ``sets``, those of one part that agree in all but what is done then."""
    return _photograph(cells, pictures) if cells[0]["part"] == "merged" else [_set(one, pictures) for one in cells]


def _photograph(cells: list[Cell], pictures: dict[str, Photograph]) -> list[Row]:
    """Merge copies of a photograph, which are made once for all cells."""
    start, cell = time.perf_counter(), cells[0]
    key = key_of({**cell, "key": cell["trial"]})
    scheme = Marker(key=key).scheme
    photograph = load(pictures[cell["photograph"]])
    code = TardosCode(length=_PLACES, colluders=cell["colluders"])
    guilty = range(cell["colluders"])
    copies = [scheme.embed(photograph, word, key=key) for word in code.words(guilty, key=key)]
    made = time.perf_counter() - start
    rows = [_traced(one, copies, code) for one in cells]
    return [{**row, "seconds": [significant(made / len(cells), 2)]} for row in rows]


def _traced(cell: Cell, copies: list[Image], code: TardosCode) -> Row:
    key = key_of({**cell, "key": cell["trial"]})
    rng = rng_of({**cell, "key": cell["trial"]}, "way", "trial")
    picture = Collude(rule=cell["way"])(copies, rng=rng)
    if cell["attack"] != "none":
        picture = parse_attack(cell["attack"])(picture, rng=rng)
    llr = Marker(key=key).scheme.extract(picture, key=key).llr
    if llr is None or llr.size != code.length:
        return {"status": DONE, "named": 0, "innocents": 0, "length_read": 0 if llr is None else int(llr.size)}
    return _judged(cell, code, llr, key)


def _set(cell: Cell, pictures: dict[str, Photograph]) -> Row:
    """Mix a set from the sets of all colluders, a picture from each in turn, and add up what its pictures say."""
    start = time.perf_counter()
    key, rng = key_of({**cell, "photograph": "sets", "key": cell["trial"]}), rng_of(cell, "part", "trial")
    scheme, code = Marker(key=key).scheme, TardosCode(length=_PLACES_OF_SMALL, colluders=cell["colluders"])
    total = np.zeros(code.length)
    for number in range(cell["pictures"]):
        photograph = load(pictures[list(pictures)[number % len(pictures)]])
        rows, cols = (int(rng.integers(size - cell["side"] + 1)) for size in photograph.shape[:2])
        tile = photograph[rows : rows + cell["side"], cols : cols + cell["side"]]
        marked = scheme.embed(tile, code.word(number % cell["colluders"], key=key), key=key)
        if cell["attack"] != "none":
            marked = parse_attack(cell["attack"])(marked, rng=rng)
        llr = scheme.extract(marked, key=key).llr
        if llr is not None and llr.size == code.length:
            total += llr
    return {**_judged(cell, code, total, key), "seconds": [significant(time.perf_counter() - start, 2)]}


def _judged(cell: Cell, code: TardosCode, llr: npt.NDArray[np.floating], key: Key) -> Row:
    found = accuse(code, llr, range(cell["customers"]), key=key)
    named = [int(name) for name in found.named(cell["fpr"])]
    right = sum(one < cell["colluders"] for one in named)
    return {"status": DONE, "named": right, "innocents": len(named) - right, "length_read": code.length}
