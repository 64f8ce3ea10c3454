"""Copies of a photograph that carry words of a collusion-secure code, merged pixel by pixel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.cells import DONE, Cell, Row, key_of, rng_of, significant
from harness.photographs import load
from watermarking.attacks import parse_attack
from watermarking.attacks.collusion import Collude
from watermarking.codes.tracing.accuse import accuse
from watermarking.codes.tracing.code import TardosCode
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from harness.photographs import Photograph
    from watermarking.interface import Image

__all__ = ["measure_merged"]

_PLACES = 4096
"""Of a word: one of the lengths that a scheme's channel can have, and fits a picture of 0.2 megapixels."""


def measure_merged(cells: list[Cell], pictures: dict[str, Photograph]) -> list[Row]:
    """Measure cells that agree in all but ``way`` and ``attack``: colluders' copies are made once."""
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
    found = accuse(code, llr, range(cell["customers"]), key=key)
    named = [int(name) for name in found.named(cell["fpr"])]
    right = sum(one < cell["colluders"] for one in named)
    return {"status": DONE, "named": right, "innocents": len(named) - right, "length_read": int(llr.size)}
