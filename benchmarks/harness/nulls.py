"""What readers say where nothing is, and how sure they are where something is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of, message_of, significant
from harness.marking import attacked_picture
from harness.photographs import Photograph, load
from harness.workers import failed
from watermarking.errors import WatermarkError
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    from collections.abc import Callable

    from watermarking.interface import Image

__all__ = ["SYNTHETIC", "cover_of", "measure_null", "measure_presence"]

KNOWN = b"8 bytes?"  # the message that detection is asked about
_SHAPE = (288, 384, 3)


def _flat(level: int) -> Image:
    return np.full(_SHAPE, level, np.uint8)


def _noisy(level: float, sigma: float) -> Image:
    rng = np.random.default_rng([int(level), int(10 * sigma)])
    return np.clip(np.rint(rng.normal(level, sigma, _SHAPE)), 0, 255).astype(np.uint8)


def _stripes(period: int) -> Image:
    columns = np.arange(_SHAPE[1]) // (period // 2) % 2 * np.uint8(255)
    return np.broadcast_to(columns[None, :, None], _SHAPE).astype(np.uint8)


def _gradient() -> Image:
    ramp = np.linspace(0, 255, _SHAPE[1]).astype(np.uint8)
    return np.broadcast_to(ramp[None, :, None], _SHAPE).copy()


SYNTHETIC: dict[str, Callable[[], Image]] = {
    "flat black": lambda: _flat(0),
    "flat grey": lambda: _flat(128),
    "flat white": lambda: _flat(255),
    "dark noise": lambda: _noisy(4, 2),
    "noise": lambda: _noisy(128, 20),
    "strong noise": lambda: _noisy(128, 90),
    "gradient": _gradient,
    "stripes": lambda: _stripes(8),
}
"""Pictures without content, where a careless statistic goes wrong, 384x288."""


def cover_of(name: str, pictures: dict[str, Photograph]) -> Image:
    """Return a photograph, or a synthetic picture, by its name."""
    return SYNTHETIC[name]() if name in SYNTHETIC else load(pictures[name])


def measure_null(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Read pictures that are not marked with the keys they are read with.

    A cell is a block of ``keys`` keys on one picture, unmarked or marked with another key, and one ``question``:
    ``read`` (what does it say?) or ``known`` (does it say this?), with so many alignments tried. Its row keeps every
    p-value and the number of messages that came back.
    """
    results = []
    for cell in cells:
        try:
            picture = _unmarked(cell, cover_of(cell["photograph"], pictures))
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        values, messages = [], 0
        for number in range(cell["keys"]):
            key = key_of({**cell, "key": ["null", cell["block"], number]})
            marker = Marker(cell["scheme"], key=key, search=cell["search"])
            if cell["question"] == "known":
                detection = marker.detect(picture, KNOWN)
            else:
                reading = marker.extract(picture)
                detection = reading.detection
                messages += reading.message is not None
            values.append(significant(detection.p_value, 3))
        results.append({"status": DONE, "messages": messages, "p": values})
    return results


def measure_presence(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Read one marked picture after attacks: p-values of reading and of asking for the message."""
    first = cells[0]
    marker, message = Marker(first["scheme"], key=key_of(first), psnr=first["psnr"]), message_of(first)
    try:
        marked = marker.embed(load(pictures[first["photograph"]]), message)
    except WatermarkError as error:
        return [failed(IMPOSSIBLE, str(error)) for _ in cells]
    results: list[Row] = []
    for cell in cells:
        attacked = attacked_picture(marked, cell)
        found, known = marker.extract(attacked), marker.detect(attacked, message)
        values = {"read": found.detection.p_value, "known": known.p_value}
        results.append({"status": DONE, **{name: significant(value, 3) for name, value in values.items()}})
    return results


def _unmarked(cell: Cell, cover: Image) -> Image:
    """Return the picture that the cell's keys have no mark in, in a canvas if the kind is an attack that draws one."""
    if cell["kind"] == "unmarked":
        return cover
    if cell["kind"].startswith("paste("):
        return np.asarray(attacked_picture(cover, {**cell, "attack": cell["kind"], "key": cell["block"]}))
    key = key_of({**cell, "key": "another"})
    return np.asarray(Marker(cell["scheme"], key=key, psnr=42.0).embed(cover, b"another!"))
