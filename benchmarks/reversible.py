"""How much ``reversible`` holds at a strength and whether the cover comes back; the same of robust marks that come off.

python benchmarks/reversible.py              # the evaluation photographs, 10 minutes on one core
python benchmarks/reversible.py --show

A pixel is a picture pixel, colour or grey. What fits is found by filling the picture, then written anew and restored.
"""

from __future__ import annotations

import io
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from harness.campaign import arguments, carry_out, exit_status
from harness.cells import DONE, IMPOSSIBLE, Cell, Row, key_of, rng_of
from harness.photographs import find, load
from harness.tables import text_table
from watermarking.embedders.reversible import Reversible
from watermarking.errors import CapacityError, FidelityError
from watermarking.messages.marker import Marker
from watermarking.metrics.psnr import psnr

if TYPE_CHECKING:
    from harness.photographs import Photograph

STRENGTHS = (30.0, 40.0, 48.0)
MESSAGE = "(c) Ada 2026"
QUALITY = 75


def main() -> None:
    """Measure what has no row yet, then print the means over the photographs."""
    options = arguments(__doc__).parse_args()
    pictures = {photograph.name: photograph for photograph in find("evaluation")}
    cells: list[Cell] = [
        {"part": "room", "photograph": name, "psnr": strength, "key": 0, "seed": 0}
        for name in pictures
        for strength in STRENGTHS
    ]
    cells += [{"part": "robust", "photograph": name, "key": 0, "seed": 0} for name in pictures]
    print(report(carry_out(cells, measure, ("photograph", "part"), options, name="reversible", pictures=pictures)))


def measure(cells: list[Cell], *, pictures: dict[str, Photograph]) -> list[Row]:
    """Measure cells of one photograph."""
    return [_of[cell["part"]](cell, load(pictures[cell["photograph"]])) for cell in cells]


def room(cell: Cell, cover: np.ndarray[Any, Any]) -> Row:
    """Fill a picture as far as a strength allows, and restore it."""
    key, scheme = key_of(cell), Reversible(psnr=cell["psnr"])
    n = scheme.room(cover, key=key)
    for share in (1.0, 0.99, 0.97, 0.94, 0.9):
        bits = rng_of(cell).random(int(n * share)) < 0.5
        try:
            start = time.process_time()
            marked = scheme.embed(cover, bits, key=key)
        except CapacityError:
            continue
        written = time.process_time()
        restored = scheme.restore(marked, key=key)
        undone = time.process_time()
        exact = np.array_equal(restored, cover) and np.array_equal(scheme.extract(marked, key=key).payload, bits)
        decoding = _decoding(cover)
        return {
            "status": DONE, "bits_a_pixel": bits.size / (cover.shape[0] * cover.shape[1]), "exact": exact,
            "reached": psnr(cover, marked), "embedding": (written - start) / decoding,
            "restoring": (undone - written) / decoding,
        }  # fmt: skip
    return {"status": IMPOSSIBLE, "reason": "no payload was taken"}


def robust(cell: Cell, cover: np.ndarray[Any, Any]) -> Row:
    """Mark robustly and reversibly; restore the copy, and read it after JPEG."""
    key = key_of(cell)
    marker = Marker(key=key, restorable=True)
    try:
        marked = marker.embed(cover, MESSAGE)
    except (CapacityError, FidelityError) as error:
        return {"status": IMPOSSIBLE, "reason": str(error)}
    stream = io.BytesIO()
    Image.fromarray(marked).save(stream, "JPEG", quality=QUALITY)
    attacked = np.asarray(Image.open(stream))
    alone = Marker(key=key).embed(cover, MESSAGE)
    return {
        "status": DONE, "exact": bool(np.array_equal(marker.restore(marked), cover)),
        "read": marker.extract(attacked).text == MESSAGE, "reached": psnr(cover, marked),
        "reached_by_mark": psnr(cover, alone),
    }  # fmt: skip


_of = {"room": room, "robust": robust}


def _decoding(cover: np.ndarray[Any, Any]) -> float:
    """Return the seconds that decoding the picture as a PNG takes, the median of five."""
    stream = io.BytesIO()
    Image.fromarray(cover).save(stream, "PNG")
    taken = []
    for _ in range(5):
        start = time.process_time()
        np.asarray(Image.open(io.BytesIO(stream.getvalue())))
        taken.append(time.process_time() - start)
    return max(statistics.median(taken), 1e-4)


def report(rows: list[Row]) -> str:
    """Return the means over the photographs, the least of them, and what came back."""
    lines = []
    for strength in STRENGTHS:
        mine = [row for row in rows if row["part"] == "room" and row["psnr"] == strength]
        done = [row for row in mine if row["status"] == DONE]
        if done:
            held = [row["bits_a_pixel"] for row in done]
            times = [statistics.median(row[name] for row in done) for name in ("embedding", "restoring")]
            lines.append(
                [f"{strength:g} dB", f"{statistics.fmean(held):.2f}", f"{min(held):.2f}",
                 f"{sum(row['exact'] for row in done)} of {len(mine)}", *(f"{one:.1f}" for one in times)]
            )  # fmt: skip
    names = ["not below", "bits a pixel", "least", "exact", "embedding / decoding", "restoring / decoding"]
    both = [row for row in rows if row["part"] == "robust"]
    done = [row for row in both if row["status"] == DONE]
    text = text_table(names, lines)
    if done:
        means = [statistics.fmean(row[name] for row in done) for name in ("reached", "reached_by_mark")]
        text += (
            f"\n\nrobust and reversible: {len(done)} of {len(both)} had room, "
            f"{sum(row['exact'] for row in done)} exact, "
            f"{sum(row['read'] for row in done)} read after JPEG {QUALITY}; {means[0]:.1f} dB, the mark alone "
            f"{means[1]:.1f} dB"
        )
    return text


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
