"""What readers say where nothing is: unmarked pictures, wrong keys, and redrawn keys."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of, message_of, significant
from harness.marking import attacked_picture
from harness.photographs import Photograph, load
from harness.workers import failed
from watermarking.errors import WatermarkError
from watermarking.marker import Marker
from watermarking.registry import get_scheme
from watermarking.significance import rademacher_p_value

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.interface import Image

__all__ = ["SYNTHETIC", "cover_of", "measure_null", "measure_presence", "measure_redraws", "tail_points"]

KNOWN = b"8 bytes?"  # the message that detection is asked about
_SHAPE = (384, 512, 3)
_BATCH = 4096


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
"""Pictures without content, where a careless statistic goes wrong, 512x384."""


def cover_of(name: str, pictures: dict[str, Photograph]) -> Image:
    """Return a photograph, or a synthetic picture, by its name."""
    return SYNTHETIC[name]() if name in SYNTHETIC else load(pictures[name])


def measure_null(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Read pictures that are not marked with the keys they are read with.

    A cell is a block of ``keys`` keys on one picture, unmarked or marked with another key. Its row keeps the p-value
    of every read and of every question for a known message, and how many messages came back.
    """
    results = []
    for cell in cells:
        cover = cover_of(cell["photograph"], pictures)
        try:
            picture = _marked_with_another_key(cover, cell) if cell["kind"] == "wrong key" else cover
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        read, known, messages = [], [], 0
        for number in range(cell["keys"]):
            key = key_of({**cell, "key": ["null", cell["block"], number]})
            marker = Marker(cell["scheme"], key=key)
            found = marker.extract(picture)
            messages += found.message is not None
            read.append(significant(found.detection.p_value, 3))
            known.append(significant(marker.detect(picture, KNOWN).p_value, 3))
        results.append({"status": DONE, "messages": messages, "read": read, "known": known})
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
        results.append({"status": DONE, **{name: [significant(value, 3)] for name, value in values.items()}})
    return results


def measure_redraws(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Redraw the key's signs over the soft values of one reading, and count how often the bound is passed.

    The code-word statistic is a sum of soft values with the signs of a keyed mask; ``additive_block``'s is a sum of
    squares of such sums. Drawing the signs afresh is drawing a key afresh: millions of keys cost seconds.
    """
    results = []
    for cell in cells:
        cover = cover_of(cell["photograph"], pictures)
        found = get_scheme(cell["scheme"]).extract(cover, key=key_of({**cell, "key": "redraw"}))
        soft = np.zeros(0, np.float32) if found.llr is None else np.asarray(found.llr, np.float32)
        if not soft.any():
            results.append(failed(IMPOSSIBLE, "the picture gives no soft values, so nothing can be passed"))
            continue
        results.append({"status": DONE, "passed": _passed(soft, cell)})
    return results


def tail_points() -> dict[str, float]:
    """Return the false-positive rates at which redraws are counted, and the scores that the p-value grants them at."""
    return {f"1e-{digits}": _score_at(10.0**-digits) for digits in range(1, 7)}


def _score_at(p_value: float) -> float:
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rademacher_p_value(middle) > p_value else (low, middle)
    return high


def _passed(soft: npt.NDArray[np.float32], cell: Cell) -> dict[str, int]:
    """Count redraws whose score passes each point; scores are soft values with fair random signs, unit norm."""
    rng = np.random.default_rng([cell["seed"], soft.size])
    unit = soft / np.float32(np.linalg.norm(soft.astype(np.float64)))
    points = tail_points()
    counts = dict.fromkeys(points, 0)
    left = int(cell["redraws"])
    n_bytes = -(-unit.size // 8)
    while left:
        batch = min(left, _BATCH)
        bits = np.frombuffer(rng.bytes(batch * n_bytes), np.uint8).reshape(batch, n_bytes)
        signs = np.unpackbits(bits, axis=1, count=unit.size).astype(np.float32)
        scores = signs @ (2 * unit) - unit.sum()
        for name, score in points.items():
            counts[name] += int(np.count_nonzero(scores >= score))
        left -= batch
    return counts


def _marked_with_another_key(cover: Image, cell: Cell) -> Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        key = key_of({**cell, "key": "another"})
        marked: Any = Marker(cell["scheme"], key=key, psnr=42.0).embed(cover, b"another!")
    return np.asarray(marked)
