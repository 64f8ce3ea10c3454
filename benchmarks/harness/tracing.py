"""Copies that leak, sets that are innocent, and records read from a few pictures of a set."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of, rng_of, significant
from harness.photographs import load
from harness.workers import failed
from watermarking.attacks import parse_attack
from watermarking.attacks.collusion import Collude
from watermarking.datasets.set_message import Collector, SetMessage
from watermarking.datasets.set_reading import read_set_message
from watermarking.datasets.trace import trace
from watermarking.errors import WatermarkError
from watermarking.messages.marker import Marker
from watermarking.messages.reader import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.photographs import Photograph
    from watermarking.interface import Image

__all__ = ["LEAK", "measure_tracing"]

LEAK = ("resize(0.7) | jpeg(60)", "crop(0.7) | resize(0.7) | jpeg(60)")
"""What happens to leaked pictures: to every other one the second, which leaves half its area."""
_FLATTEST = 8.0  # grey levels


@dataclass(frozen=True)
class Copy:
    """A row of a manifest."""

    message: bytes
    recipient: str
    key_label: str | None = None


def measure_tracing(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Measure cells of any part: ``trace``, ``innocent`` or ``set message``."""
    results: list[Row] = []
    for cell in cells:
        start = time.perf_counter()
        try:
            row = _PARTS[cell["part"]](cell, pictures)
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        results.append({"status": DONE, **row, "seconds": [significant(time.perf_counter() - start, 2)]})
    return results


def _key(cell: Cell, *more: object) -> Cell:
    """Return what key and randomness of a cell hang on."""
    return {**cell, "photograph": cell["part"], "key": [cell["trial"], *more]}


def _tile(cell: Cell, index: int, pictures: dict[str, Photograph]) -> Image:
    """Return sample ``index`` of the cell's data set: a tile of a photograph, none of them flat."""
    height, width = cell["side"]
    rng = rng_of({**cell, "index": index}, "trial", "index")
    names = list(pictures)
    while True:
        picture = load(pictures[names[int(rng.integers(len(names)))]])
        rows, cols = picture.shape[:2]
        if rows < height or cols < width:
            picture, (rows, cols) = picture.swapaxes(0, 1), (cols, rows)
        if rows < height or cols < width:
            continue
        top, left = int(rng.integers(rows - height + 1)), int(rng.integers(cols - width + 1))
        tile = np.ascontiguousarray(picture[top : top + height, left : left + width])
        if tile.std() >= _FLATTEST:
            return tile


def _names(cell: Cell) -> list[str]:
    return [f"customer-{number:02d}" for number in range(cell["recipients"])]


def _message(cell: Cell, name: str, index: int) -> bytes:
    return name.encode() if cell["words"] == "one a recipient" else f"{name}-{index:06d}".encode()


def _leaked(cell: Cell, picture: Image, index: int) -> Image:
    rng = rng_of({**cell, "index": index, "name": "leak"}, "trial", "index", "name")
    return parse_attack(LEAK[index % 2])(picture, rng=rng)


def _trace(cell: Cell, pictures: dict[str, Photograph]) -> Row:
    """Mark copies for the guilty, leak pictures of them, and trace those."""
    key, names = key_of(_key(cell)), _names(cell)
    rng = rng_of({**cell, "name": "guilty"}, "part", "trial", "name")
    guilty = [names[place] for place in rng.permutation(len(names))[: cell["guilty"]]]
    marker, suspects = Marker(key=key), []
    for index in range(cell["pictures"]):
        tile = _tile(cell, index, pictures)
        averaged = cell["way"] == "averaged"
        whose = guilty if averaged else [guilty[index // 2 % len(guilty)]]
        copies = [np.asarray(marker.embed(tile, _message(cell, name, index))) for name in whose]
        leaked = Collude()(copies, rng=rng) if len(copies) > 1 else copies[0]
        suspects.append(_leaked(cell, leaked, index))
    suspects = [suspects[place] for place in rng.permutation(len(suspects))]
    found = trace(suspects, _rows(cell, names), key)
    return {
        "right": set(found.named()) == set(guilty),
        "p_guilty": sorted(significant(found[name].p_value, 3) for name in guilty),
        "p_innocent": significant(min(found[name].p_value for name in names if name not in guilty), 3),
        "p_presence": significant(found.presence.p_value, 3),
    }


def _rows(cell: Cell, names: list[str]) -> list[Copy]:
    samples = range(cell["samples"] if "samples" in cell else cell["pictures"])
    return [Copy(_message(cell, name, index), name) for name in names for index in samples]


def _innocent(cell: Cell, pictures: dict[str, Photograph]) -> Row:
    """Trace pictures that no recipient's copy is among, a block of sets; keep each set's least p-value."""
    least, named, present = [], 0, 0
    for number in range(cell["sets"]):
        key = key_of(_key(cell, number))
        other = Marker(key=key if cell["kind"] == "other manifest" else key_of(_key(cell, number, "another")))
        suspects = []
        for index in range(cell["pictures"]):
            tile = _tile({**cell, "trial": [cell["trial"], number]}, index, pictures)
            if cell["kind"] != "unmarked":
                with contextlib.suppress(WatermarkError):  # of a small picture without room: it goes along unmarked
                    tile = np.asarray(other.embed(tile, f"another!-{number:03d}".encode()))
            suspects.append(_leaked(cell, tile, index))
        found = trace(suspects, _rows(cell, _names(cell)), key)
        least.append(significant(min(verdict.p_value for verdict in found.values()), 3))
        named += bool(found.named())
        present += found.presence.is_present()
    return {"least": least, "named": named, "present": present}


def _set_message(cell: Cell, pictures: dict[str, Photograph]) -> Row:
    """Read a record from some of a set's pictures after an attack, in random order."""
    key, rng = key_of(_key(cell)), rng_of({**cell, "name": "set"}, "part", "trial", "name")
    record = rng.bytes(cell["bytes"])
    message, marker = SetMessage(record, key), Marker(key=key)
    chosen = rng.permutation(cell["samples"])[: cell["pictures"]].tolist()
    attack = parse_attack(cell["attack"])
    suspects, unmarked = [], 0
    for index in chosen:
        tile = _tile(cell, index, pictures)
        try:
            tile = np.asarray(marker.embed(tile, message.message_of(index)))
        except WatermarkError:  # as `dataset embed` does, a picture that cannot be marked goes along as it is
            unmarked += 1
        suspects.append(attack(tile, rng=rng))
    alone = Collector(key)
    for picture in suspects:
        alone.add(read((marker.scheme,), picture, (key,), 0))
    found = read_set_message(suspects, key)
    return {
        "unmarked": unmarked,
        "alone": alone.record == record,
        "known_alone": alone.progress.known,
        "recovered": found.record == record,
        "known": found.progress.known,
        "needed": message.n_blocks,
        "wrong": any(one.record not in (None, record) for one in (alone, found)),
    }


_PARTS: dict[str, Callable[[Cell, dict[str, Photograph]], Row]] = {
    "trace": _trace,
    "innocent": _innocent,
    "set message": _set_message,
}
